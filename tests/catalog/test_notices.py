"""PostgreSQL announces every change of the catalogue, whoever made it, so that all workers forget at once."""

from __future__ import annotations

import secrets

import psycopg
import pytest
from django.db import transaction

from catalog import prices
from catalog.cards import Card
from catalog.models import AIModel, Endpoint, Provider

CARD = Card.of_figures({"per_1m": {"input": "1.00", "output": "2.00"}})


@pytest.fixture
def parrot(live: str) -> AIModel:
    """A model of the operator's own in the live servers' database, switched off so that no other test meets it."""
    slug = f"parrot-{secrets.token_hex(4)}"
    return AIModel.objects.create(
        slug=slug, display_name="Parrot", vendor="aviary", kind="chat", platform="openai", is_enabled=False
    )


@pytest.fixture
def listener(live: str, parrot: AIModel) -> psycopg.Connection:
    """A server worker's ear."""
    connection = psycopg.connect(live, autocommit=True)
    connection.execute("LISTEN tollgate_catalog")
    return connection


def heard(listener: psycopg.Connection) -> set[str]:
    """The tables announced so far. Notices come in the order of the commits, so a last one of ours ends the wait."""
    last = secrets.token_hex(8)
    with psycopg.connect(listener.info.dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_notify('tollgate_catalog', %s)", [last])
    tables: set[str] = set()
    for notice in listener.notifies(timeout=30):
        if notice.payload == last:
            return tables
        tables.add(notice.payload)
    raise AssertionError("not even our own notice came")


def test_every_table_of_the_catalogue_is_announced(listener: psycopg.Connection, parrot: AIModel) -> None:
    with transaction.atomic():
        provider = Provider.objects.create(slug=parrot.slug, name="Aviary", adapter="compatible", is_enabled=False)
    assert heard(listener) == {"catalog_provider"}
    endpoint = Endpoint.objects.create(model=parrot, provider=provider, upstream_id="p", dialect="openai_chat")
    assert heard(listener) == {"catalog_endpoint"}
    prices.change(parrot, CARD)
    assert heard(listener) == {"catalog_priceversion", "catalog_pricerate"}
    prices.change_cost(endpoint, CARD)
    assert heard(listener) == {"catalog_suppliercost"}
    AIModel.objects.filter(pk=parrot.pk).update(display_name="Polly")
    assert heard(listener) == {"catalog_aimodel"}
    Provider.objects.filter(pk=provider.pk).update(has_credential=True)
    assert heard(listener) == {"catalog_provider"}


def test_a_hand_in_psql_is_announced_too(listener: psycopg.Connection, live: str, parrot: AIModel) -> None:
    with psycopg.connect(live, autocommit=True) as psql:
        psql.execute("UPDATE catalog_aimodel SET notes = 'by hand' WHERE id = %s", [parrot.pk])
    assert heard(listener) == {"catalog_aimodel"}


def test_what_was_rolled_back_is_not_announced(listener: psycopg.Connection, parrot: AIModel) -> None:
    with transaction.atomic():
        AIModel.objects.filter(pk=parrot.pk).update(notes="never mind")
        transaction.set_rollback(True)
    assert heard(listener) == set()
