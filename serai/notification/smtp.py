"""The way out: one SMTP connection per lane, used for a bounded number of mails, a deadline on every command.

A failure is one of three: this mail is refused for good, it is deferred (or the server does not take our word: login,
sender), or the server cannot be reached. What the server said is kept for the delivery log, never for a log line, since
servers like to repeat addresses.
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

#: For one command and its answer; the answer to DATA may be slow where mail is scanned.
COMMAND_TIMEOUT_S = 20.0
MAILS_PER_CONNECTION = 50
#: A connection idle for longer is closed rather than trusted.
IDLE_S = 5.0

_DEFAULT_PORTS = {"smtp": 25, "smtps": 465}
#: These say something about us (log in first, wrong login, not from there), not about the recipient.
_ABOUT_US = frozenset({530, 534, 535, 538})
#: RFC 5321: the server ends the connection, whatever the command was.
_CLOSING = 421

Tls = Literal["implicit", "required", "optional", "no"]


class Failed(Exception):
    """The mail was not sent, or nobody can tell; `str` is for the delivery log."""


class Refused(Failed):
    """The server will not take this mail, now or later."""


class Deferred(Failed):
    """The server does not take it now."""


class Unreachable(Failed):
    """There was no server, or it went away; after a cut the mail may have been taken all the same."""


class SmtpServer(msgspec.Struct, frozen=True):
    """Where to hand mail in, and how."""

    host: str
    port: int
    tls: Tls
    username: str | None = None
    password: str | None = None
    #: PEM file with the authority of the server's certificate; the system's authorities when None.
    ca: str | None = None

    @classmethod
    def parse(cls, url: str) -> SmtpServer:
        """`smtp[s]://[user:password@]host[:port][?starttls=required|optional|no][&ca=/path]`.

        STARTTLS is required unless the server is on this machine. Raises `ValueError` that says what is wrong, and
        never repeats the URL, which holds a password.
        """
        parts = urlsplit(url)
        if parts.scheme not in _DEFAULT_PORTS:
            raise ValueError("begins with neither smtp:// nor smtps://")
        try:
            host, port = parts.hostname, parts.port or _DEFAULT_PORTS[parts.scheme]
        except ValueError:
            raise ValueError("the port is not a number from 1 to 65535") from None
        if not host:
            raise ValueError("names no host")
        if parts.path not in ("", "/") or parts.fragment:
            raise ValueError("has something after the host; special characters in the password are written as %XX")
        if (parts.username is None) != (parts.password is None) or parts.username == "":
            raise ValueError("give user and password, or neither")
        options = parse_qsl(parts.query, keep_blank_values=True)
        unknown = {name for name, _ in options} - {"starttls", "ca"}
        if unknown or len(dict(options)) != len(options):
            raise ValueError("the options are starttls and ca, each once")
        local = _is_loopback(host)
        starttls = dict(options).get("starttls", "optional" if local else "required")
        if starttls not in ("required", "optional", "no"):
            raise ValueError("starttls is required, optional or no")
        if parts.scheme == "smtps" and "starttls" in dict(options):
            raise ValueError("smtps:// is TLS from the start; starttls belongs to smtp://")
        tls: Tls = "implicit" if parts.scheme == "smtps" else _tls(starttls)
        if parts.username is not None and tls in ("optional", "no") and not local:
            raise ValueError("would send the password in clear; use starttls=required or smtps://")
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


class Lane:
    """One connection at a time to the server; for one task."""

    def __init__(self, server: SmtpServer, hostname: str) -> None:
        """`hostname` is what we call ourselves in EHLO."""
        self._server = server
        self._hostname = hostname
        self._client: aiosmtplib.SMTP | None = None
        self._sent = 0
        self._used_at = 0.0

    async def send(self, sender: str, recipient: str, message: bytes) -> None:
        """Returns when the server has taken the mail. Raises `Refused`, `Deferred`, `Unreachable`."""
        import aiosmtplib  # Deferred: a process that has nothing to send does not pay for it.

        try:
            client = await self._begun(sender, len(message), utf8=not recipient.isascii())
            await client.rcpt(recipient, encoding="utf-8")
            await client.data(message)
        except (aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPDataError) as error:
            await self.close()
            raise _refusal(error.code, error.message) from None
        except (aiosmtplib.SMTPConnectError, aiosmtplib.SMTPServerDisconnected, TimeoutError, OSError) as error:
            await self.close()
            raise Unreachable(f"{type(error).__name__}: {error}") from None
        except aiosmtplib.SMTPNotSupported as error:
            await self.close()
            raise (Deferred if recipient.isascii() else Refused)(str(error)) from None
        except aiosmtplib.SMTPException as error:
            # Hello, STARTTLS, login, sender: it is us who are not welcome, which somebody can put right.
            await self.close()
            code = f"{error.code} " if isinstance(error, aiosmtplib.SMTPResponseException) else ""
            raise Deferred(f"{code}{error.message}") from None
        except BaseException:
            self._drop()
            raise
        self._sent += 1
        self._used_at = asyncio.get_running_loop().time()

    async def _begun(self, sender: str, size: int, *, utf8: bool) -> aiosmtplib.SMTP:
        """A connection on which the server has agreed to take a mail from us. One that was used before may have died
        since; nothing of this mail has been handed over by then, so another one takes its place at once."""
        import aiosmtplib

        if (client := await self._used_before()) is not None:
            try:
                await _begin(client, sender, size, utf8=utf8)
                return client
            except (aiosmtplib.SMTPServerDisconnected, TimeoutError, OSError):
                self._drop()
            except aiosmtplib.SMTPSenderRefused as error:
                if error.code != _CLOSING:
                    raise
                self._drop()
        client = await self._connected()
        await _begin(client, sender, size, utf8=utf8)
        return client

    async def _used_before(self) -> aiosmtplib.SMTP | None:
        if self._client is None:
            return None
        idle_s = asyncio.get_running_loop().time() - self._used_at
        if self._client.is_connected and idle_s < IDLE_S and self._sent < MAILS_PER_CONNECTION:
            return self._client
        await self.close()
        return None

    async def _connected(self) -> aiosmtplib.SMTP:
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
        """Part politely if the server listens; never raises."""
        import aiosmtplib

        if self._client is not None and self._client.is_connected:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await self._client.quit(timeout=2.0)
        self._drop()

    async def rest(self) -> None:
        """Nothing to send for now: an idle connection is not kept."""
        if self._client is not None and asyncio.get_running_loop().time() - self._used_at > IDLE_S:
            await self.close()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


async def _begin(client: aiosmtplib.SMTP, sender: str, size: int, *, utf8: bool) -> None:
    import aiosmtplib

    options = [f"SIZE={size}"] if client.supports_extension("size") else []
    if utf8:
        if not client.supports_extension("smtputf8"):
            raise aiosmtplib.SMTPNotSupported("the server takes no addresses in other letters than ASCII's")
        options += ["SMTPUTF8", "BODY=8BITMIME"]
    await client.mail(sender, options=options)


def _refusal(code: int, message: str) -> Failed:
    for_good = code >= 500 and code not in _ABOUT_US
    return (Refused if for_good else Deferred)(f"{code} {message}")
