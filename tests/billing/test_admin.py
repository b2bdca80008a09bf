"""The books in the admin: every page opens, and nothing on it can be written."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.db import models
from django.test import Client
from django.urls import reverse

from billing import holds, ledger
from billing.models import Finding, Hold, KeySpend, LedgerEntry, UsageRecord, Wallet
from tests.books import a_call, its_end, tamper
from tests.people import Person

BOOKS = (Wallet, Hold, LedgerEntry, UsageRecord, KeySpend, Finding)


@pytest.fixture
def desk(alice: Person) -> Client:
    """The browser of an administrator, with something on every page."""
    call = a_call(alice)
    holds.place([call, a_call(alice)])
    holds.settle([its_end(call, 7)])
    tamper("UPDATE billing_wallet SET balance_nusd = balance_nusd + 1")
    ledger.audit()
    alice.user.is_staff = alice.user.is_superuser = True
    alice.user.save()
    client = Client()
    client.force_login(alice.user)
    return client


def page(model: type[models.Model], name: str, *arguments: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=arguments)


@pytest.mark.parametrize("model", BOOKS)
def test_lists_details_and_searches_open(desk: Client, model: type[models.Model]) -> None:
    assert desk.get(page(model, "changelist")).status_code == 200
    for words in ("alice", "7", "9" * 40, "not-a-uuid", "f47ac10b-58cc-4372-a567-0e02b2c3d479"):
        assert desk.get(page(model, "changelist"), {"q": words}).status_code == 200
    first = model._default_manager.all()[0]
    assert desk.get(page(model, "change", first.pk)).status_code == 200


@pytest.mark.parametrize("model", [Hold, LedgerEntry, UsageRecord])
def test_a_call_is_found_by_the_id_that_its_customer_quotes(desk: Client, model: type[models.Model]) -> None:
    call = UsageRecord.objects.get().pk
    found = desk.get(page(model, "changelist"), {"q": f"req_{call.hex}"})
    assert [row.pk for row in found.context["cl"].result_list] == [call]


@pytest.mark.parametrize("model", BOOKS)
def test_nothing_can_be_added_changed_or_deleted(desk: Client, model: type[models.Model]) -> None:
    first = model._default_manager.all()[0]
    before = list(model._default_manager.order_by("pk").values())
    assert desk.get(page(model, "add")).status_code == 403
    assert desk.post(page(model, "add"), {}).status_code == 403
    assert desk.post(page(model, "change", first.pk), {}).status_code == 403
    assert desk.post(page(model, "delete", first.pk), {"post": "yes"}).status_code == 403
    assert list(model._default_manager.order_by("pk").values()) == before


def test_every_model_of_the_books_is_in_the_admin() -> None:
    assert all(admin.site.is_registered(model) for model in BOOKS)
