"""/v1/llm/chat/jobs over real sockets, with real workers: submitted, waited for, cancelled, killed, charged once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from accounts import keys
from billing import wallets
from gateway import tasks
from gateway.models import Job
from tests.fakes.openai_recordings import broken_stream, completion, error, stream, usage
from tests.fakes.recordings import Gate
from tests.native.manners import data, get, post, refused
from tests.people import Person, books_are_clean, newcomer, nothing_happened
from tests.servers import LiveServer
from tests.shop import Shop, chat, eventually

JOBS = "/v1/llm/chat/jobs"
OUT = 50_000  # nano-USD for a token of output
IN = 10_000


def submitted(server: LiveServer, person: Person, body: object, **headers: str) -> str:
    """The id of a new job."""
    answer = httpx.post(server.url + JOBS, headers={"x-api-key": person.secret, **headers}, json=body, timeout=60)
    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert told["exception"] == 0
    assert told["data"]["status"] == "pending"
    job_id: str = told["data"]["job_id"]
    return job_id


def polled(server: LiveServer, person: Person, job_id: str, wait: int = 60) -> Any:
    """How the job stands, at the latest when it is over."""
    return data(get(server, person, f"{JOBS}/{job_id}", wait=wait))


def cancelled(server: LiveServer, person: Person, job_id: str) -> httpx.Response:
    """Cancel it."""
    return post(server, person, f"{JOBS}/{job_id}/cancel", {})


def test_a_long_answer_comes_as_a_job(server: LiveServer, shop: Shop, alice: Person, own_worker: Any) -> None:
    own_worker()
    goods = shop.sell()
    gate = Gate()
    goods.tape.play(stream(["A very ", gate, "long manual."], report=usage(24, 5000, reasoning=20)))
    before = alice.balance.balance_nusd
    job_id = submitted(server, alice, chat(goods.slug, "Write the manual", max_tokens=16_000))
    gate.wait_until_reached()
    running = polled(server, alice, job_id, wait=0)
    assert (running["status"], "content" in running) == ("running", False)
    with ThreadPoolExecutor(1) as poller:
        waiting = poller.submit(polled, server, alice, job_id)
        began = time.monotonic()
        gate.open()
        told = waiting.result()
    assert time.monotonic() - began < 4  # woken by the notice, not by the next look
    assert told["status"] == "completed"
    assert told["content"] == "A very long manual."
    assert told["finish_reason"] == "stop"
    assert (told["prompt_tokens"], told["completion_tokens"], told["reasoning_tokens"]) == (24, 5000, 20)
    cost = 24 * IN + 5000 * OUT
    assert round(told["cost_usd"] * 10**9) == cost == before - alice.balance.balance_nusd
    assert round(told["balance_usd"] * 10**9) == alice.balance.balance_nusd
    assert told["request_id"] == f"req_{alice.usage[0].id.hex}"
    sent = goods.tape.requests[0].json()
    assert (sent["stream"], sent["max_tokens"]) == (True, 16_000)
    assert polled(server, alice, job_id) == told
    assert bytes(Job.objects.get(pk=job_id[4:]).request) == b""
    assert books_are_clean()


def test_a_hundred_polls_at_once_charge_once(server: LiveServer, shop: Shop, live: str, own_worker: Any) -> None:
    rich = newcomer("rich", plan="enterprise")
    own_worker()
    goods = shop.sell()
    gate = Gate()
    goods.tape.play(stream([gate, "Done."], report=usage(5, 7)))
    job_id = submitted(server, rich, chat(goods.slug))
    with ThreadPoolExecutor(100) as crowd:
        polls = [crowd.submit(polled, server, rich, job_id) for _ in range(100)]
        goods.tape.wait_for_requests(1, timeout=20)
        gate.open()
        answers = [poll.result() for poll in polls]
    assert {(answer["status"], answer["content"]) for answer in answers} == {("completed", "Done.")}
    assert [record.charged_nusd for record in rich.usage] == [5 * IN + 7 * OUT]
    assert rich.balance.held_nusd == 0
    assert len(goods.tape.requests) == 1


def test_the_job_of_a_killed_worker_is_finished_by_another_and_charged_once(
    server: LiveServer, shop: Shop, alice: Person, own_worker: Any
) -> None:
    goods = shop.sell()
    gate = Gate()
    goods.tape.play(stream(["half an answ", gate]), stream(["A whole answer."], report=usage(5, 7)))
    worker = own_worker(JOB_LEASE_SECONDS="2")
    job_id = submitted(server, alice, chat(goods.slug))
    assert gate.wait_until_reached(20)
    eventually(lambda: alice.open_holds)
    worker.kill()
    own_worker(JOB_LEASE_SECONDS="2")
    eventually(lambda: tasks.rescue_jobs() or None)  # the clock's work
    told = polled(server, alice, job_id)
    assert (told["status"], told["content"]) == ("completed", "A whole answer.")
    assert [record.charged_nusd for record in alice.usage] == [5 * IN + 7 * OUT]
    assert Job.objects.get(pk=job_id[4:]).attempts == 2
    assert not alice.open_holds
    assert books_are_clean()


def test_a_job_outlives_the_server_that_took_it(own_server: Any, shop: Shop, alice: Person, own_worker: Any) -> None:
    own_worker()
    server = own_server()
    goods = shop.sell()
    gate = Gate()
    goods.tape.play(stream([gate, "Still here."], report=usage(5, 7)))
    job_id = submitted(server, alice, chat(goods.slug))
    goods.tape.wait_for_requests(1, timeout=20)
    server.kill()
    gate.open()
    server.start()
    assert polled(server, alice, job_id)["content"] == "Still here."
    assert len(alice.usage) == 1


def test_a_cancelled_job_stops_its_call_and_is_charged_for_what_was_written(
    server: LiveServer, shop: Shop, alice: Person, own_worker: Any
) -> None:
    own_worker()
    goods = shop.sell()
    gate = Gate()
    goods.tape.play(stream(["Four score and seven years ago ", gate, "our fathers"]))
    job_id = submitted(server, alice, chat(goods.slug))
    assert gate.wait_until_reached(20)
    told = data(cancelled(server, alice, job_id))
    assert (told["status"], told["content"]) == ("cancelled", "Four score and seven years ago ")
    assert goods.tape.requests[0].wait_for_hang_up(5)
    assert 0 < told["cost_usd"] < 0.001
    assert [record.outcome for record in alice.usage] == ["cancelled"]
    assert alice.balance.held_nusd == 0
    conflict = refused(cancelled(server, alice, job_id), 409, "job_conflict")
    assert conflict["meta"] == {"job_id": job_id, "status": "cancelled"}


def test_a_job_cancelled_before_its_first_word_costs_nothing(
    server: LiveServer, shop: Shop, alice: Person, own_worker: Any
) -> None:
    own_worker()
    goods = shop.sell()
    goods.tape.play(stream(["never"]).behind(Gate()))
    before = alice.balance
    job_id = submitted(server, alice, chat(goods.slug))
    [request] = goods.tape.wait_for_requests(1, timeout=20)
    told = data(cancelled(server, alice, job_id))
    assert (told["status"], told["cost_usd"]) == ("cancelled", 0)
    assert request.wait_for_hang_up(5)
    assert alice.balance == before


def test_a_job_that_nobody_has_taken_yet_is_cancelled_at_once(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    before = alice.balance
    job_id = submitted(server, alice, chat(goods.slug))
    assert data(cancelled(server, alice, job_id))["status"] == "cancelled"
    assert nothing_happened(alice, before=before)
    assert not goods.tape.requests


def test_a_finished_job_cannot_be_cancelled(server: LiveServer, shop: Shop, alice: Person, own_worker: Any) -> None:
    own_worker()
    goods = shop.sell()
    goods.tape.play(stream(["x"], report=usage(1, 1)))
    job_id = submitted(server, alice, chat(goods.slug))
    assert polled(server, alice, job_id)["status"] == "completed"
    conflict = refused(cancelled(server, alice, job_id), 409, "job_conflict")
    assert conflict["meta"] == {"job_id": job_id, "status": "completed"}
    assert polled(server, alice, job_id)["content"] == "x"


def test_a_job_that_fails_says_why_and_a_free_failure_costs_nothing(
    server: LiveServer, shop: Shop, alice: Person, own_worker: Any
) -> None:
    own_worker()
    goods = shop.sell()
    goods.tape.play(error(500))
    before = alice.balance
    told = polled(server, alice, submitted(server, alice, chat(goods.slug)))
    assert (told["status"], told["error_code"], told["cost_usd"]) == ("failed", "upstream_error", 0)
    assert isinstance(told["error"], str)
    assert told["error"]
    assert alice.balance == before
    goods.tape.play(broken_stream(["Half an ans"]))
    told = polled(server, alice, submitted(server, alice, chat(goods.slug)))
    assert (told["status"], told["content"]) == ("failed", "Half an ans")
    assert told["cost_usd"] > 0
    assert alice.balance.held_nusd == 0
    assert books_are_clean()


def test_a_job_works_with_the_rights_that_its_key_has_then(
    server: LiveServer, shop: Shop, alice: Person, own_worker: Any
) -> None:
    goods = shop.sell()
    before = alice.balance
    job_id = submitted(server, alice, chat(goods.slug))
    keys.revoke(alice.key)
    own_worker()
    eventually(lambda: Job.objects.get(pk=job_id[4:]).status == "failed", 30)
    assert Job.objects.get(pk=job_id[4:]).error_code == "api_key_disabled"
    assert nothing_happened(alice, before=before)
    assert not goods.tape.requests


def test_submitting_twice_with_one_key_is_one_job(
    server: LiveServer, shop: Shop, alice: Person, own_worker: Any
) -> None:
    own_worker()
    goods = shop.sell()
    goods.tape.play(stream(["x"], report=usage(1, 1)))
    first, second = (submitted(server, alice, chat(goods.slug), **{"idempotency-key": "j1"}) for _ in range(2))
    assert first == second
    assert polled(server, alice, first)["status"] == "completed"
    assert Job.objects.filter(organization=alice.organization).count() == 1
    assert len(alice.usage) == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"messages": []}, 400, "invalid_parameter"),
        ({}, 400, "missing_parameter"),
        ({"messages": [{"role": "user", "content": "x"}], "model": "no-such-model"}, 404, "model_not_found"),
        ({"messages": [{"role": "user", "content": "x"}], "model": "nano-banana"}, 400, "unsupported_capability"),
        ({"messages": [{"role": "user", "content": "x"}], "max_tokens": 0}, 400, "invalid_parameter"),
    ],
)
def test_what_is_wrong_is_refused_when_it_is_submitted(
    server: LiveServer, alice: Person, body: object, status: int, code: str
) -> None:
    before = alice.balance
    refused(post(server, alice, JOBS, body), status, code)
    assert nothing_happened(alice, before=before)
    assert not Job.objects.filter(organization=alice.organization).exists()


def test_an_empty_wallet_submits_nothing(server: LiveServer, shop: Shop, live: str) -> None:
    poor = newcomer("poor", usd=0)
    goods = shop.sell()
    assert wallets.balance(poor.organization).available_nusd == 0
    refused(post(server, poor, JOBS, chat(goods.slug)), 402, "insufficient_balance")
    assert not Job.objects.filter(organization=poor.organization).exists()


def test_strangers_and_ids_that_cannot_be_find_nothing(
    server: LiveServer, shop: Shop, alice: Person, mallory: Person
) -> None:
    goods = shop.sell()
    goods.tape.always(completion("x"))
    job_id = submitted(server, alice, chat(goods.slug))
    for unknown in (job_id, "job_" + "0" * 32, "job_x", "1", job_id.upper()):
        refused(get(server, mallory, f"{JOBS}/{unknown}"), 404, "resource_not_found")
        refused(cancelled(server, mallory, unknown), 404, "resource_not_found")
    for wait in ("61", "-1", "x"):
        refused(get(server, alice, f"{JOBS}/{job_id}", wait=wait), 400, "invalid_parameter")
    assert polled(server, alice, job_id, wait=0)["status"] == "pending"
