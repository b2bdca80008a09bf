"""Responses over a WebSocket, with a real client, on both servers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import httpx
import pytest

from accounts import keys
from gateway.models import StoredResponse
from tests.fakes import responses_recordings as recordings
from tests.fakes.recordings import Gate
from tests.people import Person, newcomer, nothing_happened
from tests.servers import LiveServer
from tests.shop import Shop, eventually

both_servers = pytest.mark.parametrize("server", ["uvicorn", "daphne"], indirect=True)
RESPONSES: Any = {"dialect": "openai_responses", "capabilities": ["reasoning"]}
Socket = aiohttp.ClientWebSocketResponse


def create(model: str, text: str = "Hi", **fields: Any) -> dict[str, Any]:
    """The message that asks for a response."""
    return {"type": "response.create", "model": model, "input": text, **fields}


def talk(
    server: LiveServer, person: Person, talking: Callable[[Socket], Awaitable[Any]], path: str = "/v1/responses"
) -> Any:
    """Open a socket as `person`, and what `talking` finds out on it."""

    async def run() -> Any:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(server.url + path, headers=person.headers, max_msg_size=0) as socket,
        ):
            return await talking(socket)

    return asyncio.run(run())


async def events_of(socket: Socket) -> list[Any]:
    """The events of one response, to its end or to the error that there is instead."""
    events: list[Any] = []
    while True:
        events.append(json.loads(await socket.receive_str()))
        if events[-1]["type"] in ("response.completed", "response.incomplete", "response.failed", "error"):
            return events


async def closing_of(socket: Socket) -> tuple[int | None, str]:
    """The code and the reason with which the server closes."""
    message = await socket.receive(timeout=30)
    assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED), message
    return socket.close_code, str(message.extra or "")


@both_servers
@pytest.mark.parametrize("path", ["/v1/responses", "/responses", "/backend-api/codex/responses"])
def test_the_events_of_a_stream_come_as_messages(server: LiveServer, shop: Shop, alice: Person, path: str) -> None:
    goods = shop.sell(**RESPONSES)
    goods.tape.play(recordings.stream(), recordings.stream(("Again.",)))

    async def twice(socket: Socket) -> Any:
        await socket.send_json(create(goods.slug))
        one = await events_of(socket)
        await socket.send_bytes(json.dumps(create(goods.slug, previous_response_id=one[-1]["response"]["id"])).encode())
        return one, await events_of(socket)

    one, two = talk(server, alice, twice, path)
    assert [event["sequence_number"] for event in one] == list(range(len(one)))
    assert one[-1]["response"]["output"][0]["content"][0]["text"] == "Hello there."
    assert two[-1]["response"]["previous_response_id"] == one[-1]["response"]["id"]
    asked = goods.tape.requests[1].json()
    assert [item.get("role") for item in asked["input"]] == ["user", "assistant", "user"]
    assert (asked["stream"], "type" in asked) == (True, False)
    assert len(alice.usage) == 2
    found = httpx.get(f"{server.url}/v1/responses/{two[-1]['response']['id']}", headers=alice.headers)
    assert found.json() == two[-1]["response"]


@both_servers
def test_a_connection_remembers_its_last_response_even_if_nobody_stores_it(
    server: LiveServer, shop: Shop, alice: Person, mallory: Person
) -> None:
    goods = shop.sell(**RESPONSES)
    goods.tape.play(recordings.stream(("One.",)), recordings.stream(("Two.",)), recordings.stream(("Three.",)))

    async def thrice(socket: Socket) -> Any:
        ends: list[Any] = []
        for n in range(3):
            previous = {"previous_response_id": ends[-1]["response"]["id"]} if ends else {}
            await socket.send_json(create(goods.slug, f"Q{n}", store=n == 2, **previous))
            ends.append((await events_of(socket))[-1])
        return ends

    ends = talk(server, alice, thrice)
    assert len(goods.tape.requests[2].json()["input"]) == 5
    kept = StoredResponse.objects.get(organization=alice.organization)
    assert kept.pk == ends[2]["response"]["id"]
    listed = httpx.get(f"{server.url}/v1/responses/{kept.pk}/input_items", headers=alice.headers).json()
    assert len(listed["data"]) == 5
    before = mallory.balance

    async def steal(socket: Socket) -> Any:
        await socket.send_json(create(goods.slug, previous_response_id=ends[1]["response"]["id"]))
        first = await events_of(socket)
        await socket.send_json(create(goods.slug, previous_response_id=kept.pk))
        return first + await events_of(socket)

    assert [(event["type"], event["status"]) for event in talk(server, mallory, steal)] == [("error", 404)] * 2
    assert len(goods.tape.requests) == 3
    assert nothing_happened(mallory, before=before)


@both_servers
@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("{", "invalid JSON payload"),
        ("[]", "invalid JSON payload"),
        (b"\xff\xfe", "invalid JSON payload"),
        ('{"type": "response.create", "type": "x", "model": "gpt-5.2"}', "missing first response.create message"),
        ('{"type": "session.update"}', "missing first response.create message"),
        ('{"type": "response.create", "input": "Hi"}', "model is required in response.create"),
        ('{"type": "response.create", "model": 5}', "model is required in response.create"),
        (
            '{"type": "response.create", "model": "gpt-5.2", "input": "Hi", "previous_response_id": "chatcmpl-1"}',
            "previous_response_id must be a resp_* id",
        ),
    ],
)
def test_a_first_message_that_is_no_create_closes_the_connection(
    server: LiveServer, alice: Person, message: str | bytes, reason: str
) -> None:
    before = alice.balance

    async def say(socket: Socket) -> Any:
        await (socket.send_bytes(message) if isinstance(message, bytes) else socket.send_str(message))
        return await closing_of(socket)

    assert talk(server, alice, say) == (1008, reason)
    assert nothing_happened(alice, before=before)


@both_servers
def test_what_is_wrong_later_is_told_and_the_connection_stays(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell(**RESPONSES)
    goods.tape.play(recordings.stream(), recordings.stream())

    async def stumble(socket: Socket) -> Any:
        await socket.send_json(create(goods.slug))
        await events_of(socket)
        codes = []
        for wrong in (
            "{",
            json.dumps(create("gpt-5.22")),
            json.dumps({**create(goods.slug), "input": 5}),
            json.dumps(create(goods.slug, background=True)),
            json.dumps(create(goods.slug, generate=False)),
        ):
            await socket.send_str(wrong)
            [error] = await events_of(socket)
            codes.append((error["status"], error["error"]["code"]))
        await socket.send_json(create(goods.slug))
        return codes, await events_of(socket)

    codes, last = talk(server, alice, stumble)
    assert codes == [
        (400, "invalid_json"),
        (404, "model_not_found"),
        (400, "invalid_parameter"),
        (400, "unsupported_parameter"),
        (400, "unsupported_parameter"),
    ]
    assert last[-1]["type"] == "response.completed"
    assert len(alice.usage) == 2


@both_servers
def test_a_key_that_is_revoked_between_two_creates_ends_the_connection(
    server: LiveServer, shop: Shop, alice: Person
) -> None:
    goods = shop.sell(**RESPONSES)
    goods.tape.play(recordings.stream())

    async def twice(socket: Socket) -> Any:
        await socket.send_json(create(goods.slug))
        await events_of(socket)
        await asyncio.to_thread(revoke)
        await socket.send_json(create(goods.slug))
        return await events_of(socket), await closing_of(socket)

    def revoke() -> None:
        alice.key.refresh_from_db()
        keys.revoke(alice.key)
        eventually(lambda: httpx.get(f"{server.url}/v1/models", headers=alice.headers).status_code == 401)

    [error], closing = talk(server, alice, twice)
    assert (error["status"], error["error"]["code"]) == (401, "api_key_disabled")
    assert closing[0] == 1008
    assert len(goods.tape.requests) == len(alice.usage) == 1


@both_servers
def test_an_empty_wallet_is_told_and_a_full_one_answers_on_the_same_connection(
    server: LiveServer, shop: Shop, live: str
) -> None:
    goods, broke = shop.sell(**RESPONSES), newcomer("broke", usd=0)
    before = broke.balance

    async def beg(socket: Socket) -> Any:
        await socket.send_json(create(goods.slug))
        return await events_of(socket)

    [error] = talk(server, broke, beg)
    assert (error["status"], error["error"]["code"]) == (402, "insufficient_balance")
    assert nothing_happened(broke, before=before)
    assert not goods.tape.requests


@both_servers
def test_each_create_counts_against_the_rate_of_the_key(server: LiveServer, shop: Shop, live: str) -> None:
    goods, hasty = shop.sell(**RESPONSES), newcomer("hasty", rpm=2)
    goods.tape.play(recordings.stream(), recordings.stream())

    async def hurry(socket: Socket) -> Any:
        events = []
        for _ in range(3):
            await socket.send_json(create(goods.slug))
            events = await events_of(socket)
        return events

    [error] = talk(server, hasty, hurry)
    assert (error["status"], error["error"]["code"]) == (429, "rate_limit_per_key")
    assert int(error["headers"]["retry-after"]) >= 1
    assert len(hasty.usage) == 2


@both_servers
def test_a_connection_has_one_response_at_a_time(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods, gate = shop.sell(**RESPONSES), Gate()
    goods.tape.play(recordings.stream(("Hel", gate, "lo")))

    async def crowd(socket: Socket) -> Any:
        await socket.send_json(create(goods.slug))
        while json.loads(await socket.receive_str())["type"] != "response.output_text.delta":
            pass
        await socket.send_json(create(goods.slug))
        [error] = await events_of(socket)
        gate.open()
        return error, await events_of(socket)

    error, rest = talk(server, alice, crowd)
    assert (error["status"], error["error"]["code"]) == (429, "concurrency_limit")
    assert rest[-1]["type"] == "response.completed"
    assert len(goods.tape.requests) == len(alice.usage) == 1


@both_servers
def test_who_leaves_stops_the_provider(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods, gate = shop.sell(**RESPONSES), Gate()
    goods.tape.play(recordings.stream(("Hel", gate, "lo")))

    async def leave(socket: Socket) -> Any:
        await socket.send_json(create(goods.slug))
        while json.loads(await socket.receive_str())["type"] != "response.output_text.delta":
            pass

    talk(server, alice, leave)
    assert goods.tape.requests[0].wait_for_hang_up()
    [record] = eventually(lambda: alice.usage)
    assert record.outcome == "cancelled"
    assert not StoredResponse.objects.filter(organization=alice.organization).exists()


@both_servers
def test_a_failure_inside_a_stream_is_an_event_and_the_connection_stays(
    server: LiveServer, shop: Shop, alice: Person
) -> None:
    goods = shop.sell(**RESPONSES)
    goods.tape.play(recordings.stream(broken=True), recordings.stream())

    async def twice(socket: Socket) -> Any:
        await socket.send_json(create(goods.slug))
        first = await events_of(socket)
        await socket.send_json(create(goods.slug))
        return first, await events_of(socket)

    first, second = talk(server, alice, twice)
    assert (first[-1]["type"], second[-1]["type"]) == ("response.failed", "response.completed")
    assert [record.outcome for record in alice.usage] == ["failed", "completed"]


@pytest.mark.parametrize("kind", ["uvicorn", "daphne"])
def test_a_message_of_megabytes_is_read(kind: str, own_server: Any, shop: Shop, alice: Person) -> None:
    goods = shop.sell(**RESPONSES, rates={"input": "0.0000000001", "output": "0.0000000001"})
    goods.tape.play(recordings.stream())
    server = own_server(kind, SOCKET_MESSAGE_BYTES=str(4 << 20))

    async def say(socket: Socket) -> Any:
        await socket.send_json(create(goods.slug, "word " * 600_000))
        return (await events_of(socket))[-1]["type"]

    async def say_too_much(socket: Socket) -> Any:
        await socket.send_json(create(goods.slug, "word " * 1_200_000))
        return (await closing_of(socket))[0]

    assert talk(server, alice, say) == "response.completed"
    assert talk(server, alice, say_too_much) == 1009
    assert len(goods.tape.requests) == 1


@pytest.mark.parametrize("kind", ["uvicorn", "daphne"])
def test_a_key_has_only_so_many_connections_and_silent_ones_are_closed(
    kind: str, own_server: Any, shop: Shop, alice: Person
) -> None:
    server = own_server(kind, SOCKETS_PER_KEY="2", SOCKET_FIRST_SECONDS="2", SOCKET_IDLE_SECONDS="1")
    goods = shop.sell(**RESPONSES)
    goods.tape.play(recordings.stream())

    async def run() -> Any:
        address = f"{server.url}/v1/responses"
        async with aiohttp.ClientSession(headers=alice.headers) as session:
            silent, busy = await session.ws_connect(address), await session.ws_connect(address)
            try:
                third = await session.ws_connect(address)
                refusal: Any = (await closing_of(third))[0]
            except aiohttp.WSServerHandshakeError as error:
                refusal = error.status, (error.headers or {})["retry-after"]
            await busy.send_json(create(goods.slug))
            assert (await events_of(busy))[-1]["type"] == "response.completed"
            found = refusal, await closing_of(busy), await closing_of(silent)
            async with session.ws_connect(address) as again:  # there is room once more
                await again.send_str("{")
                return *found, await closing_of(again)

    refusal, idle, silent, again = asyncio.run(run())
    assert refusal == ((429, "5") if kind == "uvicorn" else 1013)
    assert idle == (1000, "nothing was asked")
    assert silent == (1008, "missing first response.create message")
    assert again[0] == 1008
    assert len(alice.usage) == 1


@both_servers
def test_the_handshake_needs_a_key_and_an_address_that_has_a_socket(server: LiveServer, alice: Person) -> None:
    async def status(path: str, headers: dict[str, str]) -> Any:
        async with aiohttp.ClientSession() as session:
            try:
                async with session.ws_connect(server.url + path, headers=headers) as socket:
                    return (await closing_of(socket))[0]
            except aiohttp.WSServerHandshakeError as error:
                return error.status

    assert asyncio.run(status("/v1/responses", {"authorization": "Bearer tollgate_wrong"})) in (401, 1008)
    assert asyncio.run(status("/v1/responses", {})) in (401, 1008)
    assert asyncio.run(status("/v1/models", alice.headers)) == 403
