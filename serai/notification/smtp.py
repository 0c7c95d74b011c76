"""An SMTP client with a reused connection, a limit on emails per connection and a timeout on every command.

A failure has one of three kinds: the server refuses this email permanently (`Refused`), it defers the email or rejects
us, i.e. our login or sender address (`Deferred`), or it cannot be reached (`Unreachable`). The server's response goes
into the delivery log and never into a log line, because servers repeat addresses in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import ssl
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

if TYPE_CHECKING:
    import aiosmtplib

#: For one command and its response; the response to DATA is slow where the server scans for spam.
COMMAND_TIMEOUT_S = 20.0
EMAILS_PER_CONNECTION = 50
#: A connection that has been idle for longer is closed instead of reused.
IDLE_S = 5.0

_DEFAULT_PORTS = {"smtp": 25, "smtps": 465}
#: Permanent errors about us (authentication required or failed), not about the email.
_AUTHENTICATION_CODES = frozenset({530, 534, 535, 538})
#: The server closes the connection, whatever the command was (RFC 5321).
_CLOSING = 421

Tls = Literal["implicit", "required", "optional", "no"]


class DeliveryFailed(Exception):
    """The email was not sent, or it is unknown whether it was. `str` is the reason for the delivery log."""


class Refused(DeliveryFailed):
    """The server refuses this email permanently."""


class Deferred(DeliveryFailed):
    """The server does not accept the email now."""


class Unreachable(DeliveryFailed):
    """The server did not respond or closed the connection. It may have accepted the email before that."""


class SmtpServer(msgspec.Struct, frozen=True):
    """The address of the SMTP server, the use of TLS and the login."""

    host: str
    port: int
    tls: Tls
    username: str | None = None
    password: str | None = None
    #: PEM file of the certificate authority; None uses the system's authorities.
    ca: str | None = None

    @classmethod
    def parse(cls, url: str) -> SmtpServer:
        """`smtp[s]://[user:password@]host[:port][?starttls=required|optional|no][&ca=/path]`.

        STARTTLS is required by default unless the host is a loopback address. Raises `ValueError` with a message that
        does not contain the URL, because that contains a password.
        """
        parts = urlsplit(url)
        if parts.scheme not in _DEFAULT_PORTS:
            raise ValueError("must begin with smtp:// or smtps://")
        try:
            host, port = parts.hostname, parts.port or _DEFAULT_PORTS[parts.scheme]
        except ValueError:
            raise ValueError("the port must be a number from 1 to 65535") from None
        if not host:
            raise ValueError("has no host")
        if parts.path not in ("", "/") or parts.fragment:
            raise ValueError("must end after the host; encode special characters in the password as %XX")
        if (parts.username is None) != (parts.password is None) or parts.username == "":
            raise ValueError("must have both user and password, or neither")
        options = parse_qsl(parts.query, keep_blank_values=True)
        unknown = {name for name, _ in options} - {"starttls", "ca"}
        if unknown or len(dict(options)) != len(options):
            raise ValueError("has an unknown or repeated option; the options are starttls and ca")
        local = _is_loopback(host)
        starttls = dict(options).get("starttls", "optional" if local else "required")
        if starttls not in ("required", "optional", "no"):
            raise ValueError("starttls must be required, optional or no")
        if parts.scheme == "smtps" and "starttls" in dict(options):
            raise ValueError("starttls cannot be used with smtps://, which always uses TLS")
        tls: Tls = "implicit" if parts.scheme == "smtps" else _tls(starttls)
        if parts.username is not None and tls in ("optional", "no") and not local:
            raise ValueError("would send the password unencrypted; use starttls=required or smtps://")
        return cls(
            host,
            port,
            tls,
            None if parts.username is None else unquote(parts.username),
            None if parts.password is None else unquote(parts.password),
            dict(options).get("ca"),
        )


def _tls(starttls: str) -> Tls:
    return "required" if starttls == "required" else "optional" if starttls == "optional" else "no"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class SmtpClient:
    """Sends one email at a time over a connection that is opened when needed and reused. For use by one task."""

    def __init__(self, server: SmtpServer, hostname: str) -> None:
        """`hostname` is sent in EHLO."""
        self._server = server
        self._hostname = hostname
        self._client: aiosmtplib.SMTP | None = None
        self._sent = 0
        self._used_at = 0.0

    async def send(self, sender: str, recipient: str, message: bytes) -> None:
        """Returns when the server has accepted the email. Raises `Refused`, `Deferred`, `Unreachable`."""
        import aiosmtplib  # Imported on first use: a process that sends no email does not need it.

        try:
            client = await self._begin_email(sender, len(message), utf8=not recipient.isascii())
            await client.rcpt(recipient, encoding="utf-8")
            await client.data(message)
        except (aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPDataError) as error:
            await self.close()
            raise _failure(error.code, error.message) from None
        except (aiosmtplib.SMTPConnectError, aiosmtplib.SMTPServerDisconnected, TimeoutError, OSError) as error:
            await self.close()
            raise Unreachable(f"{type(error).__name__}: {error}") from None
        except aiosmtplib.SMTPNotSupported as error:
            await self.close()
            raise (Deferred if recipient.isascii() else Refused)(str(error)) from None
        except aiosmtplib.SMTPException as error:
            # EHLO, STARTTLS, login or sender: the server rejects us, which an operator can fix.
            await self.close()
            code = f"{error.code} " if isinstance(error, aiosmtplib.SMTPResponseException) else ""
            raise Deferred(f"{code}{error.message}") from None
        except BaseException:
            self._drop()
            raise
        self._sent += 1
        self._used_at = asyncio.get_running_loop().time()

    async def _begin_email(self, sender: str, size: int, *, utf8: bool) -> aiosmtplib.SMTP:
        """A connection on which the server has accepted MAIL FROM.

        If a reused connection turns out to be closed, a new one replaces it at once: nothing of this email has been
        sent over the old one.
        """
        import aiosmtplib

        if (client := await self._reusable_client()) is not None:
            try:
                await _mail_from(client, sender, size, utf8=utf8)
                return client
            except (aiosmtplib.SMTPServerDisconnected, TimeoutError, OSError):
                self._drop()
            except aiosmtplib.SMTPSenderRefused as error:
                if error.code != _CLOSING:
                    raise
                self._drop()
        client = await self._connect()
        await _mail_from(client, sender, size, utf8=utf8)
        return client

    async def _reusable_client(self) -> aiosmtplib.SMTP | None:
        if self._client is None:
            return None
        idle_s = asyncio.get_running_loop().time() - self._used_at
        if self._client.is_connected and idle_s < IDLE_S and self._sent < EMAILS_PER_CONNECTION:
            return self._client
        await self.close()
        return None

    async def _connect(self) -> aiosmtplib.SMTP:
        import aiosmtplib

        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            local_hostname=self._hostname,
            timeout=COMMAND_TIMEOUT_S,
            use_tls=server.tls == "implicit",
            start_tls={"required": True, "optional": None, "no": False, "implicit": False}[server.tls],
            tls_context=None if server.ca is None else ssl.create_default_context(cafile=server.ca),
        )
        await client.connect()
        self._client, self._sent = client, 0
        if client.is_ehlo_or_helo_needed:
            try:
                await client.ehlo()
            except aiosmtplib.SMTPHeloError:
                await client.helo()
        return client

    async def close(self) -> None:
        """Send QUIT if the server is connected, and close the connection. Never raises."""
        import aiosmtplib

        if self._client is not None and self._client.is_connected:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await self._client.quit(timeout=2.0)
        self._drop()

    async def close_if_idle(self) -> None:
        """Close the connection if it has been idle for longer than `IDLE_S`."""
        if self._client is not None and asyncio.get_running_loop().time() - self._used_at > IDLE_S:
            await self.close()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


async def _mail_from(client: aiosmtplib.SMTP, sender: str, size: int, *, utf8: bool) -> None:
    import aiosmtplib

    options = [f"SIZE={size}"] if client.supports_extension("size") else []
    if utf8:
        if not client.supports_extension("smtputf8"):
            raise aiosmtplib.SMTPNotSupported("The server does not support internationalized addresses (SMTPUTF8).")
        options += ["SMTPUTF8", "BODY=8BITMIME"]
    await client.mail(sender, options=options)


def _failure(code: int, message: str) -> DeliveryFailed:
    permanent = code >= 500 and code not in _AUTHENTICATION_CODES
    return (Refused if permanent else Deferred)(f"{code} {message}")
