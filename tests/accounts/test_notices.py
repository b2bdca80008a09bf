"""Every change of what a key may do is announced by the database itself, whoever makes it, when it is committed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction

from accounts import keys
from accounts.models import APIKey, KeyGroup, Organization, Plan, Status

pytestmark = pytest.mark.usefixtures("committed")

Heard = Callable[[], list[str]]


def digest(key: APIKey) -> str:
    return bytes(key.digest).hex()


def test_revoking_a_key_announces_its_digest(heard: Heard, acme: Organization) -> None:
    key, secret = keys.issue(acme)
    other, _ = keys.issue(acme)
    assert heard() == [digest(key), digest(other)]
    keys.revoke(key)
    assert heard() == [digest(key)]
    assert digest(key) == keys.digest_of(secret).hex()


def test_a_worker_that_hears_the_notice_refuses_the_key_at_once(heard: Heard, acme: Organization) -> None:
    key, secret = keys.issue(acme)
    heard()
    keys.recognise(secret)
    with connection.cursor() as cursor:  # not our code: a person with psql
        cursor.execute("UPDATE accounts_apikey SET revoked_at = now() WHERE id = %s", [key.pk])
    assert keys.recall(secret) is not None
    for payload in heard():
        keys.forget(payload)
    assert keys.recall(secret) is None
    with pytest.raises(keys.KeyDisabled):
        keys.recognise(secret)


def test_nothing_is_announced_before_the_commit_or_after_a_rollback(heard: Heard, acme: Organization) -> None:
    key, _ = keys.issue(acme)
    heard()
    with transaction.atomic():
        keys.revoke(key)
        assert heard() == []
        transaction.set_rollback(True)
    assert heard() == []


def test_deleting_and_truncating_keys_is_announced(heard: Heard, acme: Organization) -> None:
    key, _ = keys.issue(acme)
    heard()
    APIKey.objects.all().delete()
    assert heard() == [digest(key)]
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE accounts_apikey")
    assert heard() == [""]


def test_rotation_announces_the_old_secret_and_the_new(heard: Heard, acme: Organization) -> None:
    key, old = keys.issue(acme)
    heard()
    _, new = keys.rotate(key, overlap=timedelta(hours=1))
    assert set(heard()) == {keys.digest_of(old).hex(), keys.digest_of(new).hex()}


def test_a_change_of_a_key_announces_its_former_secrets_too(heard: Heard, acme: Organization) -> None:
    key, old = keys.issue(acme)
    key, new = keys.rotate(key, overlap=timedelta(hours=1))
    heard()
    keys.revoke(key)
    assert set(heard()) == {keys.digest_of(old).hex(), keys.digest_of(new).hex()}


def test_changes_of_organization_plan_and_group_announce_every_key(heard: Heard, acme: Organization) -> None:
    plan = Plan.objects.create(slug="tiny", name="Tiny", chat_rpm=1, image_rpm=1)
    group = KeyGroup.objects.create(slug="claude", name="Claude")
    assert heard() == []
    Organization.objects.filter(pk=acme.pk).update(status=Status.FROZEN)
    assert heard() == [""]
    Plan.objects.filter(pk=plan.pk).update(chat_rpm=2)
    assert heard() == [""]
    KeyGroup.objects.filter(pk=group.pk).update(is_active=False)
    assert heard() == [""]


def test_a_change_that_changes_nothing_is_not_announced(heard: Heard, acme: Organization) -> None:
    acme.save()
    acme.plan.save()
    assert heard() == []


def test_a_lost_connection_is_replaced_while_recognising(acme: Organization) -> None:
    key, secret = keys.issue(acme)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    killer = connection.copy()
    with killer.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
    killer.close()
    assert keys.recognise(secret).key_id == key.pk
