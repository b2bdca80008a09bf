"""Who belongs to an organization, and as what. No change leaves an organization without an owner."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from accounts.models import Membership, Organization, Role, User


class AlreadyMember(Exception):
    """The person belongs to the organization already; change their role instead."""


class NotMember(Exception):
    """The person does not belong to the organization, or no longer."""


class LastOwner(Exception):
    """The organization would be left without an owner."""


def add(organization: Organization, user: User, role: Role) -> Membership:
    """Make `user` a member. Raises AlreadyMember; ValueError for a role that does not exist."""
    try:
        with transaction.atomic():
            return Membership.objects.create(organization=organization, user=user, role=Role(role))
    except IntegrityError as error:
        raise AlreadyMember(f"{user} is already a member of {organization}.") from error


def change_role(organization: Organization, user: User, role: Role) -> Membership:
    """Give a member another role. Raises NotMember, LastOwner; ValueError for a role that does not exist."""
    role = Role(role)
    with transaction.atomic():
        membership = _membership(organization, user)
        if role != Role.OWNER:
            _keep_an_owner(membership)
        membership.role = role
        membership.save(update_fields=["role"])
        return membership


def remove(organization: Organization, user: User) -> None:
    """End a membership. The keys that the person made remain the organization's. Raises NotMember, LastOwner."""
    with transaction.atomic():
        membership = _membership(organization, user)
        _keep_an_owner(membership)
        membership.delete()


def is_last_owner(membership: Membership) -> bool:
    """Whether nobody else owns the membership's organization."""
    owners = Membership.objects.filter(organization=membership.organization_id, role=Role.OWNER)
    return membership.role == Role.OWNER and not owners.exclude(pk=membership.pk).exists()


def _membership(organization: Organization, user: User) -> Membership:
    # The organization's row is the lock: two owners who remove each other at once must take turns.
    Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    try:
        return Membership.objects.get(organization=organization, user=user)
    except Membership.DoesNotExist as error:
        raise NotMember(f"{user} is not a member of {organization}.") from error


def _keep_an_owner(membership: Membership) -> None:
    if is_last_owner(membership):
        raise LastOwner(f"{membership.user} is the last owner of {membership.organization}.")
