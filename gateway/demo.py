"""What a first run is given to play with: an organization with money, a key, and two people who can log in."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path

from django.db import transaction

from accounts import keys, signup
from accounts.models import Organization, User
from billing import wallets
from billing.pricing import usd_text
from catalog.models import AIModel, Provider
from gateway import credentials

CREDIT = Decimal(25)  # USD, once
DEMO = "demo@example.com"
ADMIN = "admin@example.com"
FAVOURITES = ("gpt-4o-mini", "gpt-4.1-mini", "gpt-5-mini")  # cheap, well known


@dataclass(slots=True)
class Kept:
    """What var/demo.json remembers, so that the next run prints the same. Empty: not known."""

    organization: str = ""
    key: str = ""
    demo_password: str = ""
    admin_password: str = ""


def prepare(file: Path) -> Kept:
    """Make whatever is missing and return all of it. An operator's later changes stay as they are.

    Passwords are written down before there is anybody who has them, so that a killed run loses none.
    """
    kept = Kept(**json.loads(file.read_text(encoding="utf-8"))) if file.exists() else Kept()
    known = set(User.objects.filter(email__in=[DEMO, ADMIN]).values_list("email", flat=True))
    if DEMO not in known:
        kept.demo_password = secrets.token_urlsafe(12)
    if ADMIN not in known:
        kept.admin_password = secrets.token_urlsafe(12)
    _write(file, kept)
    if ADMIN not in known:
        with transaction.atomic():
            user, _ = signup.open_account(ADMIN, kept.admin_password)
            User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    organization = _organization(kept.demo_password)
    kept.organization = organization.slug
    if not _opens(kept.key, organization):
        _, kept.key = keys.issue(organization, name="demo")
    _write(file, kept)
    return kept


def introduce_simulator(base_url: str) -> None:
    """Tell the catalogue where the simulator listens. Any key opens its door, but it wants to see one."""
    for simulator in Provider.objects.filter(is_simulator=True):
        Provider.objects.filter(pk=simulator.pk).update(base_url=base_url)
        credentials.store(simulator, "simulator")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the greeting says beside the keys: `balance` in USD, a model to try, and who answers."""

    balance: str
    model: str
    who_answers: str


def facts(kept: Kept) -> Facts:
    """Looked up anew each time, since the operator may have changed any of it."""
    balance = wallets.balance(Organization.objects.get(slug=kept.organization))
    real = Provider.objects.filter(has_credential=True, is_enabled=True, is_simulator=False)
    names = ", ".join(real.order_by("name").values_list("name", flat=True))
    chat = AIModel.objects.filter(kind="chat", is_enabled=True, platform="openai")
    model = chat.filter(slug__in=FAVOURITES).first() or chat.order_by("slug").first()
    return Facts(
        usd_text(balance.available_nusd),
        model.slug if model else "",
        f"{names}; the simulator for all other models" if names else "the simulator, until `manage.py provider set`",
    )


def _organization(password: str) -> Organization:
    """The demo organization. Its $25 come in the same transaction that makes it, so they come once."""
    owned = Organization.objects.filter(memberships__user__email=DEMO, memberships__role="owner").order_by("pk").first()
    if owned is not None:
        return owned
    with transaction.atomic():
        user = User.objects.filter(email=DEMO).first()
        made = signup.open_personal(user) if user else signup.open_account(DEMO, password)[1]
        wallets.credit(made, CREDIT, "A gift for the first steps", "make up")
        return made


def _opens(secret: str, organization: Organization) -> bool:
    """Whether the remembered key still opens this organization's door."""
    try:
        return bool(secret) and keys.recognise(secret).organization_id == organization.pk
    except keys.OrganizationDisabled:
        return True  # it is the right key; the operator wants it to be refused
    except (keys.KeyUnknown, keys.KeyDisabled):
        return False


def _write(file: Path, kept: Kept) -> None:
    """Replace the file in one step; only we may read it."""
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
        json.dump(asdict(kept), handle, indent=1)
    draft.replace(file)
