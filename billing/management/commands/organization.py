"""`manage.py organization`: open an organization, give it money, look at it."""

from __future__ import annotations

import getpass
import json
from argparse import ArgumentParser
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import signup
from accounts.models import Organization
from billing import ledger, reports, wallets


class Command(BaseCommand):
    help = "Open an organization, credit its wallet, show it."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="create|credit|show")
        create = _action(actions, "create", "open an organization; its slug is made from the name")
        create.add_argument("name", metavar="NAME")
        create.add_argument("--plan", metavar="SLUG", help="instead of DEFAULT_PLAN")
        credit = _action(actions, "credit", "add money to the wallet")
        credit.add_argument("slug", metavar="SLUG")
        credit.add_argument("usd", metavar="USD", help="more than 0, at most nine decimals")
        credit.add_argument("--reason", required=True, metavar="TEXT", help="kept in the ledger")
        credit.add_argument("--key", metavar="TEXT", help="the same key credits once, however often it is run")
        show = _action(actions, "show", "show plan, status and balance")
        show.add_argument("slug", metavar="SLUG")

    def handle(self, *args: Any, **options: Any) -> None:
        answer = getattr(self, f"_{options['action']}")(options)
        if options["json"]:
            self.stdout.write(json.dumps(answer))
        else:
            self.stdout.write("\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in answer.items()))

    def _create(self, options: dict[str, Any]) -> dict[str, Any]:
        try:
            organization = signup.open_organization(options["name"], plan=options["plan"])
        except (signup.PlanUnknown, ValidationError) as error:
            raise CommandError(_plain(error)) from error
        return reports.standing(organization)

    def _credit(self, options: dict[str, Any]) -> dict[str, Any]:
        organization = called(options["slug"])
        try:
            amount = Decimal(options["usd"])
            posting = wallets.credit(
                organization, amount, options["reason"], f"operator {getpass.getuser()}", key=options["key"]
            )
        except InvalidOperation as error:
            raise CommandError(f"{options['usd']!r} is no amount of money.") from error
        except (ValueError, ledger.KeyConflict) as error:
            raise CommandError(str(error)) from error
        return {
            "slug": organization.slug,
            "credited_usd": reports.exact_text(int(amount.scaleb(9))) if posting.is_new else "0",
            "is_new": posting.is_new,
            "entry": str(posting.entry_id),
            "balance_usd": reports.exact_text(posting.balance_nusd),
        }

    def _show(self, options: dict[str, Any]) -> dict[str, Any]:
        return reports.standing(called(options["slug"]))


def called(slug: str) -> Organization:
    """The organization with this slug; CommandError when there is none."""
    try:
        return Organization.objects.select_related("plan").get(slug=slug)
    except Organization.DoesNotExist as error:
        raise CommandError(f"There is no organization {slug!r}.") from error


def _action(actions: Any, name: str, summary: str) -> ArgumentParser:
    parser: ArgumentParser = actions.add_parser(name, help=summary, description=summary)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")
    return parser


def _plain(error: Exception) -> str:
    return "; ".join(error.messages) if isinstance(error, ValidationError) else str(error)
