"""What REDIS_URL says: where Redis is, how to greet it, whether to speak TLS. Pure."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

_VERIFY = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


class BadAddress(ValueError):
    """The URL cannot be used; the message says why and quotes no secret."""


@dataclass(frozen=True, slots=True)
class Address:
    """One Redis database."""

    host: str = ""
    port: int = 6379
    path: str = ""  # of a Unix socket; then host and port mean nothing
    database: int = 0
    username: str = ""
    password: str = field(default="", repr=False)
    secure: bool = False
    verify: str = "required"  # none | optional | required: of the server's certificate
    authorities: str = ""  # a file of certificates to trust instead of the system's

    def __str__(self) -> str:
        return f"{self.path or f'{self.host}:{self.port}'}/{self.database}"

    def tls(self) -> ssl.SSLContext | None:
        """The TLS settings; None for a plain connection."""
        if not self.secure:
            return None
        context = ssl.create_default_context(cafile=self.authorities or None)
        context.check_hostname = self.verify == "required"
        context.verify_mode = _VERIFY[self.verify]
        return context

    def greeting(self) -> list[tuple[str | bytes | int, ...]]:
        """The commands that begin a connection; when the last one is answered, Redis is there and ready."""
        words: list[tuple[str | bytes | int, ...]] = []
        if self.password:
            words.append(("AUTH", self.username, self.password) if self.username else ("AUTH", self.password))
        if self.database:
            words.append(("SELECT", self.database))
        return [*words, ("PING",)]


def parse(url: str) -> Address:
    """Read `redis://[[user]:password@]host[:port][/database]`, the same with `rediss://`, or
    `unix://[[user]:password@]/path/to.sock[?db=database]`.

    `ssl_cert_reqs` (none, optional, required) and `ssl_ca_certs` (a file) may follow, as redis-py and Celery read them.
    Raises BadAddress.
    """
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    verify = query.get("ssl_cert_reqs", "required").lower().removeprefix("cert_")
    if verify not in _VERIFY:
        raise BadAddress("ssl_cert_reqs in REDIS_URL must be none, optional or required.")
    local = parts.scheme in ("unix", "redis+socket")
    if not local and parts.scheme not in ("redis", "rediss"):
        raise BadAddress("REDIS_URL must start with redis://, rediss:// or unix://.")
    path = unquote(parts.path)
    if local and not path.startswith("/"):
        raise BadAddress("REDIS_URL must name the socket by its whole path: unix:///path/to/redis.sock.")
    database = query.get("db") or query.get("virtual_host") or ("" if local else path.strip("/")) or "0"
    try:
        port = parts.port or 6379
    except ValueError:
        raise BadAddress("The port in REDIS_URL is not a number up to 65535.") from None
    if not (database.isascii() and database.isdigit()):
        raise BadAddress("The database in REDIS_URL must be a number.")
    return Address(
        host="" if local else unquote(parts.hostname or "127.0.0.1"),
        port=port,
        path=path if local else "",
        database=int(database),
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        secure=parts.scheme == "rediss",
        verify=verify,
        authorities=query.get("ssl_ca_certs", ""),
    )
