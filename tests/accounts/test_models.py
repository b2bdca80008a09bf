"""What the database itself refuses, whoever writes: these tests go around all of our own checks."""

from __future__ import annotations

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import ProtectedError

from accounts import keys
from accounts.models import APIKey, KeyGroup, Organization, Plan, User

pytestmark = pytest.mark.django_db


def execute(sql: str, *parameters: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def test_an_address_that_is_not_in_lower_case_is_refused(alice: User) -> None:
    with pytest.raises(IntegrityError, match="email_lower_case"):
        execute("UPDATE accounts_user SET email = 'Alice@example.com' WHERE id = %s", alice.pk)


def test_a_person_is_found_by_their_address_in_any_case(alice: User) -> None:
    assert User.objects.get(email="ALICE@Example.com") == alice
    assert User.objects.get_by_natural_key("Alice@example.com") == alice


@pytest.mark.parametrize("column", ["rpm", "daily_cap_nusd", "monthly_cap_nusd", "total_cap_nusd"])
@pytest.mark.parametrize("number", [0, -1])
def test_a_keys_limit_below_one_is_refused(acme: Organization, column: str, number: int) -> None:
    key, _ = keys.issue(acme)
    with pytest.raises(IntegrityError):
        APIKey.objects.filter(pk=key.pk).update(**{column: number})


@pytest.mark.parametrize("column", ["chat_rpm", "image_rpm"])
def test_a_limit_of_zero_for_plan_or_organization_is_refused(acme: Organization, column: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Organization.objects.update(**{column: 0})
    with pytest.raises(IntegrityError):
        Plan.objects.update(**{column: 0})


def test_a_key_whose_type_is_not_its_groups_is_refused(acme: Organization) -> None:
    general = KeyGroup.objects.create(slug="general", name="General")
    key, _ = keys.issue(acme, group=general)
    with pytest.raises(IntegrityError, match="type_of_group"):
        APIKey.objects.filter(pk=key.pk).update(type="image")


def test_a_group_does_not_change_its_type_under_its_keys(acme: Organization) -> None:
    general = KeyGroup.objects.create(slug="general", name="General")
    keys.issue(acme, group=general)
    with pytest.raises(IntegrityError, match="type_of_group"):
        KeyGroup.objects.update(type="image")


def test_what_is_not_a_network_is_refused(acme: Organization) -> None:
    key, _ = keys.issue(acme)
    with pytest.raises(DataError):
        execute("UPDATE accounts_apikey SET networks = '{10.1.2.3/8}' WHERE id = %s", key.pk)


def test_two_keys_never_have_the_same_secret(acme: Organization) -> None:
    (one, _), (other, _) = keys.issue(acme), keys.issue(acme)
    with pytest.raises(IntegrityError, match="digest"):
        APIKey.objects.filter(pk=one.pk).update(digest=other.digest)


def test_a_platform_that_does_not_exist_is_refused() -> None:
    with pytest.raises(IntegrityError, match="platforms_known"):
        KeyGroup.objects.create(slug="x", name="X", platforms=["openai", "telegraph"])


def test_a_groups_slug_is_used_once_per_organization_and_once_for_all(acme: Organization, evil: Organization) -> None:
    for owner in (acme, evil, None):
        KeyGroup.objects.create(slug="claude", name="Claude", organization=owner)
    with pytest.raises(IntegrityError, match="slug_once"):
        KeyGroup.objects.create(slug="claude", name="Claude")


def test_a_status_that_does_not_exist_is_refused(acme: Organization) -> None:
    with pytest.raises(IntegrityError, match="status_known"):
        Organization.objects.update(status="sleeping")


def test_what_keys_depend_on_cannot_be_deleted(acme: Organization) -> None:
    group = KeyGroup.objects.create(slug="claude", name="Claude")
    _, secret = keys.issue(acme, group=group)
    for thing in (group, acme, acme.plan):
        with pytest.raises(ProtectedError):
            thing.delete()
    assert keys.recognise(secret).group == "claude"
