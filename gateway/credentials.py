"""Provider secrets: sealed in the database, opened once per process, never shown, logged or put in an error."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from catalog.models import Provider
from gateway.models import Credential


def store(provider: Provider, secret: str) -> None:
    """Seal `secret` for `provider`, replacing what was there, and mark the provider as ready to be called."""
    with transaction.atomic():
        Credential.objects.update_or_create(
            provider=provider,
            defaults={"sealed": _box().encrypt(secret.encode()), "last_four": secret[-4:] if len(secret) >= 12 else ""},
        )
        Provider.objects.filter(pk=provider.pk).update(has_credential=True)


def drop(provider: Provider) -> None:
    """Forget the secret of `provider`; its endpoints are not routed to any more."""
    with transaction.atomic():
        Credential.objects.filter(provider=provider).delete()
        Provider.objects.filter(pk=provider.pk).update(has_credential=False)


def open_all() -> Mapping[int, str]:
    """provider id → secret, of every provider that has one. Raises ImproperlyConfigured for a wrong CREDENTIAL_KEY."""
    return {credential.provider_id: reveal(credential) for credential in Credential.objects.all()}


def reveal(credential: Credential) -> str:
    """The secret of one credential, for the call that needs it."""
    try:
        return _box().decrypt(bytes(credential.sealed)).decode()
    except InvalidToken as error:
        raise ImproperlyConfigured(
            f"The credential of provider {credential.provider_id} cannot be opened: CREDENTIAL_KEY is not the key it "
            "was sealed with. Set the old key after the new one, separated by a comma, or enter the credential again."
        ) from error


def _box() -> MultiFernet:
    """CREDENTIAL_KEY may list several keys, newest first: the first seals, any opens. So the key can be rotated."""
    return MultiFernet([Fernet(_derived(key.strip())) for key in settings.CREDENTIAL_KEY.split(",")])


def _derived(key: str) -> bytes:
    derivation = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"tollgate provider credentials")
    return base64.urlsafe_b64encode(derivation.derive(key.encode()))
