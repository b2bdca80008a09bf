"""Who is calling: where a key is read, what is refused, and that no refusal repeats a key."""

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import OperationalError
from django.utils import timezone

from accounts import keys
from accounts.keys import Caller
from accounts.models import KeyGroup, Organization
from gateway import errors
from gateway.api import auth
from gateway.api.auth import client_ip, secret_of
from gateway.doors import headers_of
from gateway.errors import (
    AccountDisabled,
    ApiKeyDisabled,
    GatewayError,
    InternalError,
    InvalidApiKey,
    KeyScopeMismatch,
    MissingApiKey,
)
from tests.people import Person, with_key

KEY = "tollgate_" + "a1B2" * 10
OTHER = "tollgate_" + "Z9y8" * 10


def who(headers: Mapping[str, str], query: str = "", peer: str = "192.0.2.1", path: str = "/v1/models") -> Caller:
    return async_to_sync(auth.recognise)(headers, query, peer, path)


def refusal(headers: Mapping[str, str], **more: Any) -> GatewayError:
    with pytest.raises(GatewayError) as refused:
        who(headers, **more)
    return refused.value


# --- Where the key is read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {KEY}"},
        {"Authorization": f"bearer {KEY}"},
        {"AUTHORIZATION": f"BEARER   {KEY}  "},
        {"x-api-key": KEY},
        {"X-API-Key": f" {KEY} "},
        {"x-goog-api-key": KEY},
        {"X-Goog-Api-Key": KEY},
        {"authorization": f"Bearer {KEY}", "x-api-key": OTHER, "x-goog-api-key": OTHER},
        {"x-goog-api-key": OTHER, "x-api-key": KEY},
        {"authorization": "Bearer ", "x-api-key": KEY},
        {"authorization": "Basic dXNlcjpwYXNz", "x-api-key": KEY},
    ],
)
def test_a_key_is_found_in_each_header_in_a_fixed_order_whatever_the_case(headers: dict[str, str]) -> None:
    assert secret_of(headers) == KEY


@pytest.mark.parametrize("path", ["/v1beta/models/gemini-2.5-pro:generateContent", "/api/v1beta/models"])
def test_google_s_paths_also_take_the_key_from_the_address(path: str) -> None:
    assert secret_of({}, f"alt=sse&key={KEY}", path) == KEY
    assert secret_of({"x-goog-api-key": KEY}, f"key={OTHER}", path) == KEY


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models", "/v1beta2/models", "/api/v1/xv1beta/models"])
def test_no_other_path_takes_a_key_from_the_address(path: str) -> None:
    with pytest.raises(MissingApiKey):
        secret_of({}, f"key={KEY}", path)


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": ""}, {"authorization": "Bearer"}, {"authorization": "bearer \t "}, {"x-api-key": " "}],
)
def test_no_key_at_all_says_where_one_is_read(headers: dict[str, str]) -> None:
    with pytest.raises(MissingApiKey) as refused:
        secret_of(headers)
    assert refused.value.meta == {"accepted_headers": ["Authorization", "x-api-key", "x-goog-api-key"]}


@pytest.mark.parametrize(
    "value",
    [
        f"{KEY}, Bearer {OTHER}",  # sent twice, and joined on the way
        f"{KEY},{OTHER}",
        f"{KEY} {OTHER}",
        f"{KEY}\x00",
        f"{KEY}\x7f",
        f"{KEY[:20]}\t{KEY[20:]}",
        f"{KEY}\u00e9",
        f"{KEY}\u00a0",
        "\u043a\u043b\u044e\u0447",
        "k" * 257,
        "k" * 1_000_000,
    ],
    ids=repr,
)
@pytest.mark.parametrize("header", ["authorization", "x-api-key", "x-goog-api-key"])
def test_what_cannot_be_a_key_is_invalid_without_asking_anybody(header: str, value: str) -> None:
    error = refusal({header: f"Bearer {value}" if header == "authorization" else value})
    assert isinstance(error, InvalidApiKey)


