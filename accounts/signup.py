"""How people and organizations come to be: an account, and with it an organization of one's own."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from accounts import members
from accounts.models import Organization, Plan, Role, User

LONGEST_READABLE_SLUG = 40


class EmailTaken(Exception):
    """Somebody already signs in with this address."""


class PlanUnknown(Exception):
    """There is no plan with this slug."""


def open_account(
    email: str, password: str | None = None, *, name: str = "", plan: str | None = None
) -> tuple[User, Organization]:
    """A new person and the personal organization that comes with them.

    Without a password the person cannot sign in with one. `plan` is a slug; None means the setting DEFAULT_PLAN.
    Raises EmailTaken, PlanUnknown, and ValidationError for a malformed address or a weak password.
    """
    user = User(email=email.strip().lower(), name=name.strip())
    if password is not None:
        validate_password(password, user)
    user.set_password(password)
    user.full_clean(validate_unique=False, validate_constraints=False)
    with transaction.atomic():
        try:
            with transaction.atomic():
                user.save()
        except IntegrityError as error:
            raise EmailTaken(f"An account for {user.email} already exists.") from error
        return user, open_personal(user, plan=plan)


def open_personal(user: User, *, plan: str | None = None) -> Organization:
    """The organization that comes with `user`, who owns it. Raises PlanUnknown."""
    local_part = user.email.partition("@")[0]
    return open_organization(user.name or local_part, owner=user, plan=plan, is_personal=True)


def open_organization(
    name: str, *, owner: User | None = None, plan: str | None = None, is_personal: bool = False
) -> Organization:
    """A new organization with a slug made from its name. Without an owner only operators can reach it.

    `plan` is a slug; None means the setting DEFAULT_PLAN. Raises PlanUnknown, and ValidationError for an empty or
    overlong name.
    """
    chosen = plan_called(plan or settings.DEFAULT_PLAN)
    organization = Organization(name=name.strip(), plan=chosen, is_personal=is_personal)
    with transaction.atomic():
        for slug in slugs_for(name):
            organization.slug = slug
            organization.full_clean(validate_unique=False, validate_constraints=False)
            try:
                with transaction.atomic():
                    organization.save()
                break
            except IntegrityError:
                if not Organization.objects.filter(slug=slug).exists():
                    raise
        if owner is not None:
            members.add(organization, owner, Role.OWNER)
    return organization


def plan_called(slug: str) -> Plan:
    """Raises PlanUnknown, which names the plans that there are."""
    try:
        return Plan.objects.get(slug=slug)
    except Plan.DoesNotExist as error:
        known = ", ".join(Plan.objects.values_list("slug", flat=True))
        raise PlanUnknown(f"There is no plan {slug!r}; the plans are: {known}.") from error


def slugs_for(name: str) -> Iterator[str]:
    """What an organization of this name may be called: the name itself, then without end the name and a random ending.

    Random, because a number would tell how many others there are.
    """
    readable = re.sub(r"[^a-z0-9]+", "-", slugify(name))[:LONGEST_READABLE_SLUG].strip("-")
    if readable:
        yield readable
    while True:
        yield f"{readable or 'organization'}-{secrets.token_hex(3)}"
