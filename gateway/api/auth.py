"""Who is calling? Reads the key out of a request and asks accounts.keys whom it belongs to.

Nothing here ever repeats a key, not even a part of it: answers and logs are read by more people than the customer.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import parse_qsl

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import Error as DatabaseFailure

from accounts import keys
from accounts.keys import Caller, KeyDisabled, KeyUnknown, OrganizationDisabled
from gateway.errors import (
    AccountDisabled,
    ApiKeyDisabled,
    InternalError,
    InvalidApiKey,
    KeyScopeMismatch,
    MissingApiKey,
)

ACCEPTED = ("Authorization", "x-api-key", "x-goog-api-key")
BLANK = " \t"  # what HTTP calls white space; str.strip would take some of Latin-1 with it
SECRET = re.compile(r"[!-+\--~]{1,256}")  # visible ASCII; a comma means that the header was sent twice

_asked: dict[str, asyncio.Task[Caller]] = {}  # secrets that the database is being asked about
_ask = sync_to_async(keys.recognise)
_ask_expired = sync_to_async(keys.recognise_expired)


async def recognise(
    headers: Mapping[str, str], query: str, peer: str, path: str = "", *, expired_too: bool = False
) -> Caller:
    """The caller behind a request. `query` is the raw query string, `peer` the address that the connection came from.

    Raises MissingApiKey, InvalidApiKey, ApiKeyDisabled, AccountDisabled; KeyScopeMismatch for an address outside the
    key's allow-list; InternalError when the database is needed and away.
    """
    secret = secret_of(headers, query, path)
    try:
        caller = keys.recall(secret) or await _look_up(secret)
    except KeyUnknown:
        raise _invalid() from None
    except KeyDisabled as disabled:
        if expired_too and disabled.reason == "expired":
            return await _ask_expired(secret)
        raise ApiKeyDisabled(
            f"This API key is {disabled.reason}.", reason=disabled.reason, since=disabled.since
        ) from None
    except OrganizationDisabled as disabled:
        raise AccountDisabled(f"This account is {disabled.reason}.", reason=disabled.reason) from None
    except DatabaseFailure as error:
        raise InternalError("The key cannot be checked right now; nothing was charged.") from error
    if caller.networks:
        must_come_from(caller, client_ip(peer, headers, settings.TRUSTED_PROXY_HOPS))
    return caller


def secret_of(headers: Mapping[str, str], query: str = "", path: str = "") -> str:
    """The key as it was sent: `Authorization: Bearer`, else `x-api-key`, else `x-goog-api-key`; the first one counts.

    On Google's paths (v1beta) also `?key=`; nowhere else, because addresses end up in logs. Raises MissingApiKey, or
    InvalidApiKey for what cannot be a key.
    """
    authorization = _header(headers, "authorization")
    scheme, _, token = authorization.partition(" ")
    bears = scheme.lower() == "bearer"
    secret = token.strip(BLANK) if bears else ""
    secret = secret or _header(headers, "x-api-key") or _header(headers, "x-goog-api-key")
    if not secret and query and "v1beta" in path.split("/"):
        secret = _parameter(query, "key")
    if secret:
        if not SECRET.fullmatch(secret):
            raise _invalid()
        return secret
    if authorization and not bears:
        raise _invalid("The Authorization header must read `Bearer <key>`.")
    raise MissingApiKey(accepted_headers=list(ACCEPTED))


def client_ip(peer: str, headers: Mapping[str, str], trusted_hops: int) -> IPv4Address | IPv6Address | None:
    """The customer's address, or None when it cannot be told.

    `trusted_hops` is the number of our own proxies before this server. Each appends to X-Forwarded-For the address that
    it was reached from, so the customer's is that many places from the end; what stands before it anyone may have made
    up. With 0 the header means nothing.
    """
    text = peer
    if trusted_hops > 0:
        forwarded = [part for part in _header(headers, "x-forwarded-for").split(",") if part.strip()]
        chain = [*forwarded, peer]
        text = chain[max(0, len(chain) - 1 - trusted_hops)]
    return _address(text.strip())


def must_come_from(caller: Caller, address: IPv4Address | IPv6Address | None) -> None:
    """Raises KeyScopeMismatch unless the key may be used from `address`."""
    if address is None or not any(address in network for network in caller.networks):
        raise KeyScopeMismatch(
            f"This key may not be used from {address or 'an unknown address'}: it has an allow-list of networks.",
            key_type=caller.key_type,
        )


async def _look_up(secret: str) -> Caller:
    """Ask the database; calls with the same key that come meanwhile wait for the same answer."""
    task = _asked.get(secret)
    if task is None or task.get_loop() is not asyncio.get_running_loop():
        task = asyncio.get_running_loop().create_task(_ask(secret), name="look-up-key")
        _asked[secret] = task
        task.add_done_callback(lambda done: _forget(secret, done))
    return await asyncio.shield(task)


def _forget(secret: str, task: asyncio.Task[Caller]) -> None:
    if _asked.get(secret) is task:
        del _asked[secret]
    if not task.cancelled():
        task.exception()  # whoever asked may have left


def _header(headers: Mapping[str, str], name: str) -> str:
    """A header's value whatever the case of its name; "" when it is not there."""
    value = headers.get(name)
    if value is None:
        value = next((value for other, value in headers.items() if other.lower() == name), "")
    return value.strip(BLANK)


def _parameter(query: str, name: str) -> str:
    """The first value of a parameter in the address; "" when it is not there."""
    try:
        return next((value for key, value in parse_qsl(query, max_num_fields=100) if key == name), "")
    except ValueError:  # more parameters than any honest address has
        return ""


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address as proxies write it: plain, `[v6]`, with a port, with a zone, or IPv4 inside IPv6."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _invalid(message: str = "") -> InvalidApiKey:
    return InvalidApiKey(message, key_prefix=settings.API_KEY_PREFIX)
