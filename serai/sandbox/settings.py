"""The sandbox's settings, all from the environment, each with the prefix `SERAI_SANDBOX_`.

- `DIR`: folder of the state, the emails and `endpoints.json`; required.
- `STRIPE`, `MAIL`, `SMTP`: host:port of the Stripe API and its pages, of the inbox over HTTP, of the SMTP server; each
  `127.0.0.1:0` by default. Port 0 chooses a free one, and after a restart the same one if it is still free. `off`
  disables that part, for use with the real system.
- `SITE`: origin of the payment pages as a browser reaches them; the Stripe address by default.
- `STRIPE_KEY`: the accepted secret key; `sk_test_sandbox` by default.
- `WEBHOOK_SECRET`: the key that signs webhooks; `whsec_sandbox` by default.
- `WEBHOOK_URL`: the webhook endpoint; none until set here or by `POST /_webhook`.
- `SMTP_AUTH`: `user:password` that SMTP clients must present; none by default.
- `SMTP_CERT`, `SMTP_KEY`: PEM files; with them the SMTP server offers STARTTLS and requires it.

Each can instead be set as `…_FILE`, the path of a file with the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

Address = tuple[str, int]

DEFAULT_KEY = "sk_test_sandbox"
DEFAULT_SECRET = "whsec_sandbox"  # noqa: S105 - not a real secret


class BadSettings(Exception):
    """All problems with the environment, one per line."""


@dataclass(frozen=True, slots=True)
class Settings:
    directory: Path
    stripe: Address | None = ("127.0.0.1", 0)
    mail: Address | None = ("127.0.0.1", 0)
    smtp: Address | None = ("127.0.0.1", 0)
    site: str | None = None
    stripe_key: str = DEFAULT_KEY
    webhook_secret: str = DEFAULT_SECRET
    webhook_url: str | None = None
    smtp_auth: tuple[str, str] | None = None
    smtp_tls: tuple[Path, Path] | None = None


def from_environment(environment: Mapping[str, str]) -> Settings:
    problems: list[str] = []

    def value(name: str) -> str:
        file = environment.get(f"SERAI_SANDBOX_{name}_FILE")
        if file is None:
            return environment.get(f"SERAI_SANDBOX_{name}", "")
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            problems.append(f"SERAI_SANDBOX_{name}_FILE cannot be read")
            return ""

    def address(name: str) -> Address | None:
        if value(name) == "off":
            return None
        host, separator, port = (value(name) or "127.0.0.1:0").rpartition(":")
        if not separator or not host or not port.isdecimal() or int(port) > 65535:
            problems.append(f"SERAI_SANDBOX_{name} is not host:port")
            return ("127.0.0.1", 0)
        return (host.strip("[]"), int(port))

    if environment.get("SERAI_MODE") == "production":
        problems.append("SERAI_MODE is production: the sandbox must not replace real systems in production")
    if not value("DIR"):
        problems.append("SERAI_SANDBOX_DIR is missing")
    auth = value("SMTP_AUTH").partition(":")
    if value("SMTP_AUTH") and not (auth[0] and auth[2]):
        problems.append("SERAI_SANDBOX_SMTP_AUTH is not user:password")
    cert, key = value("SMTP_CERT"), value("SMTP_KEY")
    if bool(cert) != bool(key):
        problems.append("SERAI_SANDBOX_SMTP_CERT and SERAI_SANDBOX_SMTP_KEY must be set together")
    settings = Settings(
        directory=Path(value("DIR")),
        stripe=address("STRIPE"),
        mail=address("MAIL"),
        smtp=address("SMTP"),
        site=value("SITE").rstrip("/") or None,
        stripe_key=value("STRIPE_KEY") or DEFAULT_KEY,
        webhook_secret=value("WEBHOOK_SECRET") or DEFAULT_SECRET,
        webhook_url=value("WEBHOOK_URL") or None,
        smtp_auth=(auth[0], auth[2]) if auth[2] else None,
        smtp_tls=(Path(cert), Path(key)) if cert and key else None,
    )
    if problems:
        raise BadSettings("\n".join(dict.fromkeys(problems)))
    return settings
