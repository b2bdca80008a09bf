"""`manage.py ledger`: audit the books, or show what an organization's ledger says."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing import ledger, reports
from billing.management.commands.organization import called


class Command(BaseCommand):
    help = "Audit the books (exit 1 when something is wrong), or show an organization's ledger."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="audit|show")
        audit = actions.add_parser("audit", help="check the invariants I1 to I8 in one snapshot; changes nothing")
        show = actions.add_parser("show", help="the latest entries of an organization")
        show.add_argument("slug", metavar="SLUG")
        show.add_argument("--limit", type=int, default=20, metavar="N", help="so many entries, newest first")
        for action in (audit, show):
            action.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "audit":
            self._audit(options)
        else:
            self._show(options)

    def _audit(self, options: dict[str, Any]) -> None:
        breaks = ledger.audit()
        if options["json"]:
            self.stdout.write(json.dumps({"ok": not breaks, "findings": [asdict(one) for one in breaks]}))
        else:
            for one in breaks:
                self.stdout.write(f"{one.invariant} {one.subject}: {one.detail}")
        if breaks:
            raise CommandError(f"The books are wrong in {len(breaks)} places.", returncode=1)
        if not options["json"]:
            self.stdout.write(f"All {len(ledger.INVARIANTS)} invariants hold.")

    def _show(self, options: dict[str, Any]) -> None:
        organization = called(options["slug"])
        answer = reports.standing(organization)
        answer["entries"] = reports.entries(organization, max(0, options["limit"]))
        if options["json"]:
            self.stdout.write(json.dumps(answer))
            return
        self.stdout.write(f"{answer['slug']}: balance {answer['balance_usd']} USD, held {answer['held_usd']} USD")
        for entry in answer["entries"]:
            what = entry["key"] or entry["call"]
            self.stdout.write(
                f"{entry['seq']:>8}  {entry['created_at']}  {entry['kind']:<16} {entry['delta_usd']:>16} "
                f"{entry['balance_after_usd']:>16}  {what} {entry['reason']}".rstrip()
            )
