"""`manage.py catalog load|show|route|price`: the catalogue for operators and their scripts."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from catalog import describing, endpoints, loading, prices, routing, shipped
from catalog.cards import Card
from catalog.models import AIModel, PriceVersion, Provider
from catalog.rates import OUTPUT_CLASSES, PROMPT_CLASSES

Options = dict[str, Any]
Answer = dict[str, Any]


class Command(BaseCommand):
    help = "Load the shipped catalogue; show models; say who serves them and what they cost."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        load = actions.add_parser("load", help="bring the shipped catalogue into the database; keeps your edits")
        load.add_argument("--file", type=Path, default=shipped.FILE, help="another file of the same form")
        show = actions.add_parser("show", help="all that is known of one model")
        show.add_argument("model")
        route = actions.add_parser("route", help="let a provider serve a model")
        route.add_argument("model")
        route.add_argument("--provider", required=True, metavar="NAME")
        route.add_argument("--upstream-id", metavar="ID", help="the provider's own name for the model")
        route.add_argument("--dialect", metavar="D")
        route.add_argument("--priority", type=int, metavar="N", help="lower is tried first")
        route.add_argument("--weight", type=int, metavar="N", help="share among equal priorities")
        route.add_argument("--only", action="store_true", help="switch the model's other endpoints off")
        price = actions.add_parser(
            "price",
            help="set a model's whole price list",
            description="Closes the price in force and opens a new one. The new list holds exactly what you name: a "
            "token class without a price of its own falls back, cached input to input, reasoning to output.",
        )
        price.add_argument("model")
        for name in (*PROMPT_CLASSES, *OUTPUT_CLASSES):
            price.add_argument(f"--{name.replace('_', '-')}", metavar="USD", help="per million tokens")
        price.add_argument(
            "--tier",
            action="append",
            default=[],
            metavar="OVER:CLASS=USD,…",
            help="prices of requests with more prompt tokens than OVER, as 200000:input=4.00,output=18.00",
        )
        price.add_argument("--per-image", metavar="USD", help="flat price of one image")
        price.add_argument("--per-minute", metavar="USD", help="one minute of sound")
        price.add_argument("--per-1m-characters", metavar="USD", help="a million characters of speech")
        price.add_argument("--image-rule", metavar="JSON", help="prices by size and quality; see catalog/README.md")
        price.add_argument(
            "--video-rule", metavar="JSON", help="prices by length and resolution; see catalog/README.md"
        )
        price.add_argument("--at", metavar="TIME", help="when it begins to hold, as 2027-01-01T00:00:00Z; default: now")
        price.add_argument("--why", default="", help="kept with the price")
        price.add_argument("--by", type=int, metavar="USER_ID", help="who decided it; kept with the price")
        for action in (load, show, route, price):
            action.add_argument("--json", action="store_true", help="one JSON object on stdout, nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        perform = {"load": self._load, "show": self._show, "route": self._route, "price": self._price}
        answer, text = perform[options["action"]](options)
        routing.forget()
        self.stdout.write(json.dumps(answer) if options["json"] else text)

    def _load(self, options: Options) -> tuple[Answer, str]:
        try:
            report = loading.load(options["file"])
        except shipped.ShippedFileInvalid as error:
            raise CommandError(str(error)) from error
        answer = report.as_json()
        if not report.changed:
            kept = sum(len(counts["edited"]) for name, counts in answer.items() if name != "changed")
            return answer, f"Nothing to change: the catalogue is as shipped; {kept} edits of yours are kept."
        lines = [
            f"{name}: {counts['created']} created, {counts['updated']} updated, {counts['unchanged']} unchanged, "
            f"{len(counts['edited'])} left as edited"
            for name, counts in answer.items()
            if name != "changed"
        ]
        return answer, "\n".join(lines)

    def _show(self, options: Options) -> tuple[Answer, str]:
        answer = describing.describe(_model(options["model"]))
        return answer, json.dumps(answer, indent=2, ensure_ascii=False)

    def _route(self, options: Options) -> tuple[Answer, str]:
        model = _model(options["model"])
        provider = Provider.objects.filter(slug=options["provider"]).first()
        if provider is None:
            known = ", ".join(Provider.objects.values_list("slug", flat=True))
            raise CommandError(f"There is no provider {options['provider']!r}; there is {known}.")
        names = ("upstream_id", "dialect", "priority", "weight", "only")
        try:
            done = endpoints.route(model, provider, **{name: options[name] for name in names})
        except (ValueError, ValidationError) as error:
            raise CommandError(_said(error)) from error
        described = describing.describe(model)
        answer = {
            "model": model.slug,
            "endpoint": next(row for row in described["endpoints"] if row["endpoint_id"] == done.endpoint.id),
            "created": done.created,
            "switched_off": done.switched_off,
            "endpoints": described["endpoints"],
        }
        state = "calls go there now" if answer["endpoint"]["in_use"] else "calls do not go there yet"
        return answer, f"{model.slug} at {provider.slug} as {done.endpoint.upstream_id}: {state}."

    def _price(self, options: Options) -> tuple[Answer, str]:
        model = _model(options["model"])
        try:
            card = Card.of_figures(_figures(options))
            version = prices.change(
                model, card, at=_moment(options["at"]), note=options["why"], created_by_id=options["by"]
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        before = PriceVersion.objects.filter(model=model, effective_to=version.effective_from).first()
        answer = {
            "model": model.slug,
            "price": describing.describe_version(version),
            "closed": describing.describe_version(before) if before else None,
        }
        return answer, f"{model.slug} from {version.effective_from:%Y-%m-%d %H:%M:%S} on: {json.dumps(card.figures())}"


def _model(slug: str) -> AIModel:
    model = AIModel.objects.filter(slug=slug).first()
    if model is None:
        near = ", ".join(routing.snapshot().suggestions(slug))
        raise CommandError(f"There is no model {slug!r}." + (f" Did you mean {near}?" if near else ""))
    return model


def _figures(options: Options) -> dict[str, Any]:
    """The price list that the options name, in the form of catalog/cards.py. Raises ValueError."""
    classes = (*PROMPT_CLASSES, *OUTPUT_CLASSES)
    figures: dict[str, Any] = {"per_1m": {name: options[name] for name in classes if options[name] is not None}}
    figures["tiers"] = [_tier(text) for text in options["tier"]]
    figures["per_minute"], figures["per_1m_characters"] = options["per_minute"], options["per_1m_characters"]
    rules = {"image": options["image_rule"], "video": options["video_rule"]}
    for name, text in rules.items():
        if text is not None:
            figures[name] = json.loads(text, parse_float=str)
            if not isinstance(figures[name], dict):
                raise ValueError(f"--{name}-rule must be a JSON object.")
    if options["per_image"] is not None:
        if "image" in figures:
            raise ValueError("Give --per-image or --image-rule, not both.")
        figures["image"] = {"price": options["per_image"]}
    return figures


def _tier(text: str) -> dict[str, Any]:
    over, _, pairs = text.partition(":")
    named = [pair.partition("=") for pair in pairs.split(",")]
    if not over.isdigit() or not int(over) or not all(name and price for name, _, price in named):
        raise ValueError(f"--tier {text!r} is not of the form 200000:input=4.00,output=18.00")
    return {"over": int(over), "per_1m": {name.strip(): price.strip() for name, _, price in named}}


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = parse_datetime(text)
    if moment is None:
        raise ValueError(f"--at {text!r} is not a time such as 2027-01-01T00:00:00Z")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


def _said(error: ValueError | ValidationError) -> str:
    return "; ".join(error.messages) if isinstance(error, ValidationError) else str(error)
