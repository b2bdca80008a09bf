"""The one door: members come in; a stranger cannot even learn that there is something behind it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from accounts import access, members
from accounts.models import Organization, Plan, Role, Status, User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("role", list(Role))
def test_a_member_of_any_role_is_let_in(acme: Organization, mallory: User, role: Role) -> None:
    members.add(acme, mallory, role)
    assert access.organization_for(mallory, "acme") == acme


def test_a_stranger_hears_the_same_as_for_a_slug_that_does_not_exist(acme: Organization, mallory: User) -> None:
    with pytest.raises(Organization.DoesNotExist) as foreign:
        access.organization_for(mallory, "acme")
    with pytest.raises(Organization.DoesNotExist) as missing:
        access.organization_for(mallory, "no-such-organization")
    assert str(foreign.value) == str(missing.value)


@pytest.mark.parametrize("slug", ["ACME", "acme ", "", "%", "acme' OR 'a'='a"])
def test_only_the_exact_slug_opens_the_door(acme: Organization, alice: User, slug: str) -> None:
    with pytest.raises(Organization.DoesNotExist):
        access.organization_for(alice, slug)


def test_who_left_is_a_stranger(acme: Organization, bob: User) -> None:
    members.remove(acme, bob)
    with pytest.raises(Organization.DoesNotExist):
        access.organization_for(bob, "acme")


def test_staff_have_no_back_door(acme: Organization) -> None:
    root = User.objects.create_superuser("root@example.com", "root's own password")
    with pytest.raises(Organization.DoesNotExist):
        access.organization_for(root, "acme")


def test_an_inactive_member_is_not_let_in(acme: Organization, bob: User) -> None:
    bob.is_active = False
    with pytest.raises(Organization.DoesNotExist):
        access.organization_for(bob, "acme")


def test_an_anonymous_visitor_does_not_get_an_organization_without_members(acme: Organization) -> None:
    Organization.objects.create(slug="empty", name="Empty", plan=Plan.objects.get(slug="free"))
    for slug in ("empty", "acme"):
        with pytest.raises(Organization.DoesNotExist):
            access.organization_for(AnonymousUser(), slug)


def test_members_of_a_frozen_organization_can_see_that_it_is_frozen(acme: Organization, alice: User) -> None:
    Organization.objects.update(status=Status.FROZEN)
    assert access.organization_for(alice, "acme").status == "frozen"
