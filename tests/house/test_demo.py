"""What a first run is given: once, remembered, and never forced upon an operator who changed it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from accounts import keys
from accounts.models import APIKey, Organization, User
from billing import wallets
from billing.models import LedgerEntry
from catalog.models import Provider
from gateway import demo
from gateway.models import Credential

pytestmark = pytest.mark.django_db


def test_the_second_run_finds_what_the_first_one_made(tmp_path: Path) -> None:
    file = tmp_path / "demo.json"
    first = demo.prepare(file)
    assert demo.prepare(file) == first
    organization = Organization.objects.get(slug=first.organization)
    assert keys.recognise(first.key).organization_id == organization.pk
    assert wallets.balance(organization).available_nusd == 25_000_000_000
    assert LedgerEntry.objects.filter(wallet_id=organization.pk).count() == 1
    assert APIKey.objects.filter(organization=organization).count() == 1
    admin = User.objects.get(email=demo.ADMIN)
    assert admin.is_superuser
    assert admin.check_password(first.admin_password)
    assert User.objects.get(email=demo.DEMO).check_password(first.demo_password)
    assert not User.objects.get(email=demo.DEMO).is_staff
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_run_that_was_killed_half_way_loses_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def killed(*args: object, **kwargs: object) -> None:
        raise Killed

    file = tmp_path / "demo.json"
    with monkeypatch.context() as patch:
        patch.setattr(demo.wallets, "credit", killed)
        with pytest.raises(Killed):
            demo.prepare(file)
    after = demo.prepare(file)
    assert User.objects.get(email=demo.ADMIN).check_password(after.admin_password)
    assert User.objects.get(email=demo.DEMO).check_password(after.demo_password)
    assert demo.facts(after).balance == "25"


def test_a_lost_file_gives_a_new_key_and_touches_nobodys_password(tmp_path: Path) -> None:
    first = demo.prepare(tmp_path / "demo.json")
    (tmp_path / "demo.json").unlink()
    second = demo.prepare(tmp_path / "demo.json")
    assert second.organization == first.organization
    assert second.key != first.key
    assert (second.admin_password, second.demo_password) == ("", "")
    assert User.objects.get(email=demo.ADMIN).check_password(first.admin_password)
    assert demo.facts(second).balance == "25"


def test_a_revoked_key_is_replaced_and_stays_revoked(tmp_path: Path) -> None:
    first = demo.prepare(tmp_path / "demo.json")
    keys.revoke(APIKey.objects.get(organization__slug=first.organization))
    second = demo.prepare(tmp_path / "demo.json")
    assert keys.recognise(second.key)
    with pytest.raises(keys.KeyDisabled):
        keys.recognise(first.key)


def test_money_that_was_spent_or_added_stays_so(tmp_path: Path) -> None:
    first = demo.prepare(tmp_path / "demo.json")
    wallets.credit(Organization.objects.get(slug=first.organization), Decimal(5), "more", "the tests")
    assert demo.facts(demo.prepare(tmp_path / "demo.json")).balance == "30"


def test_the_simulator_is_told_to_the_catalogue_with_its_address_and_a_key() -> None:
    simulator = Provider.objects.create(slug="pretend", name="Pretend", adapter="simulator", is_simulator=True)
    other = Provider.objects.create(slug="other", name="Other", adapter="compatible", base_url="https://example.com/v1")
    demo.introduce_simulator("http://127.0.0.1:18000/v1")
    simulator.refresh_from_db()
    other.refresh_from_db()
    assert (simulator.base_url, simulator.has_credential) == ("http://127.0.0.1:18000/v1", True)
    assert (other.base_url, other.has_credential) == ("https://example.com/v1", False)
    assert Credential.objects.get().created_at <= datetime.now(UTC)
