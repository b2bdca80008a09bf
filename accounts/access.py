"""The one door to other people's objects: every view, page and API reaches an organization through here."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser

from accounts.models import Organization, User


def organization_for(user: User | AnonymousUser, slug: str) -> Organization:
    """The organization called `slug`, if `user` is a member of it; frozen and closed ones too.

    Raises Organization.DoesNotExist, with the same words, for an organization that does not exist and for one that is
    somebody else's, so that a stranger cannot learn which slugs are taken. Staff have no way round it: they have the
    admin.
    """
    # An anonymous user's id is None, and a filter by None would find organizations that have no members.
    if not isinstance(user, User) or not user.is_active:
        raise Organization.DoesNotExist("Organization matching query does not exist.")
    return Organization.objects.select_related("plan").get(slug=slug, memberships__user=user)
