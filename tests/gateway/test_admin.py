"""The admin of the gateway: secrets go in and never out, customers' words are not shown, the simulator is announced."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from catalog.models import Provider
from gateway import credentials
from gateway.models import Credential

PAGES = ("credential", "job", "storedresponse", "idempotencykey")


@pytest.fixture
def staff(db: None) -> Client:
    """Somebody who may see everything."""
    client = Client()
    client.force_login(User.objects.create_superuser("staff@example.com", "a long password"))
    return client


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens(staff: Client, page: str) -> None:
    assert staff.get(f"/admin/gateway/{page}/").status_code == 200


def test_a_secret_goes_in_sealed_and_is_never_shown(staff: Client) -> None:
    provider = Provider.objects.create(slug="somebody", name="Somebody", adapter="compatible", base_url="http://x")
    secret = "sk-a-secret-of-ours-1234"
    staff.post("/admin/gateway/credential/add/", {"provider": provider.pk, "secret": secret})
    credential = Credential.objects.get(provider=provider)
    assert credentials.reveal(credential) == secret
    assert secret.encode() not in bytes(credential.sealed)
    shown = staff.get(f"/admin/gateway/credential/{credential.pk}/change/").content.decode()
    shown += staff.get("/admin/gateway/credential/").content.decode()
    assert "a-secret-of-ours" not in shown
    provider.refresh_from_db()
    assert provider.has_credential
    staff.post(f"/admin/gateway/credential/{credential.pk}/delete/", {"post": "yes"})
    provider.refresh_from_db()
    assert not provider.has_credential


def test_the_admin_says_that_answers_are_simulated_until_a_provider_is_set(staff: Client) -> None:
    call_command("catalog", "load", verbosity=0)
    assert "answered by the simulator" in staff.get("/admin/").content.decode()
    Provider.objects.filter(is_simulator=True).update(is_enabled=False)
    from catalog import routing

    routing.forget()
    assert "answered by the simulator" not in staff.get("/admin/").content.decode()
