"""Alice, Bob and Mallory with committed money: these tests speak to the books over several connections at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from tests import books


@pytest.fixture
def db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Here without a transaction: what a test writes is committed, and removed afterwards."""
    with django_db_blocker.unblock():
        yield
        books.burn()
        for table in ("apikey", "membership", "organization", "user"):
            books.tamper(f"DELETE FROM accounts_{table}")
        connection.close()


@pytest.fixture
def database(db: None) -> None:
    """Where the people of these tests live."""
