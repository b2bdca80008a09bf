"""API keys: make, rotate and revoke them; recognise the caller behind a secret.

A secret is kept nowhere. The database has its HMAC-SHA256 under the setting API_KEY_PEPPER, which is in no dump, and
the few characters by which its owner tells keys apart. What a secret was found to be is remembered for five seconds;
every change is announced by the database before that (migration 0003), and `forget` acts on the announcement.
"""

from __future__ import annotations

import hmac
import secrets
import string
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from ipaddress import ip_network
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from accounts.callers import Caller, KeyDisabled, KeyUnknown, Memory, OrganizationDisabled, Refusal
from accounts.fields import network
from accounts.models import APIKey, KeyGroup, Organization, Status, User

__all__ = [
    "Caller",
    "KeyDisabled",
    "KeyUnknown",
    "OrganizationDisabled",
    "digest_of",
    "forget",
    "forget_all",
    "issue",
    "recall",
    "recognise",
    "recognise_expired",
    "revoke",
    "rotate",
]

ALPHABET = string.ascii_letters + string.digits
RANDOM_CHARACTERS = 43  # of 62 kinds: 256 bits, of which 208 stay unknown to those who see the shown ones
SHOWN_CHARACTERS = 4  # at either end

# `given` is the row of the secret itself; `k` the key whose identity and limits it has: another row for former secrets.
WHO = """
SELECT k.id, k.created_by_id, o.id, o.slug, p.slug,
       COALESCE(k.rpm, o.chat_rpm, p.chat_rpm), COALESCE(k.rpm, o.image_rpm, p.image_rpm),
       k.type, g.slug, g.platforms, g.models, k.models, k.networks,
       k.daily_cap_nusd, k.monthly_cap_nusd, k.total_cap_nusd, k.log_bodies,
       LEAST(given.expires_at, k.expires_at), LEAST(given.revoked_at, k.revoked_at), g.is_active, o.status
  FROM accounts_apikey given
  JOIN accounts_apikey k ON k.id = COALESCE(given.replaced_by_id, given.id)
  JOIN accounts_organization o ON o.id = k.organization_id
  JOIN accounts_plan p ON p.id = o.plan_id
  LEFT JOIN accounts_keygroup g ON g.id = k.group_id
 WHERE given.digest = %s
"""

_memory = Memory()


def issue(
    organization: Organization,
    *,
    name: str = "",
    created_by: User | None = None,
    type: str = "general",  # noqa: A002
    group: KeyGroup | None = None,
    models: Iterable[str] = (),
    networks: Iterable[str] = (),
    rpm: int | None = None,
    daily_cap_nusd: int | None = None,
    monthly_cap_nusd: int | None = None,
    total_cap_nusd: int | None = None,
    log_bodies: bool = False,
    expires_at: datetime | None = None,
) -> tuple[APIKey, str]:
    """A new key and its secret, which nobody can ever show again. Raises ValidationError for what it cannot have."""
    key = APIKey(
        organization=organization,
        created_by=created_by,
        name=name.strip(),
        type=type,
        group=group,
        models=list(dict.fromkeys(models)),
        networks=list(networks),
        rpm=rpm,
        daily_cap_nusd=daily_cap_nusd,
        monthly_cap_nusd=monthly_cap_nusd,
        total_cap_nusd=total_cap_nusd,
        log_bodies=log_bodies,
        expires_at=expires_at,
    )
    secret = _give_secret(key)
    key.full_clean()
    key.networks = list(dict.fromkeys(network(text) for text in key.networks))
    if expires_at is not None and expires_at <= timezone.now():
        raise ValidationError({"expires_at": "The key would have expired already."})
    if group is not None and not group.is_active:
        raise ValidationError({"group": f"The group {group} is switched off."})
    if organization.status == Status.CLOSED:
        raise ValidationError({"organization": f"The organization {organization} is closed."})
    key.save(force_insert=True)
    return key, secret


def rotate(key: APIKey, *, overlap: timedelta) -> tuple[APIKey, str]:
    """Give the key a new secret; the former one works until `overlap` from now, but not beyond the key's own expiry.

    The key keeps its id, and with it its limits, spending and history; the former secret is the same caller.
    Returns the key and its new secret. Raises ValidationError for a key that is not active or itself a former secret,
    and for a negative overlap.
    """
    if overlap < timedelta():
        raise ValidationError("The overlap of two secrets cannot be negative.")
    with transaction.atomic():
        key = APIKey.objects.select_for_update().get(pk=key.pk)
        if key.status != "active" or key.replaced_by_id is not None:
            raise ValidationError(f"The key {key.masked} is {'replaced' if key.replaced_by_id else key.status}.")
        former = _former(key, overlap)
        secret = _give_secret(key)
        key.save(update_fields=["prefix", "last_four", "digest"])
        former.save(force_insert=True)
    forget(former.digest.hex())
    return key, secret


def revoke(key: APIKey) -> None:
    """End the key now, with its former secrets; or, given a former secret, that one alone. Revoking twice is once."""
    APIKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
    key.refresh_from_db(fields=["revoked_at"])
    forget_all()


