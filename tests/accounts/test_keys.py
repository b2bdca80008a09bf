"""API keys are kept as keyed hashes, recognised by one SELECT, and remembered for five seconds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts import callers, keys
from accounts.models import APIKey, KeyGroup, Organization, Status, User

pytestmark = pytest.mark.django_db

UNKNOWN = "tollgate_" + "x" * 43


def test_a_new_key_is_recognised_as_its_organization(acme: Organization, bob: User) -> None:
    key, secret = keys.issue(acme, name="ci", created_by=bob)
    caller = keys.recognise(secret)
    assert (caller.key_id, caller.user_id) == (key.pk, bob.pk)
    assert (caller.organization_id, caller.organization_slug, caller.plan) == (acme.pk, "acme", "popular")
    assert (caller.key_type, caller.group, caller.log_bodies, caller.expires_at) == ("general", None, False, None)


def test_a_secret_has_the_prefix_of_the_settings_and_256_random_bits(acme: Organization, settings: Settings) -> None:
    settings.API_KEY_PREFIX = "acme-sk-"
    key, secret = keys.issue(acme)
    assert secret.startswith("acme-sk-")
    assert secret.removeprefix("acme-sk-").isalnum()
    assert 62 ** len(secret.removeprefix("acme-sk-")) >= 2**256
    assert (key.prefix, key.last_four) == (secret[: len("acme-sk-") + 4], secret[-4:])
    settings.API_KEY_PREFIX = "other_"
    assert keys.recognise(secret).key_id == key.pk


def test_secrets_never_repeat(acme: Organization) -> None:
    assert len({keys.issue(acme)[1] for _ in range(50)}) == 50


def test_a_dump_of_the_database_reveals_no_usable_key(
    acme: Organization, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = keys.issue(acme, name="ci")
    with connection.cursor() as cursor:
        cursor.execute("SELECT k::text FROM accounts_apikey k")
        dump = "\n".join(row[0] for row in cursor.fetchall())
    assert bytes(key.digest).hex() in dump
    assert secret not in dump
    hidden = secret[len(key.prefix) : -4]
    assert 62 ** len(hidden) > 2**192
    assert not [hidden[at : at + 5] for at in range(len(hidden) - 4) if hidden[at : at + 5] in dump]
    assert hashlib.sha256(secret.encode()).hexdigest() not in dump
    # And whoever guesses cannot check the guess without the pepper, which is not in the database.
    settings.API_KEY_PEPPER = "another pepper"
    with pytest.raises(keys.KeyUnknown):
        keys.recognise(secret)


@pytest.mark.parametrize("secret", [UNKNOWN, "", "tollgate_", "\udcff\x00 \U0001f511", "x" * 100_000])
def test_a_secret_that_no_key_has_is_unknown(acme: Organization, secret: str) -> None:
    keys.issue(acme)
    with pytest.raises(keys.KeyUnknown):
        keys.recognise(secret)


def test_what_is_shown_of_a_secret_or_a_part_of_it_opens_nothing(acme: Organization) -> None:
    key, secret = keys.issue(acme)
    for text in (key.masked, bytes(key.digest).hex(), secret[:-1], secret + "x", secret.swapcase(), f" {secret}"):
        with pytest.raises(keys.KeyUnknown):
            keys.recognise(text)


def test_recognising_costs_one_query_and_then_none(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    _, secret = keys.issue(acme)
    with django_assert_num_queries(0):
        assert keys.recall(secret) is None
    with django_assert_num_queries(1):
        caller = keys.recognise(secret)
    with django_assert_num_queries(0):
        assert keys.recognise(secret) is caller
        assert keys.recall(secret) is caller


def test_the_query_finds_its_rows_by_indexes(acme: Organization) -> None:
    _, secret = keys.issue(acme)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {keys.WHO}", [keys.digest_of(secret)])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "accounts_apikey_digest" in plan
    assert "Seq Scan" not in plan


def test_a_caller_is_remembered_for_five_seconds(acme: Organization, clock: Callable[[float], None]) -> None:
    _, secret = keys.issue(acme)
    caller = keys.recognise(secret)
    clock(4.9)
    assert keys.recall(secret) is caller
    clock(0.2)
    assert keys.recall(secret) is None
    assert keys.recognise(secret) == caller
    assert keys.recall(secret) is not None


def test_a_refusal_is_remembered_too(
    clock: Callable[[float], None], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        for recognise in (keys.recognise, keys.recognise, keys.recall, keys.recall):
            with pytest.raises(keys.KeyUnknown):
                recognise(UNKNOWN)
    clock(5.1)
    assert keys.recall(UNKNOWN) is None


def test_guessed_secrets_do_not_push_real_callers_out_of_memory(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers, "REMEMBERED_ENTRIES", 3)
    _, secret = keys.issue(acme)
    keys.recognise(secret)
    for number in range(8):
        with pytest.raises(keys.KeyUnknown):
            keys.recognise(f"guess {number}")
    assert keys.recall(secret) is not None
    assert keys.recall("guess 4") is None
    with pytest.raises(keys.KeyUnknown):
        keys.recall("guess 5")


def test_when_the_memory_is_full_the_oldest_caller_goes(
    acme: Organization, monkeypatch: pytest.MonkeyPatch, clock: Callable[[float], None]
) -> None:
    monkeypatch.setattr(callers, "REMEMBERED_ENTRIES", 2)
    first, second, third = (keys.issue(acme)[1] for _ in range(3))
    keys.recognise(first)
    clock(3)
    keys.recognise(second)
    clock(3)
    keys.recognise(first)  # read again: now the second is the oldest
    keys.recognise(third)
    assert keys.recall(second) is None
    assert keys.recall(first) is not None
    assert keys.recall(third) is not None


def test_a_forgotten_refusal_is_asked_again() -> None:
    with pytest.raises(keys.KeyUnknown):
        keys.recognise(UNKNOWN)
    keys.forget(keys.digest_of(UNKNOWN).hex())
    assert keys.recall(UNKNOWN) is None


def test_forgetting_one_key_leaves_the_others_remembered(acme: Organization) -> None:
    one, other = (keys.issue(acme)[1] for _ in range(2))
    keys.recognise(one)
    keys.recognise(other)
    keys.forget(keys.digest_of(one).hex())
    assert keys.recall(one) is None
    assert keys.recall(other) is not None
    keys.forget("this is no digest")
    assert keys.recall(other) is None


def test_what_was_read_before_a_change_is_not_remembered_after_it(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = keys.issue(acme)
    select = keys._select

    def overtaken(digest: bytes) -> object:
        row = select(digest)
        keys.revoke(key)
        return row

    monkeypatch.setattr(keys, "_select", overtaken)
    keys.recognise(secret)
    monkeypatch.undo()
    assert keys.recall(secret) is None
    with pytest.raises(keys.KeyDisabled):
        keys.recognise(secret)


def test_a_revoked_key_is_refused_at_once_and_says_since_when(acme: Organization) -> None:
    key, secret = keys.issue(acme)
    keys.recognise(secret)
    before = timezone.now()
    keys.revoke(key)
    with pytest.raises(keys.KeyDisabled) as refusal:
        keys.recognise(secret)
    assert refusal.value.reason == "revoked"
    assert refusal.value.since == key.revoked_at
    assert key.revoked_at is not None
    assert before <= key.revoked_at <= timezone.now()


def test_revoking_twice_keeps_the_first_time(acme: Organization) -> None:
    key, _ = keys.issue(acme)
    keys.revoke(key)
    first = key.revoked_at
    keys.revoke(key)
    assert key.revoked_at == first


def test_a_key_expires_on_time_even_while_it_is_remembered(acme: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    expiry = timezone.now() + timedelta(hours=1)
    _, secret = keys.issue(acme, expires_at=expiry)
    assert keys.recognise(secret).expires_at == expiry

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return expiry

    monkeypatch.setattr(callers, "datetime", Later)
    for recognise in (keys.recall, keys.recognise):
        with pytest.raises(keys.KeyDisabled) as refusal:
            recognise(secret)
        assert (refusal.value.reason, refusal.value.since) == ("expired", expiry)


def test_an_expired_key_is_refused_from_the_database(acme: Organization) -> None:
    key, secret = keys.issue(acme)
    past = datetime(2026, 1, 1, tzinfo=UTC)
    APIKey.objects.filter(pk=key.pk).update(expires_at=past)
    with pytest.raises(keys.KeyDisabled) as refusal:
        keys.recognise(secret)
    assert (refusal.value.reason, refusal.value.since) == ("expired", past)


def test_keys_of_a_group_that_is_switched_off_are_disabled(acme: Organization) -> None:
    group = KeyGroup.objects.create(slug="claude", name="Claude")
    _, secret = keys.issue(acme, group=group)
    KeyGroup.objects.update(is_active=False)
    with pytest.raises(keys.KeyDisabled) as refusal:
        keys.recognise(secret)
    assert refusal.value.reason == "disabled"


@pytest.mark.parametrize("status", [Status.FROZEN, Status.CLOSED])
def test_keys_of_an_organization_that_is_not_active_are_refused(acme: Organization, status: Status) -> None:
    _, secret = keys.issue(acme)
    Organization.objects.update(status=status, status_reason="chargeback of 1 May, see ticket 77")
    for recognise in (keys.recognise, keys.recall):
        with pytest.raises(keys.OrganizationDisabled) as refusal:
            recognise(secret)
        assert refusal.value.reason == status
        assert "ticket" not in str(refusal.value)


def test_a_revoked_key_of_a_frozen_organization_is_revoked_first_of_all(acme: Organization) -> None:
    key, secret = keys.issue(acme)
    Organization.objects.update(status=Status.FROZEN)
    keys.revoke(key)
    with pytest.raises(keys.KeyDisabled):
        keys.recognise(secret)


def refused(acme: Organization, **wishes: object) -> str:
    """Why the key cannot be had. Proves that there is none then."""
    with CaptureQueriesContext(connection) as queries, pytest.raises(ValidationError) as refusal:
        keys.issue(acme, **wishes)  # type: ignore[arg-type]
    assert not APIKey.objects.exists()
    assert not [query for query in queries.captured_queries if query["sql"].startswith("INSERT")]
    return str(refusal.value)


@pytest.mark.parametrize("name", ["rpm", "daily_cap_nusd", "monthly_cap_nusd", "total_cap_nusd"])
@pytest.mark.parametrize("number", [0, -1, 2**63])
def test_limits_that_make_no_sense_are_refused(acme: Organization, name: str, number: int) -> None:
    assert name in refused(acme, **{name: number})


def test_a_key_that_would_have_expired_already_is_refused(acme: Organization) -> None:
    assert "expired already" in refused(acme, expires_at=timezone.now())


def test_a_key_of_one_type_cannot_have_a_group_of_the_other(acme: Organization) -> None:
    pictures = KeyGroup.objects.create(slug="pictures", name="Pictures", type="image")
    assert "a group for image keys" in refused(acme, type="general", group=pictures)
    key, _ = keys.issue(acme, type="image", group=pictures)
    assert key.group == pictures


def test_a_key_cannot_have_another_organizations_group(acme: Organization, evil: Organization) -> None:
    group = KeyGroup.objects.create(slug="hers", name="Hers", organization=evil)
    assert "another organization" in refused(acme, group=group)


def test_a_key_cannot_have_a_group_that_is_switched_off(acme: Organization) -> None:
    group = KeyGroup.objects.create(slug="old", name="Old", is_active=False)
    assert "switched off" in refused(acme, group=group)


def test_a_closed_organization_gets_no_more_keys(acme: Organization) -> None:
    acme.status = Status.CLOSED
    assert "closed" in refused(acme)


@pytest.mark.parametrize("type_", ["admin", "", "General"])
def test_a_type_that_does_not_exist_is_refused(acme: Organization, type_: str) -> None:
    assert "type" in refused(acme, type=type_)


@pytest.mark.parametrize("slug", ["two words", "", "x" * 201, "naïve", "line\n"])
def test_a_list_of_models_holds_slugs_only(acme: Organization, slug: str) -> None:
    assert "models" in refused(acme, models=["gpt-5.1", slug])