@pytest.mark.parametrize("value", [KEY, f"Basic {KEY}", f"Token {KEY}", f"Bearer\t{KEY}", f"Bearer{KEY}"])
def test_an_authorization_that_is_no_bearer_token_is_invalid_and_says_how_to_write_it(value: str) -> None:
    error = refusal({"authorization": value})
    assert isinstance(error, InvalidApiKey)
    assert "Bearer <key>" in error.message
    assert KEY not in error.message


def test_an_address_with_thousands_of_parameters_is_not_searched_for_a_key() -> None:
    with pytest.raises(MissingApiKey):
        secret_of({}, "a=1&" * 5000 + f"key={KEY}", "/v1beta/models")


# --- Where the customer is -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        (0, "203.0.113.9", "192.0.2.1"),
        (0, "", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "10.9.9.9, 203.0.113.9", "203.0.113.9"),
        (2, "10.9.9.9, 203.0.113.9, 198.51.100.7", "203.0.113.9"),
        (2, "203.0.113.9", "203.0.113.9"),
        (1, "", "192.0.2.1"),
        (1, " 203.0.113.9:4711 ", "203.0.113.9"),
        (1, "[2001:db8::5]:4711", "2001:db8::5"),
        (1, "2001:db8::5", "2001:db8::5"),
        (1, "fe80::1%eth0", "fe80::1"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
        (1, "unknown", None),
        (1, "203.0.113.9, not-an-address", None),
        (1, ", ,", "192.0.2.1"),
        (9, "1.1.1.1, 2.2.2.2", "1.1.1.1"),
    ],
)
def test_the_customer_s_address_is_what_our_own_proxies_saw(hops: int, forwarded: str, address: str | None) -> None:
    found = client_ip("192.0.2.1", {"X-Forwarded-For": forwarded} if forwarded else {}, hops)
    assert found == (ip_address(address) if address else None)


def test_a_connection_over_a_unix_socket_has_no_address() -> None:
    assert client_ip("", {}, 0) is None
    assert client_ip("", {"x-forwarded-for": "203.0.113.9"}, 1) == ip_address("203.0.113.9")


# --- Whose key it is -------------------------------------------------------------------------------------------------


def test_alice_is_recognised_by_her_key_in_any_header(alice: Person) -> None:
    for headers in (alice.headers, {"x-api-key": alice.secret}, {"x-goog-api-key": alice.secret}):
        caller = who(headers)
        assert caller.organization_id == alice.organization.pk
        assert caller.key_id == alice.key.pk