def digest_of(secret: str) -> bytes:
    """What the database has instead of the secret. Any text has a digest, even what cannot be encoded."""
    return hmac.digest(settings.API_KEY_PEPPER.encode(), secret.encode(errors="surrogatepass"), "sha256")


def recall(secret: str) -> Caller | None:
    """Who the secret was found to be within the last seconds, from memory alone; None: ask `recognise`.

    Raises KeyUnknown, KeyDisabled or OrganizationDisabled when that is what was found.
    """
    return _memory.recall(digest_of(secret))


def recognise(secret: str) -> Caller:
    """Who the secret is, from memory or by one SELECT. Raises KeyUnknown, KeyDisabled, OrganizationDisabled."""
    digest = digest_of(secret)
    caller = _memory.recall(digest)
    if caller is not None:
        return caller
    age = _memory.age
    found = _judge(_read(digest))
    _memory.remember(digest, found, age)
    if isinstance(found, Caller):
        return found
    raise found()


def recognise_expired(secret: str) -> Caller:
    """As `recognise`, but an expired key is recognised too: for what it may still read about itself. No memory."""
    found = _judge(_read(digest_of(secret)), expired_too=True)
    if isinstance(found, Caller):
        return found
    raise found()


def recognise_key(key_id: int) -> Caller:
    """As `recognise`, for work that outlives its request: it has the key's id and not its secret. No memory."""
    key = APIKey.objects.filter(pk=key_id).only("digest").first()
    found = _judge(None if key is None else _read(bytes(key.digest)))
    if isinstance(found, Caller):
        return found
    raise found()


def forget(digest_hex: str) -> None:
    """Ask the database again about the secret with this digest."""
    try:
        _memory.forget(bytes.fromhex(digest_hex))
    except ValueError:  # not from our triggers, but anyone may NOTIFY
        _memory.forget_all()


def forget_all() -> None:
    """Ask the database again about every secret."""
    _memory.forget_all()


def _former(key: APIKey, overlap: timedelta) -> APIKey:
    """The row that lets the present secret of `key` live on for a while."""
    now = timezone.now()
    return APIKey(
        organization_id=key.organization_id,
        created_by_id=key.created_by_id,
        name=key.name,
        type=key.type,
        prefix=key.prefix,
        last_four=key.last_four,
        digest=bytes(key.digest),
        created_at=key.created_at,
        expires_at=now + overlap,  # or when the key itself expires: WHO takes the earlier
        revoked_at=None if overlap else now,
        replaced_by=key,
    )


def _give_secret(key: APIKey) -> str:
    random = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS))
    secret = f"{settings.API_KEY_PREFIX}{random}"
    key.prefix = secret[: -RANDOM_CHARACTERS + SHOWN_CHARACTERS]
    key.last_four = secret[-SHOWN_CHARACTERS:]
    key.digest = digest_of(secret)
    return secret


def _read(digest: bytes) -> tuple[Any, ...] | None:
    try:
        return _select(digest)
    except (OperationalError, InterfaceError):
        # This thread's connection may have died with a restarted database; nobody else would replace it.
        if connection.in_atomic_block:
            raise
        connection.close()
        return _select(digest)


def _select(digest: bytes) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(WHO, [digest])
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row


def _judge(row: tuple[Any, ...] | None, *, expired_too: bool = False) -> Caller | Refusal:
    """The caller of a row of WHO, or why there is none. What is wrong with the key itself is said first."""
    if row is None:
        return KeyUnknown
    (key_id, user_id, organization_id, organization_slug, plan, chat_rpm, image_rpm) = row[:7]
    (key_type, group, platforms, group_models, key_models, networks) = row[7:13]
    (daily_cap_nusd, monthly_cap_nusd, total_cap_nusd, log_bodies) = row[13:17]
    (expires_at, revoked_at, group_is_active, status) = row[17:]
    if revoked_at is not None:
        return partial(KeyDisabled, "revoked", revoked_at)
    if expires_at is not None and expires_at <= timezone.now() and not expired_too:
        return partial(KeyDisabled, "expired", expires_at)
    if group_is_active is False:
        return partial(KeyDisabled, "disabled")
    if status != Status.ACTIVE:
        return partial(OrganizationDisabled, status)
    return Caller(
        key_id=key_id,
        user_id=user_id,
        organization_id=organization_id,
        organization_slug=organization_slug,
        plan=plan,
        chat_rpm=chat_rpm,
        image_rpm=image_rpm,
        key_type=key_type,
        group=group,
        platforms=frozenset(platforms) if platforms else None,
        models=tuple(frozenset(slugs) for slugs in (key_models, group_models) if slugs),
        networks=tuple(ip_network(cidr) for cidr in networks),
        daily_cap_nusd=daily_cap_nusd,
        monthly_cap_nusd=monthly_cap_nusd,
        total_cap_nusd=total_cap_nusd,
        log_bodies=log_bodies,
        expires_at=expires_at,
    )
