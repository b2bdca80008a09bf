"""The people of the tests: Alice owns an organization, Bob is her member, Mallory is a stranger with money of her own.

They live in the test's transaction, or, when the test also asks for `server` or `live`, in the database of the live
server. There nothing is rolled back: everybody is made anew, under a new name, for each test.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from accounts import keys, members, signup
from accounts.models import APIKey, Organization, Role, User
from billing import ledger, wallets
from billing.models import Hold, LedgerEntry, UsageRecord
from billing.wallets import Balance

PURSE = Decimal(25)  # USD: what everybody starts with


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a login, an organization, and a key of it."""

    user: User
    organization: Organization
    key: APIKey
    secret: str

    @property
    def headers(self) -> dict[str, str]:
        """What a client of this person sends."""
        return {"authorization": f"Bearer {self.secret}"}

    @property
    def balance(self) -> Balance:
        """The wallet now."""
        return wallets.balance(self.organization)

    @property
    def usage(self) -> list[UsageRecord]:
        """The usage records of the organization, oldest first."""
        return list(UsageRecord.objects.filter(wallet_id=self.organization.pk).order_by("id"))

    @property
    def entries(self) -> list[LedgerEntry]:
        """The ledger entries of the organization, oldest first."""
        return list(LedgerEntry.objects.filter(wallet_id=self.organization.pk).order_by("seq"))

    @property
    def open_holds(self) -> list[Hold]:
        """What is set aside for calls that have not ended."""
        return list(Hold.objects.filter(wallet_id=self.organization.pk, state="open"))


def newcomer(name: str, *, usd: Decimal | int = PURSE, plan: str | None = None, **key: Any) -> Person:
    """A new person called `name` (and something unique), with `usd` and a key made with the given options."""
    unique = f"{name}-{secrets.token_hex(4)}"
    user, organization = signup.open_account(f"{unique}@example.com", name=unique, plan=plan)
    if usd:
        wallets.credit(organization, Decimal(usd), "for the test", "the tests")
    return with_key(user, organization, **key)


def colleague(person: Person, name: str, *, role: Role = Role.DEVELOPER, **key: Any) -> Person:
    """A new person in the organization of `person`, with a key of their own in it."""
    user, _ = signup.open_account(f"{name}-{secrets.token_hex(4)}@example.com")
    members.add(person.organization, user, role)
    return with_key(user, person.organization, **key)


def with_key(user: User, organization: Organization, **options: Any) -> Person:
    """`user` with a new key of `organization`; the options are those of `keys.issue`."""
    key, secret = keys.issue(organization, created_by=user, **options)
    return Person(user, organization, key, secret)


def nothing_happened(person: Person, *, before: Balance) -> bool:
    """Whether a refused call left no trace: the same money, no usage record, nothing set aside."""
    return person.balance == before and not person.usage and not person.open_holds


def books_are_clean() -> bool:
    """Whether the audit finds nothing, in the whole database."""
    return not list(ledger.audit())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever asks for people asks for a database, and pytest-django must know that before the first test runs."""
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        if "database" in names and not names & {"live", "db", "transactional_db"}:
            item.add_marker(pytest.mark.django_db)


@pytest.fixture
def alice(database: None) -> Person:
    """She owns her organization."""
    return newcomer("alice")


@pytest.fixture
def bob(alice: Person) -> Person:
    """He is a developer in Alice's organization."""
    return colleague(alice, "bob")


@pytest.fixture
def mallory(database: None) -> Person:
    """She has nothing to do with Alice, and money of her own."""
    return newcomer("mallory")


@pytest.fixture
def database(request: pytest.FixtureRequest) -> None:
    """Whichever database this test speaks to: the live server's, or its own transaction."""
    request.getfixturevalue("live" if "live" in request.fixturenames else "db")