def test_the_second_call_asks_memory_alone(alice: Person, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        who(alice.headers)
        who(alice.headers)


def test_a_crowd_with_one_key_asks_once(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    ask = auth._ask

    async def counting(secret: str) -> Caller:
        asked.append(secret)
        return await ask(secret)

    async def crowd() -> list[Caller]:
        return list(await asyncio.gather(*(auth.recognise(alice.headers, "", "192.0.2.1") for _ in range(50))))

    monkeypatch.setattr(auth, "_ask", counting)
    assert {caller.key_id for caller in async_to_sync(crowd)()} == {alice.key.pk}
    assert asked == [alice.secret]
    assert not auth._asked, "no secret is kept"


def test_an_unknown_key_is_invalid_and_says_how_ours_begin(db: None, settings: Any) -> None:
    error = refusal({"authorization": f"Bearer {KEY}"})
    assert isinstance(error, InvalidApiKey)
    assert error.meta == {"key_prefix": settings.API_KEY_PREFIX}


def test_a_revoked_key_says_so_and_since_when(alice: Person) -> None:
    keys.revoke(alice.key)
    alice.key.refresh_from_db()
    error = refusal(alice.headers)
    assert isinstance(error, ApiKeyDisabled)
    assert alice.key.revoked_at is not None
    since = alice.key.revoked_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    assert error.meta == {"reason": "revoked", "since": since}


def test_an_expired_key_says_so(alice: Person) -> None:
    alice.key.expires_at = timezone.now() - timedelta(seconds=1)
    alice.key.save()
    error = refusal(alice.headers)
    assert isinstance(error, ApiKeyDisabled)
    assert error.meta["reason"] == "expired"


def test_a_key_of_a_group_that_is_off_is_disabled(alice: Person) -> None:
    group = KeyGroup.objects.create(slug="off", name="Off", type="general", platforms=["openai"])
    member = with_key(alice.user, alice.organization, group=group)
    KeyGroup.objects.filter(pk=group.pk).update(is_active=False)
    error = refusal(member.headers)
    assert isinstance(error, ApiKeyDisabled)
    assert error.meta["reason"] == "disabled"


@pytest.mark.parametrize("status", ["frozen", "closed"])
def test_a_key_of_a_disabled_account_says_why(alice: Person, mallory: Person, status: str) -> None:
    Organization.objects.filter(pk=alice.organization.pk).update(status=status)
    error = refusal(alice.headers)
    assert isinstance(error, AccountDisabled)
    assert error.meta == {"reason": status}
    assert who(mallory.headers).organization_id == mallory.organization.pk


def test_a_key_with_an_allow_list_works_from_there_and_from_nowhere_else(alice: Person, settings: Any) -> None:
    office = with_key(alice.user, alice.organization, networks=["203.0.113.0/24", "2001:db8::/32"])
    for address in ("203.0.113.77", "2001:db8::1", "::ffff:203.0.113.77"):
        assert who(office.headers, peer=address).key_id == office.key.pk
    for address in ("203.0.114.1", "2001:db9::1", "", "not an address"):
        error = refusal(office.headers, peer=address)
        assert isinstance(error, KeyScopeMismatch)
        assert error.status == 403
        assert "203.0.113.0" not in error.message, "the list is nobody else's business"
    claimed = office.headers | {"x-forwarded-for": "203.0.113.77"}
    assert isinstance(refusal(claimed, peer="198.51.100.1"), KeyScopeMismatch), "anybody may claim an address"
    settings.TRUSTED_PROXY_HOPS = 1
    assert who(claimed, peer="198.51.100.1").key_id == office.key.pk


def test_a_database_that_is_away_is_our_fault_and_not_the_key_s(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(secret: str) -> Caller:
        raise OperationalError("server closed the connection, host=10.1.2.3")

    monkeypatch.setattr(auth, "_ask", sync_to_async(broken))
    error = refusal({"x-api-key": KEY})
    assert isinstance(error, InternalError)
    assert "10.1.2.3" not in error.message


@pytest.fixture
def everything_said(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


def test_no_refusal_and_no_log_repeats_a_key_or_a_part_of_it(
    alice: Person, everything_said: pytest.LogCaptureFixture
) -> None:
    revoked = with_key(alice.user, alice.organization)
    keys.revoke(revoked.key)
    walled = with_key(alice.user, alice.organization, networks=["203.0.113.0/24"])
    secrets = [KEY, f"{OTHER}é", revoked.secret, walled.secret, "sk-proj-4711secretsecret"]
    for secret in secrets:
        for headers in (
            {"authorization": f"Bearer {secret}"},
            {"authorization": f"Token {secret}"},
            {"x-api-key": secret},
        ):
            error = refusal(headers)
            said = json.dumps([error.message, error.meta, errors.headers(error, "req_1")]) + everything_said.text
            assert secret not in said
            assert secret[9:21] not in said
            assert error.__cause__ is None
            assert error.__suppress_context__ or error.__context__ is None


def test_a_second_key_cannot_be_slipped_past_the_fast_lane_in_a_repeated_header() -> None:
    raw = [
        (b"authorization", f"Bearer {KEY}".encode()),
        (b"host", b"x"),
        (b"authorization", f"Bearer {OTHER}".encode()),
    ]
    headers = headers_of({"headers": raw})
    assert headers == {"authorization": f"Bearer {KEY},Bearer {OTHER}", "host": "x"}
    with pytest.raises(InvalidApiKey):
        secret_of(headers)
    assert headers_of({"headers": raw[:2]}) == {"authorization": f"Bearer {KEY}", "host": "x"}
