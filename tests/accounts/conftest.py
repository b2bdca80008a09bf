"""Alice owns the organization Acme, Bob develops for her, Mallory has an organization of her own.

Here they are plain users: these tests know no money, as the app does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from accounts import callers, members, signup
from accounts.models import APIKey, KeyGroup, Membership, Organization, Plan, Role, User


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice@example.com", "alice's own password")


@pytest.fixture
def acme(alice: User) -> Organization:
    return signup.open_organization("Acme", owner=alice, plan="popular")


@pytest.fixture
def bob(acme: Organization) -> User:
    bob = User.objects.create_user("bob@example.com", "bob's own password")
    members.add(acme, bob, Role.DEVELOPER)
    return bob


@pytest.fixture
def mallory() -> User:
    return User.objects.create_user("mallory@example.com", "mallory's own password")


@pytest.fixture
def evil(mallory: User) -> Organization:
    return signup.open_organization("Evil", owner=mallory)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets seconds pass for what is remembered: `clock(5)`."""
    now = [1000.0]
    monkeypatch.setattr(callers, "monotonic", lambda: now[0])

    def pass_seconds(seconds: float) -> None:
        now[0] += seconds

    return pass_seconds


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """What the test writes is committed, for other connections to see, and removed afterwards."""
    with django_db_blocker.unblock():
        shipped = set(Plan.objects.values_list("pk", flat=True))
        yield
        APIKey.objects.update(replaced_by=None)
        for model in (APIKey, KeyGroup, Membership, Organization, User):
            model.objects.all().delete()
        Plan.objects.exclude(pk__in=shipped).delete()


@pytest.fixture
def heard(committed: None) -> Iterator[Callable[[], list[str]]]:
    """The payloads on the channel `tollgate_keys` since it was last asked, in order."""
    with psycopg.connect(_conninfo(), autocommit=True) as ear:
        ear.execute("LISTEN tollgate_keys")

        def payloads() -> list[str]:
            # Notices arrive in the order of the commits, so all earlier ones are before our own.
            ear.execute("SELECT pg_notify('tollgate_keys', 'that is all')")
            found: list[str] = []
            for notice in ear.notifies(timeout=30):
                if notice.payload == "that is all":
                    return found
                found.append(notice.payload)
            raise AssertionError("the database sent nothing")

        yield payloads


def _conninfo() -> str:
    parameters = connection.get_connection_params()
    wanted = {name: parameters.get(name) for name in ("dbname", "user", "password", "host", "port")}
    return psycopg.conninfo.make_conninfo(**{name: value for name, value in wanted.items() if value})
