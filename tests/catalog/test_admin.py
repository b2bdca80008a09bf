"""The catalogue's pages in the admin: plain, and no way around the immutability of prices."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.test import RequestFactory

from catalog import loading, prices
from catalog.cards import Card
from catalog.models import AIModel, Endpoint, PriceVersion, Provider, SupplierCost

CARD = Card.of_figures({"per_1m": {"input": "1", "output": "1"}})


@pytest.fixture
def alice(rf: RequestFactory) -> HttpRequest:
    """A request of a superuser."""
    request = rf.get("/")
    request.user = get_user_model()(is_superuser=True, is_active=True, is_staff=True)
    return request


@pytest.mark.parametrize("table", [Provider, AIModel, Endpoint, PriceVersion, SupplierCost])
def test_every_list_can_be_opened(catalogue: loading.Report, alice: HttpRequest, table: type) -> None:
    pages: ModelAdmin = admin.site.get_model_admin(table)
    answer = pages.changelist_view(alice)
    assert isinstance(answer, TemplateResponse)
    assert answer.render().status_code == 200


def test_a_price_in_force_can_be_looked_at_only_a_scheduled_one_be_changed(
    catalogue: loading.Report, alice: HttpRequest
) -> None:
    pages = admin.site.get_model_admin(PriceVersion)
    gpt = AIModel.objects.get(slug="gpt-4o")
    in_force = PriceVersion.objects.get(model=gpt)
    scheduled = prices.change(gpt, CARD, at=in_force.effective_from + timedelta(days=1))
    for version, allowed in ((in_force, False), (scheduled, True)):
        assert pages.has_view_permission(alice, version)
        assert pages.has_change_permission(alice, version) is allowed
        assert pages.has_delete_permission(alice, version) is allowed
        for inline in pages.get_inline_instances(alice, version):
            assert inline.has_change_permission(alice, version) is allowed
    assert pages.get_actions(alice) == {}


def test_the_list_of_models_says_who_answers(catalogue: loading.Report, alice: HttpRequest) -> None:
    pages = admin.site.get_model_admin(AIModel)

    def served_by() -> str:
        return str(pages.served_by(pages.get_queryset(alice).get(slug="gpt-4o")))  # type: ignore[attr-defined]

    assert served_by() == "the simulator"
    Provider.objects.filter(slug="openai").update(has_credential=True)
    assert served_by() == "openai"
    Endpoint.objects.filter(model__slug="gpt-4o").update(is_enabled=False)
    assert served_by() == "nobody"


def test_a_rule_that_cannot_be_read_is_refused_in_the_form(catalogue: loading.Report) -> None:
    version = PriceVersion.objects.get(model__slug="nano-banana")
    version.image_rule = {"prize": "1"}
    with pytest.raises(ValidationError, match="cannot be read"):
        version.clean()
    cost = SupplierCost(rates=[["input", 0, "cheap"]])
    with pytest.raises(ValidationError, match="cannot be read"):
        cost.clean()


def test_an_overlapping_version_is_refused_in_the_form(catalogue: loading.Report) -> None:
    now = PriceVersion.objects.get(model__slug="nano-banana")
    twin = PriceVersion(model=now.model, effective_from=now.effective_from + timedelta(hours=1))
    with pytest.raises(ValidationError, match="Another version is in force"):
        twin.full_clean()
