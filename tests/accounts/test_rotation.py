"""Rotation: the key gets a new secret and stays the same key; the former secret works for as long as was agreed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone

from accounts import keys
from accounts.models import APIKey, KeyGroup, Organization

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def test_both_secrets_are_the_same_caller_while_they_overlap(acme: Organization) -> None:
    group = KeyGroup.objects.create(slug="claude", name="Claude", platforms=["anthropic"])
    key, old = keys.issue(acme, name="ci", group=group, rpm=9, total_cap_nusd=5, networks=["10.0.0.0/8"])
    before = keys.recognise(old)
    rotated, new = keys.rotate(key, overlap=HOUR)
    assert new != old
    assert rotated.pk == key.pk
    assert keys.recognise(new) == before
    overlapping = keys.recognise(old)
    assert overlapping.expires_at is not None
    assert timedelta() < overlapping.expires_at - timezone.now() <= HOUR
    assert (overlapping.key_id, overlapping.group, overlapping.chat_rpm) == (key.pk, "claude", 9)
    assert (overlapping.total_cap_nusd, overlapping.networks) == (5, before.networks)


def test_after_the_overlap_only_the_new_secret_works(acme: Organization) -> None:
    key, old = keys.issue(acme)
    _, new = keys.rotate(key, overlap=HOUR)
    APIKey.objects.filter(replaced_by=key).update(expires_at=timezone.now())
    keys.forget_all()
    with pytest.raises(keys.KeyDisabled) as refusal:
        keys.recognise(old)
    assert refusal.value.reason == "expired"
    assert keys.recognise(new).key_id == key.pk


def test_without_an_overlap_the_old_secret_is_revoked_at_once(acme: Organization) -> None:
    key, old = keys.issue(acme)
    keys.recognise(old)
    _, new = keys.rotate(key, overlap=timedelta())
    with pytest.raises(keys.KeyDisabled) as refusal:
        keys.recognise(old)
    assert refusal.value.reason == "revoked"
    assert keys.recognise(new).key_id == key.pk


def test_what_changes_for_the_key_changes_for_its_former_secret(acme: Organization) -> None:
    key, old = keys.issue(acme)
    key, _ = keys.rotate(key, overlap=HOUR)
    APIKey.objects.filter(pk=key.pk).update(models=["gpt-5.1"])
    assert not keys.recognise(old).may_call("gpt-5", "openai")


def test_revoking_the_key_revokes_its_former_secret(acme: Organization) -> None:
    key, old = keys.issue(acme)
    key, new = keys.rotate(key, overlap=HOUR)
    keys.recognise(old)
    keys.revoke(key)
    for secret in (old, new):
        with pytest.raises(keys.KeyDisabled):
            keys.recognise(secret)


def test_a_former_secret_can_be_revoked_alone(acme: Organization) -> None:
    key, old = keys.issue(acme)
    key, new = keys.rotate(key, overlap=HOUR)
    keys.revoke(key.former_secrets.get())
    with pytest.raises(keys.KeyDisabled):
        keys.recognise(old)
    assert keys.recognise(new).key_id == key.pk


def test_a_key_can_be_rotated_again_during_the_overlap(acme: Organization) -> None:
    key, first = keys.issue(acme)
    key, second = keys.rotate(key, overlap=HOUR)
    key, third = keys.rotate(key, overlap=HOUR)
    assert {keys.recognise(secret).key_id for secret in (first, second, third)} == {key.pk}
    keys.revoke(key)
    for secret in (first, second, third):
        with pytest.raises(keys.KeyDisabled):
            keys.recognise(secret)


def test_the_overlap_does_not_outlast_the_keys_own_expiry(acme: Organization) -> None:
    expiry = timezone.now() + timedelta(minutes=5)
    key, old = keys.issue(acme, expires_at=expiry)
    _, new = keys.rotate(key, overlap=HOUR)
    assert keys.recognise(old).expires_at == expiry
    assert keys.recognise(new).expires_at == expiry


def refused(key: APIKey, overlap: timedelta = HOUR) -> str:
    """Why the key cannot be rotated. Proves that it was not."""
    before = list(APIKey.objects.values())
    with pytest.raises(ValidationError) as refusal:
        keys.rotate(key, overlap=overlap)
    assert list(APIKey.objects.values()) == before
    return str(refusal.value)


def test_an_overlap_cannot_be_negative(acme: Organization) -> None:
    key, secret = keys.issue(acme)
    assert "negative" in refused(key, -HOUR)
    assert keys.recognise(secret).key_id == key.pk


def test_a_key_that_has_ended_cannot_be_rotated_back_to_life(acme: Organization) -> None:
    revoked, expired = (keys.issue(acme)[0] for _ in range(2))
    keys.revoke(revoked)
    APIKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    assert "is revoked" in refused(revoked)
    assert "is expired" in refused(expired)


def test_a_former_secret_cannot_be_rotated(acme: Organization) -> None:
    key, _ = keys.issue(acme)
    keys.rotate(key, overlap=HOUR)
    assert "is replaced" in refused(key.former_secrets.get())


def test_the_database_refuses_a_former_secret_without_an_end(acme: Organization) -> None:
    (one, _), (other, _) = keys.issue(acme), keys.issue(acme)
    with pytest.raises(IntegrityError, match="former_secret_ends"):
        APIKey.objects.filter(pk=one.pk).update(replaced_by=other)
