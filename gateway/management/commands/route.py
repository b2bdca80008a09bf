"""`manage.py route explain MODEL`: who would be asked for a model, in which order, at what price, and who is broken."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Organization
from catalog import health, routing
from catalog.routing import Route, Snapshot
from gateway import steering
from gateway.providers import PROVIDERS


class Command(BaseCommand):
    help = "Explain how calls of a model are routed."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        explain = actions.add_parser("explain", help="the chain of endpoints of a model")
        explain.add_argument("model")
        explain.add_argument("--organization", help="a slug: among equals, each customer has a favourite")
        explain.add_argument("--json", action="store_true", help="one JSON object on stdout, nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        routing.forget()
        answer = chain(routing.snapshot(), options["model"], _customer(options["organization"]))
        if options["json"]:
            self.stdout.write(json.dumps(answer))
            return
        self.stdout.write(f"{answer['model']}: {answer['note'] or 'asked in this order'}")
        for number, leg in enumerate(answer["chain"], 1):
            self.stdout.write(
                f"{number}. {leg['provider']} as {leg['upstream_id']} ({leg['dialect']}), priority {leg['priority']}, "
                f"weight {leg['weight']}, rise {leg['rise']}, {leg['health']}{leg['why'] and ': ' + leg['why']}"
            )
        for leg in answer["left_out"]:
            self.stdout.write(f"-  {leg['provider']} as {leg['upstream_id']}: {leg['why']}")


def chain(snapshot: Snapshot, slug: str, customer: int) -> dict[str, Any]:
    """The order of a model's endpoints for one customer, and why the others are left out. Raises CommandError."""
    model, price = snapshot.find(slug), snapshot.price(slug)
    if model is None:
        raise CommandError(f"There is no model {slug!r}.")
    rows = {row[0]: row for row in health.known()}
    routes = [route for route in snapshot.routes(slug) if route.adapter in PROVIDERS]
    legs = steering.order(routes, customer, price.rates) if routes and price else []
    broken = [leg for leg in legs if rows.get(leg.route.endpoint_id, ("", "closed"))[1] != "closed"]
    asked = [*(leg for leg in legs if leg not in broken), *broken]
    chosen = {leg.route.endpoint_id for leg in legs}
    note = "not for sale: it has no price" if price is None else "" if routes else "no provider serves it"
    return {
        "model": slug,
        "price_version": price.version_id if price else None,
        "simulated": snapshot.simulated(slug),
        "note": note,
        "chain": [
            {
                **_named(leg.route),
                "rise": format(leg.rise, "f"),
                "health": rows.get(leg.route.endpoint_id, (0, "closed"))[1],
                "why": rows.get(leg.route.endpoint_id, (0, "", ""))[2],
            }
            for leg in asked
        ],
        "left_out": [
            {**_named(route), "why": _why(route)} for route in snapshot.routes(slug) if route.endpoint_id not in chosen
        ],
    }


def _named(route: Route) -> dict[str, Any]:
    return {
        "endpoint_id": route.endpoint_id,
        "provider": route.provider,
        "upstream_id": route.upstream_id,
        "dialect": route.dialect,
        "priority": route.priority,
        "weight": route.weight,
    }


def _why(route: Route) -> str:
    if route.adapter not in PROVIDERS:
        return f"there is no adapter {route.adapter!r}"
    return "as a fallback it would cost more than the price may rise"


def _customer(slug: str | None) -> int:
    if slug is None:
        return 0
    organization = Organization.objects.filter(slug=slug).first()
    if organization is None:
        raise CommandError(f"There is no organization {slug!r}.")
    return organization.pk
