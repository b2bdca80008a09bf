"""`manage.py key`: one JSON object on stdout and nothing else; what is refused changes nothing."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts import keys
from accounts.models import APIKey, KeyGroup, Organization
from tests.servers import url_of

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out, err = io.StringIO(), io.StringIO()
    call_command("key", *words, stdout=out, stderr=err)
    assert err.getvalue() == ""
    return out.getvalue()


def answer(*words: str) -> Any:
    out = run(*words, "--json")
    assert out.count("\n") == 1
    return json.loads(out)


def refused(*words: str) -> str:
    """What the command says instead of doing it. Proves that it was not done and that stdout stayed empty."""
    before = list(APIKey.objects.values())
    out = io.StringIO()
    with pytest.raises(CommandError) as refusal:
        call_command("key", *words, stdout=out)
    assert out.getvalue() == ""
    assert list(APIKey.objects.values()) == before
    return str(refusal.value)


def test_create_shows_the_secret_once(acme: Organization) -> None:
    out = run("create", "acme", "--name", "ci")
    secret = out.split()[0]
    assert out.count(secret) == 1
    assert keys.recognise(secret).organization_slug == "acme"
    assert secret not in run("list", "acme") + run("list", "acme", "--json")


def test_create_answers_in_json(acme: Organization) -> None:
    made = answer("create", "acme", "--name", "ci")
    key = APIKey.objects.get()
    assert keys.recognise(made.pop("key")).key_id == key.pk
    assert made == {
        "id": key.pk,
        "masked": f"{key.prefix}...{key.last_four}",
        "organization": "acme",
        "name": "ci",
        "status": "active",
        "type": "general",
        "group": None,
        "models": [],
        "networks": [],
        "rpm": None,
        "daily_cap_usd": None,
        "monthly_cap_usd": None,
        "total_cap_usd": None,
        "log_bodies": False,
        "created_at": key.created_at.isoformat(),
        "expires_at": None,
        "revoked_at": None,
        "replaced_by": None,
    }


def test_create_takes_every_limit(acme: Organization) -> None:
    KeyGroup.objects.create(slug="pictures", name="Pictures", type="image", platforms=["gemini"])
    limits = ["--rpm", "7", "--daily-cap", "5", "--monthly-cap", "1e2", "--total-cap", "1000.000000001"]
    lists = ["--model", "nano-banana", "--model", "gpt-image-1", "--network", "10.0.0.0/8", "--network", "::1"]
    kind = ["--type", "image", "--group", "pictures", "--expires", "2090-01-02T03:04:05"]
    made = answer("create", "acme", *limits, *lists, *kind)
    assert (made["rpm"], made["type"], made["group"]) == (7, "image", "pictures")
    assert (made["daily_cap_usd"], made["monthly_cap_usd"], made["total_cap_usd"]) == ("5", "100", "1000.000000001")
    assert made["networks"] == ["10.0.0.0/8", "::1/128"]
    assert made["expires_at"] == "2090-01-02T03:04:05+00:00"
    caller = keys.recognise(made["key"])
    assert caller.total_cap_nusd == 1_000_000_000_001
    assert caller.expires_at == datetime(2090, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert caller.may_call("nano-banana", "gemini")
    assert not caller.may_call("gemini-3-pro", "gemini")


def test_an_organizations_own_group_comes_before_the_one_offered_to_all(acme: Organization, evil: Organization) -> None:
    for owner in (None, acme, evil):
        KeyGroup.objects.create(slug="claude", name="Claude", organization=owner, models=[str(owner)])
    KeyGroup.objects.create(slug="gemini", name="Gemini", models=["None"])
    assert keys.recognise(answer("create", "acme", "--group", "claude")["key"]).models == (frozenset({"acme"}),)
    assert keys.recognise(answer("create", "acme", "--group", "gemini")["key"]).models == (frozenset({"None"}),)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--rpm", "0"], "rpm: This must be more than zero"),
        (["--rpm", "-5"], "rpm: This must be more than zero"),
        (["--rpm", "99999999999"], "rpm: "),
        (["--daily-cap", "0"], "daily_cap: This must be more than zero"),
        (["--monthly-cap", "-1.5"], "monthly_cap: This must be more than zero"),
        (["--total-cap", "10000000000"], "total_cap: "),
        (["--total-cap", "1e400"], "total_cap: '1e400' is not an amount"),
        (["--daily-cap", "0.0000000001"], "daily_cap: '0.0000000001' is not an amount"),
        (["--daily-cap", "ten"], "daily_cap: 'ten' is not an amount"),
        (["--daily-cap", "NaN"], "daily_cap: 'NaN' is not an amount"),
        (["--daily-cap=-Infinity"], "daily_cap: '-Infinity' is not an amount"),
        (["--expires", "2020-01-01"], "expires_at: The key would have expired already."),
        (["--expires", "soon"], "expires: 'soon' is not a time"),
        (["--network", "10.1.2.3/8"], "the network is 10.0.0.0/8"),
        (["--network", "home"], "'home' is not an IP address or network"),
        (["--model", "two words"], "A model's slug has no spaces"),
        (["--model", ""], "models: "),
        (["--group", "hers"], "there is no key group 'hers'"),
        (["--group", ""], "there is no key group ''"),
        (["--group", "pictures"], "a group for image keys, not general keys"),
        (["--type", "admin"], "invalid choice"),
        (["--name", "x" * 101], "name: "),
    ],
)
def test_create_refuses_what_makes_no_sense(
    acme: Organization, evil: Organization, words: list[str], complaint: str
) -> None:
    KeyGroup.objects.create(slug="hers", name="Hers", organization=evil)
    KeyGroup.objects.create(slug="pictures", name="Pictures", type="image")
    assert complaint in refused("create", "acme", *words)
    assert complaint in refused("create", "acme", *words, "--json")


def test_list_tells_the_state_of_every_key(acme: Organization, evil: Organization) -> None:
    active, revoked, expired, hers = (keys.issue(owner)[0] for owner in (acme, acme, acme, evil))
    keys.revoke(revoked)
    APIKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(days=1))
    listed = answer("list", "acme")
    assert listed["organization"] == "acme"
    assert [(key["id"], key["status"]) for key in listed["keys"]] == [
        (active.pk, "active"),
        (revoked.pk, "revoked"),
        (expired.pk, "expired"),
    ]
    lines = run("list", "acme").splitlines()
    assert [line.split()[:3] for line in lines] == [
        [str(key.pk), key.masked, status]
        for key, status in ((active, "active"), (revoked, "revoked"), (expired, "expired"))
    ]
    assert answer("list", "evil")["keys"][0]["id"] == hers.pk


def test_an_organization_without_keys_has_an_empty_list(acme: Organization) -> None:
    assert answer("list", "acme") == {"organization": "acme", "keys": []}
    assert run("list", "acme") == "acme has no keys.\n"


@pytest.mark.parametrize("called", ["id", "masked", "masked with an ellipsis", "secret"])
def test_revoke_takes_the_id_what_is_shown_or_the_secret(acme: Organization, called: str) -> None:
    key, secret = keys.issue(acme)
    other, kept = keys.issue(acme)
    word = {
        "id": str(key.pk),
        "masked": key.masked,
        "masked with an ellipsis": key.masked.replace("...", "…"),
        "secret": secret,
    }[called]
    revoked = answer("revoke", "acme", word)
    assert (revoked["id"], revoked["status"]) == (key.pk, "revoked")
    with pytest.raises(keys.KeyDisabled):
        keys.recognise(secret)
    assert keys.recognise(kept).key_id == other.pk
    assert answer("revoke", "acme", word) == revoked


def test_revoke_says_what_it_did(acme: Organization) -> None:
    key, _ = keys.issue(acme)
    assert run("revoke", "acme", str(key.pk)) == f"Revoked {key.masked} (id {key.pk}).\n"


def test_a_key_of_another_organization_is_as_unknown_as_none(acme: Organization, evil: Organization) -> None:
    key, secret = keys.issue(acme)
    for word in (str(key.pk), key.masked, secret, "0", "9" * 30, "...", "", "²"):
        complaint = refused("revoke", "evil", word)
        assert complaint == "evil has no such key."
    assert keys.recognise(secret).key_id == key.pk


def test_keys_that_look_alike_must_be_named_by_id(acme: Organization) -> None:
    (one, _), (other, _) = keys.issue(acme), keys.issue(acme)
    APIKey.objects.filter(pk=other.pk).update(prefix=one.prefix, last_four=one.last_four)
    assert "by its id" in refused("revoke", "acme", one.masked)


def test_rotate_shows_the_new_secret_once_and_ends_the_old_one(acme: Organization) -> None:
    key, old = keys.issue(acme, name="ci")
    rotated = answer("rotate", "acme", str(key.pk))
    assert (rotated["id"], rotated["name"]) == (key.pk, "ci")
    assert keys.recognise(rotated["key"]).key_id == key.pk
    with pytest.raises(keys.KeyDisabled):
        keys.recognise(old)


def test_rotate_lets_the_old_secret_live_as_long_as_was_agreed(acme: Organization) -> None:
    key, old = keys.issue(acme)
    new = run("rotate", "acme", old, "--overlap", "60").split()[0]
    assert keys.recognise(new).key_id == keys.recognise(old).key_id == key.pk
    listed = answer("list", "acme")["keys"]
    assert [row["replaced_by"] for row in listed] == [None, key.pk]
    assert listed[0]["id"] == key.pk


@pytest.mark.parametrize("overlap", ["-1", "99999999999999"])
def test_rotate_refuses_an_overlap_that_makes_no_sense(acme: Organization, overlap: str) -> None:
    key, _ = keys.issue(acme)
    assert "overlap" in refused("rotate", "acme", str(key.pk), "--overlap", overlap)


@pytest.mark.parametrize("words", [["create", "nobody"], ["list", "nobody"], ["revoke", "nobody", "1"]])
def test_an_organization_that_does_not_exist_is_named_in_the_complaint(words: list[str]) -> None:
    assert refused(*words, "--json") == "There is no organization 'nobody'."


def test_a_failing_command_exits_with_1_and_speaks_on_stderr_only(committed: None) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "manage.py", "key", "list", "nobody", "--json"],
        cwd=root,
        env=os.environ | {"DATABASE_URL": url_of(connection.settings_dict["NAME"])},
        capture_output=True,
    )
    assert done.returncode == 1
    assert done.stdout == b""
    assert b"There is no organization 'nobody'." in done.stderr
    assert b"Traceback" not in done.stderr
