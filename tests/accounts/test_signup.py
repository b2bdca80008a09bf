"""An account comes with a personal organization; addresses are one whatever their case; slugs tell nothing."""

from __future__ import annotations

import re
from unittest.mock import ANY

import pytest
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from pytest_django import Settings

from accounts import signup
from accounts.models import Membership, Organization, Plan, User

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


def nobody_came() -> bool:
    return not (User.objects.exists() or Organization.objects.exists() or Membership.objects.exists())


def test_the_five_plans_are_shipped() -> None:
    assert list(Plan.objects.values_list("slug", "name", "chat_rpm", "image_rpm")) == [
        ("free", "Free", 10, 5),
        ("standard", "Standard", 60, 20),
        ("popular", "Popular", 120, 40),
        ("pro", "Pro", 300, 60),
        ("enterprise", "Enterprise", None, None),
    ]


def test_an_account_comes_with_an_organization_that_the_person_owns() -> None:
    user, organization = signup.open_account("Alice@Example.com", PASSWORD, name="Alice Liddell")
    assert (user.email, user.name, user.is_staff, user.is_superuser) == (
        "alice@example.com",
        "Alice Liddell",
        False,
        False,
    )
    assert (organization.slug, organization.name, organization.is_personal) == ("alice-liddell", "Alice Liddell", True)
    assert list(organization.memberships.values_list("user", "role")) == [(user.pk, "owner")]
    assert (organization.plan.slug, organization.status) == ("popular", "active")


def test_the_default_plan_is_a_setting_and_another_can_be_asked_for(settings: Settings) -> None:
    settings.DEFAULT_PLAN = "free"
    assert signup.open_account("alice@example.com")[1].plan.slug == "free"
    assert signup.open_account("bob@example.com", plan="pro")[1].plan.slug == "pro"


def test_a_person_signs_in_with_their_address_in_any_case() -> None:
    user, _ = signup.open_account("alice@example.com", PASSWORD)
    assert authenticate(username="ALICE@example.COM", password=PASSWORD) == user
    assert authenticate(username="alice@example.com", password=PASSWORD.upper()) is None


def test_without_a_password_nobody_signs_in_with_one() -> None:
    user, _ = signup.open_account("alice@example.com")
    assert not user.has_usable_password()
    for guess in ("", user.password, "None"):
        assert authenticate(username="alice@example.com", password=guess) is None


def test_an_address_can_be_used_once_whatever_its_case() -> None:
    signup.open_account("alice@example.com")
    with pytest.raises(signup.EmailTaken):
        signup.open_account(" ALICE@EXAMPLE.COM ")
    assert User.objects.count() == 1
    assert Organization.objects.count() == 1


@pytest.mark.parametrize(
    "email", ["", "alice", "alice@", "@example.com", "a b@example.com", "a@example.com\nb", "x" * 255]
)
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(ValidationError, match="email"):
        signup.open_account(email)
    assert nobody_came()


@pytest.mark.parametrize("password", ["short", "1234567890", "password123", "alice@example.com", ""])
def test_a_weak_password_is_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        signup.open_account("alice@example.com", password)
    assert nobody_came()


def test_a_plan_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(signup.PlanUnknown, match=r"'gold'.*free, standard, popular, pro, enterprise"):
        signup.open_account("alice@example.com", plan="gold")
    assert nobody_came()


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Acme", "acme"),
        ("  Acme & Söhne_GmbH -- ", "acme-sohne-gmbh"),
        ("a" * 150, "a" * 40),
        ("Ромашка", ANY),
        ("!!!", ANY),
    ],
)
def test_an_organizations_slug_is_made_from_its_name(name: str, slug: str) -> None:
    organization = signup.open_organization(name)
    assert organization.slug == slug
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", organization.slug)
    assert organization.name == name.strip()
    assert not organization.is_personal
    assert not organization.memberships.exists()


def test_a_slug_that_is_taken_gets_a_random_ending() -> None:
    slugs = [signup.open_organization("Acme").slug for _ in range(4)]
    assert slugs[0] == "acme"
    assert len(set(slugs)) == 4
    assert all(re.fullmatch(r"acme-[0-9a-f]{6}", slug) for slug in slugs[1:])


@pytest.mark.parametrize("name", ["", "   ", "x" * 151])
def test_an_organization_needs_a_name_of_sensible_length(name: str) -> None:
    with pytest.raises(ValidationError, match="name"):
        signup.open_organization(name)
    assert nobody_came()
