"""The admin: every model has its page, no secret or digest is on one, and no organization loses its owner there."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import path, reverse

from accounts import keys
from accounts.models import APIKey, KeyGroup, Membership, Organization, Role, User

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

urlpatterns = [path("admin/", admin.site.urls)]


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root@example.com", "root's own password"))
    return client


def page(name: str, *arguments: object) -> str:
    return reverse(f"admin:accounts_{name}", args=arguments)


def test_every_model_has_a_list_and_a_page(root: Client, acme: Organization, bob: User) -> None:
    KeyGroup.objects.create(slug="claude", name="Claude")
    keys.issue(acme, networks=["10.0.0.0/8"], models=["gpt-5.1"])
    for model in apps.get_app_config("accounts").get_models():
        name = str(model._meta.model_name)
        assert root.get(page(f"{name}_changelist") + "?q=a").status_code == 200
        assert root.get(page(f"{name}_change", model.objects.latest("pk").pk)).status_code == 200  # type: ignore[attr-defined]


def test_a_key_is_shown_without_secret_and_digest(root: Client, acme: Organization) -> None:
    key, secret = keys.issue(acme)
    for address in (page("apikey_changelist"), page("apikey_change", key.pk)):
        shown = root.get(address).content.decode()
        assert key.masked in shown
        assert secret not in shown
        assert bytes(key.digest).hex() not in shown
        assert "digest" not in shown


def test_keys_are_neither_made_nor_deleted_in_the_admin(root: Client, acme: Organization) -> None:
    key, _ = keys.issue(acme)
    assert root.get(page("apikey_add")).status_code == 403
    assert root.post(page("apikey_delete", key.pk), {"post": "yes"}).status_code == 403
    assert APIKey.objects.count() == 1


def test_selected_keys_can_be_revoked(root: Client, acme: Organization) -> None:
    key, secret = keys.issue(acme)
    _, kept = keys.issue(acme)
    answer = root.post(
        page("apikey_changelist"), {"action": "revoke_selected", "_selected_action": [key.pk]}, follow=True
    )
    assert f"Revoked: {key.masked}." in answer.content.decode()
    with pytest.raises(keys.KeyDisabled):
        keys.recognise(secret)
    assert keys.recognise(kept)


def test_a_keys_limits_can_be_changed_but_not_to_another_types_group(root: Client, acme: Organization) -> None:
    key, secret = keys.issue(acme)
    pictures = KeyGroup.objects.create(slug="pictures", name="Pictures", type="image")
    form = {"name": "ci", "models": "gpt-5.1,gpt-5", "networks": "10.0.0.0/8", "rpm": "5", "total_cap_nusd": "7"}
    assert root.post(page("apikey_change", key.pk), form).status_code == 302
    keys.forget_all()
    caller = keys.recognise(secret)
    assert (caller.chat_rpm, caller.total_cap_nusd, caller.models) == (5, 7, (frozenset({"gpt-5.1", "gpt-5"}),))
    answer = root.post(page("apikey_change", key.pk), {**form, "group": pictures.pk})
    assert "a group for image keys" in answer.content.decode()
    answer = root.post(page("apikey_change", key.pk), {**form, "networks": "10.1.2.3/8"})
    assert "the network is 10.0.0.0/8" in answer.content.decode()
    key.refresh_from_db()
    assert (key.group, key.networks) == (None, ["10.0.0.0/8"])


def test_a_person_made_in_the_admin_has_an_organization_and_can_sign_in(root: Client, client: Client) -> None:
    form = {"email": "Carol@example.com", "name": "", "usable_password": "true"}
    passwords = {"password1": "carol's own password", "password2": "carol's own password"}
    assert root.post(page("user_add"), form | passwords).status_code == 302
    carol = User.objects.get(email="carol@example.com")
    assert list(carol.memberships.values_list("organization__slug", "role")) == [("carol", "owner")]
    assert Client().login(username="CAROL@example.com", password="carol's own password")


def test_the_same_address_in_another_case_is_refused_with_words(root: Client, alice: User) -> None:
    form = {"email": "ALICE@example.com", "usable_password": "false"}
    answer = root.post(page("user_add"), form)
    assert "already exists" in answer.content.decode()
    assert User.objects.filter(email="alice@example.com").count() == 1


def test_the_last_owner_can_be_neither_demoted_nor_removed(root: Client, acme: Organization, alice: User) -> None:
    membership = Membership.objects.get(organization=acme, user=alice)
    answer = root.post(page("membership_change", membership.pk), {"role": "viewer"})
    assert "cannot be without an owner" in answer.content.decode()
    assert root.post(page("membership_delete", membership.pk), {"post": "yes"}).status_code == 403
    form = {"action": "delete_selected", "_selected_action": [membership.pk], "post": "yes"}
    root.post(page("membership_changelist"), form)
    root.post(page("user_delete", alice.pk), {"post": "yes"})
    assert root.post(page("organization_delete", acme.pk), {"post": "yes"}).status_code == 403
    membership.refresh_from_db()
    assert membership.role == "owner"


def test_the_last_two_owners_cannot_be_removed_together(
    root: Client, acme: Organization, alice: User, bob: User
) -> None:
    Membership.objects.update(role="owner")
    chosen = list(acme.memberships.values_list("pk", flat=True))
    root.post(page("membership_changelist"), {"action": "delete_selected", "_selected_action": chosen, "post": "yes"})
    assert list(acme.memberships.values_list("pk", flat=True)) == chosen


def test_a_member_can_be_promoted_and_then_the_first_owner_may_go(
    root: Client, acme: Organization, alice: User, bob: User
) -> None:
    first, second = (Membership.objects.get(organization=acme, user=user) for user in (alice, bob))
    assert root.post(page("membership_change", second.pk), {"role": "owner"}).status_code == 302
    assert root.post(page("membership_delete", first.pk), {"post": "yes"}).status_code == 302
    assert list(acme.memberships.values_list("user__email", "role")) == [("bob@example.com", Role.OWNER)]


def test_a_group_keeps_its_type_and_its_organization(root: Client, acme: Organization) -> None:
    group = KeyGroup.objects.create(slug="claude", name="Claude")
    form = {"slug": "claude", "name": "Claude", "is_active": "on", "platforms": "anthropic,telegraph"}
    assert "telegraph" in root.post(page("keygroup_change", group.pk), form).content.decode()
    form |= {"platforms": "anthropic", "type": "image", "organization": str(acme.pk)}
    assert root.post(page("keygroup_change", group.pk), form).status_code == 302
    group.refresh_from_db()
    assert (group.type, group.organization, group.platforms) == ("general", None, ["anthropic"])


def test_a_stranger_sees_nothing_of_the_admin(client: Client, acme: Organization, alice: User) -> None:
    client.force_login(alice)
    for model in apps.get_app_config("accounts").get_models():
        assert client.get(page(f"{model._meta.model_name}_changelist")).status_code == 302
