"""`manage.py key`: make, list, rotate and revoke the API keys of an organization."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import keys
from accounts.models import APIKey, KeyGroup, KeyType, Organization

NANO = Decimal(10) ** 9  # nano-USD in a USD
CAPS = ("daily_cap", "monthly_cap", "total_cap")


class Command(BaseCommand):
    help = "Make, list, rotate and revoke the API keys of an organization."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="create|list|rotate|revoke")
        create = _action(actions, "create", "make a key and show it, once")
        create.add_argument("--name", default="")
        create.add_argument("--type", choices=KeyType.values, default=KeyType.GENERAL.value)
        create.add_argument("--group", metavar="SLUG", help="the key group that says what the key may call")
        create.add_argument("--model", metavar="SLUG", action="append", default=[], help="allow only this; repeatable")
        create.add_argument("--network", metavar="CIDR", action="append", default=[], help="the same, for addresses")
        create.add_argument("--rpm", type=int, help="requests per minute, instead of the plan's")
        for name in CAPS:
            period = name.removesuffix("_cap")
            create.add_argument(f"--{period}-cap", metavar="USD", help=f"most that the key may spend, {period}")
        create.add_argument("--expires", metavar="TIME", help="ISO 8601; without an offset it is UTC")
        _action(actions, "list", "show the keys that there are, revoked and expired ones too")
        rotate = _action(actions, "rotate", "give a key a new secret and show it, once", names_key=True)
        rotate.add_argument("--overlap", metavar="MINUTES", type=int, default=0, help="the old one still works so long")
        _action(actions, "revoke", "end a key now", names_key=True)

    def handle(self, *args: Any, **options: Any) -> None:
        organization = _organization(options["slug"])
        try:
            answer = getattr(self, f"_{options['action']}")(organization, options)
        except ValidationError as error:
            raise CommandError(_plain(error)) from error
        self.stdout.write(json.dumps(answer) if options["json"] else _for_people(options["action"], answer))

    def _create(self, organization: Organization, options: dict[str, Any]) -> dict[str, Any]:
        caps: dict[str, Any] = {
            f"{name}_nusd": _nusd(name, options[name]) for name in CAPS if options[name] is not None
        }
        key, secret = keys.issue(
            organization,
            name=options["name"],
            type=options["type"],
            group=_group(organization, options["group"]) if options["group"] is not None else None,
            models=options["model"],
            networks=options["network"],
            rpm=options["rpm"],
            expires_at=_time(options["expires"]) if options["expires"] is not None else None,
            **caps,
        )
        return {"key": secret, **described(key)}

    def _list(self, organization: Organization, options: dict[str, Any]) -> dict[str, Any]:
        rows = organization.keys.select_related("group", "organization")
        return {"organization": organization.slug, "keys": [described(key) for key in rows]}

    def _rotate(self, organization: Organization, options: dict[str, Any]) -> dict[str, Any]:
        try:
            overlap = timedelta(minutes=options["overlap"])
        except OverflowError as error:
            raise CommandError("overlap: too long.") from error
        key, secret = keys.rotate(_key(organization, options["key"]), overlap=overlap)
        return {"key": secret, **described(key)}

    def _revoke(self, organization: Organization, options: dict[str, Any]) -> dict[str, Any]:
        key = _key(organization, options["key"])
        keys.revoke(key)
        return described(key)


def described(key: APIKey) -> dict[str, Any]:
    """What the command shows of a key: everything but its secret. Money is text, in USD; times are ISO 8601."""
    return {
        "id": key.pk,
        "masked": key.masked,
        "organization": key.organization.slug,
        "name": key.name,
        "status": key.status,
        "type": key.type,
        "group": key.group.slug if key.group else None,
        "models": key.models,
        "networks": key.networks,
        "rpm": key.rpm,
        **{f"{name}_usd": _usd(getattr(key, f"{name}_nusd")) for name in CAPS},
        "log_bodies": key.log_bodies,
        "created_at": _iso(key.created_at),
        "expires_at": _iso(key.expires_at),
        "revoked_at": _iso(key.revoked_at),
        "replaced_by": key.replaced_by_id,
    }


def _action(actions: Any, name: str, summary: str, *, names_key: bool = False) -> ArgumentParser:
    parser: ArgumentParser = actions.add_parser(name, help=summary, description=summary)
    parser.add_argument("slug", metavar="SLUG", help="the organization's")
    if names_key:
        parser.add_argument("key", metavar="KEY", help="its id, what `key list` shows of it, or the secret itself")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")
    return parser


def _organization(slug: str) -> Organization:
    try:
        return Organization.objects.get(slug=slug)
    except Organization.DoesNotExist as error:
        raise CommandError(f"There is no organization {slug!r}.") from error


def _group(organization: Organization, slug: str) -> KeyGroup:
    """The organization's own group of that name, else the one that is offered to all."""
    for owner in (organization, None):
        group = KeyGroup.objects.filter(organization=owner, slug=slug).first()
        if group is not None:
            return group
    raise CommandError(f"group: there is no key group {slug!r} for {organization}.")


def _key(organization: Organization, text: str) -> APIKey:
    """The key that `text` means, among those of the organization."""
    rows = organization.keys.select_related("group", "organization")
    if text.isascii() and text.isdigit() and len(text) < 19:
        found = rows.filter(pk=int(text))
    else:
        found = rows.filter(digest=keys.digest_of(text))
        prefix, dots, last_four = text.replace("…", "...").rpartition("...")
        if dots:
            found = rows.filter(prefix=prefix, last_four=last_four)
    matches = list(found[:2])
    if len(matches) > 1:
        raise CommandError("Several keys look like this; name one by its id.")
    if not matches:  # `text` may be a secret, even if of another organization: it is not repeated
        raise CommandError(f"{organization} has no such key.")
    return matches[0]


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"expires: {text!r} is not a time such as 2030-12-31T23:59:00Z.") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _nusd(name: str, text: str) -> int:
    """An amount of USD in nano-USD, exactly. The model checks its sign and size."""
    try:
        amount = Decimal(text)
        if amount.is_finite() and abs(amount) < 10**12 and amount * NANO == int(amount * NANO):
            return int(amount * NANO)
    except InvalidOperation:
        pass
    raise CommandError(f"{name}: {text!r} is not an amount of USD with at most 9 decimals.")


def _usd(nusd: int | None) -> str | None:
    return None if nusd is None else f"{(Decimal(nusd) / NANO).normalize():f}"


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _plain(error: ValidationError) -> str:
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return "\n".join(f"{name.removesuffix('_nusd')}: {' '.join(texts)}" for name, texts in error.message_dict.items())


def _for_people(action: str, answer: dict[str, Any]) -> str:
    if action in ("create", "rotate"):
        return f"{answer['key']}\nKeep it now: it is not shown again. (id {answer['id']}, {answer['masked']})"
    if action == "revoke":
        return f"Revoked {answer['masked']} (id {answer['id']})."
    lines = [
        f"{row['id']:>6}  {row['masked']}  {row['status']:8} {row['type']:8} {row['name']}".rstrip()
        for row in answer["keys"]
    ]
    return "\n".join(lines) or f"{answer['organization']} has no keys."
