"""Members come, change roles and go; an organization always keeps an owner."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest
from django.db import IntegrityError, connection
from django.db.models import ProtectedError

from accounts import keys, members
from accounts.models import Membership, Organization, Role, User


def roles(organization: Organization) -> dict[str, str]:
    return dict(organization.memberships.values_list("user__email", "role"))


@pytest.mark.django_db
def test_a_person_joins_with_a_role(acme: Organization, mallory: User) -> None:
    membership = members.add(acme, mallory, Role.VIEWER)
    assert (membership.user, membership.organization, membership.role) == (mallory, acme, "viewer")
    assert roles(acme) == {"alice@example.com": "owner", "mallory@example.com": "viewer"}


@pytest.mark.django_db
def test_nobody_joins_twice(acme: Organization, bob: User) -> None:
    with pytest.raises(members.AlreadyMember):
        members.add(acme, bob, Role.OWNER)
    assert roles(acme)["bob@example.com"] == "developer"


@pytest.mark.django_db
def test_a_role_that_does_not_exist_is_refused(acme: Organization, bob: User, mallory: User) -> None:
    before = roles(acme)
    with pytest.raises(ValueError, match="king"):
        members.add(acme, mallory, "king")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="king"):
        members.change_role(acme, bob, "king")  # type: ignore[arg-type]
    assert roles(acme) == before
    with pytest.raises(IntegrityError, match="role_known"):
        Membership.objects.filter(user=bob).update(role="king")


@pytest.mark.django_db
def test_a_member_gets_another_role(acme: Organization, bob: User) -> None:
    members.change_role(acme, bob, Role.BILLING)
    assert roles(acme)["bob@example.com"] == "billing"


@pytest.mark.django_db
def test_a_member_leaves_and_the_keys_that_they_made_stay(acme: Organization, bob: User) -> None:
    _, secret = keys.issue(acme, created_by=bob)
    members.remove(acme, bob)
    assert "bob@example.com" not in roles(acme)
    assert keys.recognise(secret).user_id == bob.pk


@pytest.mark.django_db
@pytest.mark.parametrize("role", [role for role in Role if role != Role.OWNER])
def test_the_last_owner_stays_owner(acme: Organization, alice: User, bob: User, role: Role) -> None:
    before = roles(acme)
    with pytest.raises(members.LastOwner):
        members.change_role(acme, alice, role)
    with pytest.raises(members.LastOwner):
        members.remove(acme, alice)
    assert roles(acme) == before
    assert members.change_role(acme, alice, Role.OWNER).role == "owner"


@pytest.mark.django_db
def test_with_a_second_owner_the_first_may_go(acme: Organization, alice: User, bob: User) -> None:
    members.change_role(acme, bob, Role.OWNER)
    members.remove(acme, alice)
    assert roles(acme) == {"bob@example.com": "owner"}


@pytest.mark.django_db
def test_owning_another_organization_does_not_help(acme: Organization, alice: User, evil: Organization) -> None:
    members.add(evil, alice, Role.OWNER)
    with pytest.raises(members.LastOwner):
        members.remove(acme, alice)
    members.remove(evil, alice)


@pytest.mark.django_db
def test_who_is_no_member_can_neither_be_changed_nor_removed(acme: Organization, mallory: User) -> None:
    with pytest.raises(members.NotMember):
        members.change_role(acme, mallory, Role.OWNER)
    with pytest.raises(members.NotMember):
        members.remove(acme, mallory)
    assert roles(acme) == {"alice@example.com": "owner"}


@pytest.mark.django_db
def test_a_person_cannot_be_deleted_out_of_their_organization(acme: Organization, alice: User) -> None:
    with pytest.raises(ProtectedError):
        alice.delete()
    assert roles(acme) == {"alice@example.com": "owner"}


@pytest.mark.usefixtures("committed")
def test_two_owners_who_remove_each_other_at_once_cannot_both_succeed(
    acme: Organization, alice: User, bob: User
) -> None:
    members.change_role(acme, bob, Role.OWNER)
    start = Barrier(2)
    refusals: list[members.LastOwner] = []

    def remove(user: User) -> None:
        try:
            start.wait()
            members.remove(acme, user)
        except members.LastOwner as refusal:
            refusals.append(refusal)
        finally:
            connection.close()

    threads = [Thread(target=remove, args=[user]) for user in (alice, bob)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refusals) == 1
    assert list(roles(acme).values()) == ["owner"]
