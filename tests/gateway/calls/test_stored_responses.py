"""Responses that stay: in the background, through the death of a server, and until their time is over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.utils import timezone

from gateway import responses_store, tasks
from gateway.models import StoredResponse
from tests.fakes import responses_recordings as recordings
from tests.fakes.recordings import Gate, Recording
from tests.people import Person, newcomer, nothing_happened
from tests.servers import LiveServer
from tests.shop import Goods, Shop, ask, events_of, eventually

RESPONSES: Any = {"dialect": "openai_responses", "capabilities": ["reasoning"]}


def create(server: LiveServer, person: Person, goods: Goods, **fields: Any) -> httpx.Response:
    """POST /v1/responses."""
    return ask(server, person, {"model": goods.slug, "input": "Hi", **fields}, path="/v1/responses")


def show(server: LiveServer, person: Person, response_id: str) -> Any:
    """GET /v1/responses/{id}."""
    return httpx.get(f"{server.url}/v1/responses/{response_id}", headers=person.headers).json()


def act(server: LiveServer, person: Person, response_id: str, action: str) -> httpx.Response:
    """POST /v1/responses/{id}/{action}."""
    return httpx.post(f"{server.url}/v1/responses/{response_id}/{action}", headers=person.headers)


@pytest.mark.parametrize("server", ["uvicorn", "daphne"], indirect=True)
def test_a_background_response_can_be_cancelled_and_stops_its_provider(
    server: LiveServer, shop: Shop, alice: Person, mallory: Person
) -> None:
    goods, gate = shop.sell(**RESPONSES), Gate()
    goods.tape.play(recordings.stream(("Hel", gate, "lo")))
    queued = create(server, alice, goods, background=True).json()
    assert gate.wait_until_reached()
    assert show(server, alice, queued["id"])["status"] == "in_progress"
    early = create(server, alice, goods, previous_response_id=queued["id"])
    assert (early.status_code, early.json()["error"]["code"]) == (409, "job_conflict")
    assert act(server, mallory, queued["id"], "cancel").status_code == 404
    assert act(server, alice, queued["id"], "cancel").json()["status"] == "cancelled"
    assert goods.tape.requests[0].wait_for_hang_up()
    [record] = eventually(lambda: alice.usage)
    assert record.outcome == "cancelled"
    assert show(server, alice, queued["id"])["status"] == "cancelled"
    assert not alice.open_holds
    whole = recordings.whole()
    goods.tape.play(whole)
    foreground = create(server, alice, goods).json()
    assert act(server, alice, foreground["id"], "cancel").status_code == 409


def test_a_background_response_that_fails_says_why(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell(**RESPONSES)
    refusal = {"error": {"message": "Bad image.", "type": "invalid_request_error", "code": None, "param": "input"}}
    goods.tape.play(Recording.json(refusal, status=400))
    queued = create(server, alice, goods, background=True, instructions="Be brief.").json()
    failed = eventually(lambda: (found := show(server, alice, queued["id"]))["status"] == "failed" and found)
    assert "Bad image." in failed["error"]["message"]
    assert failed["metadata"]["error_code"] == "invalid_parameter"
    assert (failed["id"], failed["instructions"], failed["background"]) == (queued["id"], "Be brief.", True)
    assert not alice.open_holds


def test_what_is_wrong_with_a_background_request_is_told_at_once(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods, before, broke = shop.sell(**RESPONSES), alice.balance, newcomer("broke", usd=0)
    assert create(server, alice, goods, background=True, store=False).status_code == 400
    assert create(server, alice, goods, background=True, stream=True).status_code == 400
    assert create(server, alice, goods, background=True, input=5).status_code == 400
    assert create(server, broke, goods, background=True).status_code == 402
    assert not StoredResponse.objects.filter(organization__in=(alice.organization, broke.organization)).exists()
    assert nothing_happened(alice, before=before)
    assert not goods.tape.requests


@pytest.mark.parametrize("kind", ["uvicorn", "daphne"])
def test_a_server_that_stops_says_so_in_what_it_worked_on(
    kind: str, own_server: Any, shop: Shop, alice: Person
) -> None:
    goods, gate = shop.sell(**RESPONSES), Gate()
    goods.tape.play(recordings.stream(("Hel", gate, "lo")))
    server = own_server(kind)
    queued = create(server, alice, goods, background=True).json()
    assert gate.wait_until_reached()
    server.stop()
    [record] = alice.usage
    assert record.outcome == "cancelled"
    found = responses_store.find(alice.organization.pk, queued["id"])
    assert b'"status":"failed"' in found
    assert b"The server stopped" in found
    assert not alice.open_holds


def test_a_server_that_was_killed_leaves_no_response_in_progress(own_server: Any, shop: Shop, alice: Person) -> None:
    goods, gate = shop.sell(**RESPONSES), Gate()
    goods.tape.play(recordings.stream(("Hel", gate, "lo")))
    server = own_server()
    queued = create(server, alice, goods, background=True).json()
    assert gate.wait_until_reached()
    server.kill()
    assert b'"status":"in_progress"' in responses_store.find(alice.organization.pk, queued["id"])
    StoredResponse.objects.filter(pk=queued["id"]).update(
        seen_alive_at=timezone.now() - responses_store.LOST_AFTER - timedelta(seconds=1)
    )
    failed = show(own_server(), alice, queued["id"])
    assert (failed["status"], failed["error"]["code"]) == ("failed", "server_error")


def test_an_account_has_only_so_many_in_the_background(own_server: Any, shop: Shop, alice: Person) -> None:
    goods, gate = shop.sell(**RESPONSES), Gate()
    goods.tape.play(recordings.stream(("Hel", gate, "lo")))
    server = own_server(MAX_BACKGROUND_RESPONSES="1")
    first = create(server, alice, goods, background=True).json()
    assert gate.wait_until_reached()
    assert create(server, alice, goods, background=True).status_code == 429
    gate.open()
    eventually(lambda: show(server, alice, first["id"])["status"] == "completed")
    assert len(goods.tape.requests) == 1


@pytest.mark.parametrize("fast", ["1", "0"])
def test_both_doors_keep_what_they_stream(own_server: Any, shop: Shop, alice: Person, fast: str) -> None:
    goods = shop.sell(**RESPONSES)
    goods.tape.play(recordings.stream(), recordings.whole("Again."))
    server = own_server(FAST_LANE=fast)
    one = events_of(create(server, alice, goods, stream=True))[-1]["response"]
    assert show(server, alice, one["id"]) == one
    two = create(server, alice, goods, previous_response_id=one["id"]).json()
    listed = httpx.get(f"{server.url}/v1/responses/{two['id']}/input_items", headers=alice.headers).json()
    assert [item["role"] for item in listed["data"]] == ["user", "assistant", "user"]
    assert httpx.delete(f"{server.url}/v1/responses/{two['id']}", headers=alice.headers).json()["deleted"] is True


def test_a_customer_who_leaves_a_stream_leaves_nothing_behind(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods, gate = shop.sell(**RESPONSES), Gate()
    goods.tape.play(recordings.stream(("Hel", gate, "lo")))
    body = {"model": goods.slug, "input": "Hi", "stream": True}
    with httpx.stream("POST", f"{server.url}/v1/responses", headers=alice.headers, json=body) as stream:
        assert "response.created" in next(stream.iter_lines())
        assert gate.wait_until_reached()
    assert goods.tape.requests[0].wait_for_hang_up()
    eventually(lambda: alice.usage)
    assert not StoredResponse.objects.filter(organization=alice.organization).exists()


def test_stored_responses_are_forgotten_in_time_but_not_within_a_living_conversation(
    server: LiveServer, shop: Shop, alice: Person
) -> None:
    goods = shop.sell(**RESPONSES)
    goods.tape.play(*(recordings.whole(text) for text in ("One.", "Two.", "Three.")))
    alone, first = (create(server, alice, goods).json()["id"] for _ in "12")
    rows = StoredResponse.objects.filter(pk__in=(alone, first))
    rows.update(expires_at=timezone.now() + timedelta(hours=1))
    last = create(server, alice, goods, previous_response_id=first).json()["id"]
    StoredResponse.objects.filter(pk=alone).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "error" in show(server, alice, alone)  # before anybody has cleaned up
    assert tasks.forget_responses() >= 1
    kept = StoredResponse.objects.filter(organization=alice.organization)
    assert set(kept.values_list("pk", flat=True)) == {first, last}
    assert all(row.expires_at > timezone.now() + timedelta(days=29) for row in kept)
