"""`manage.py usage`: what an organization's calls consumed and cost."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing import reports
from billing.management.commands.organization import called


class Command(BaseCommand):
    help = "Show what an organization's calls consumed and cost."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="show")
        show = actions.add_parser("show", help="sums, and the latest calls")
        show.add_argument("slug", metavar="SLUG")
        show.add_argument("--limit", type=int, default=20, metavar="N", help="so many calls, newest first")
        show.add_argument("--since", metavar="TIME", help="ISO 8601; without an offset it is UTC")
        show.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        answer = reports.usage(called(options["slug"]), max(0, options["limit"]), _time(options["since"]))
        if options["json"]:
            self.stdout.write(json.dumps(answer))
            return
        self.stdout.write(f"{answer['organization']}: {answer['calls']} calls, {answer['charged_usd']} USD charged")
        for one in answer["records"]:
            tokens = sum(one["usage"].values())
            self.stdout.write(
                f"{one['started_at']}  {one['id']}  {one['model']:<32} {tokens:>9} "
                f"{one['charged_usd']:>12}  {one['outcome']}"
            )


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text!r} is no time in ISO 8601.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
