"""The tape plays what it was given, fails as it was told, and remembers who asked."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai
import pytest

from tests.fakes import openai_recordings
from tests.fakes.recordings import Recording
from tests.fakes.upstream import Gate, Tape, Wait, nowhere
from tests.shop import eventually


@pytest.fixture
def tape() -> Iterator[Tape]:
    with Tape() as tape:
        yield tape


def raw_answer(tape: Tape) -> bytes:
    """Everything that the tape sends until it closes the connection."""
    with socket.create_connection(("127.0.0.1", tape.port), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: tape\r\n\r\n")
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_json_recording_is_played_byte_for_byte(tape: Tape) -> None:
    tape.play(Recording.json(b'{ "odd" :  1}', status=418, headers={"x-request-id": "req_1"}))
    answer = httpx.get(tape.url)
    assert (answer.status_code, answer.content, answer.headers["x-request-id"]) == (418, b'{ "odd" :  1}', "req_1")


def test_the_request_is_remembered_as_it_came(tape: Tape) -> None:
    tape.play(Recording.json({}))
    httpx.post(f"{tape.url}/v1/chat?x=1", content=b'{"model": "m"}', headers={"X-Api-Key": "k"})
    (request,) = tape.requests
    assert (request.method, request.path, request.query, request.body) == ("POST", "/v1/chat", "x=1", b'{"model": "m"}')
    assert request.header("x-api-key") == "k"
    assert request.json() == {"model": "m"}
    assert request.wait()
    assert not request.hung_up
    assert request.finished_at is not None
    assert request.finished_at >= request.at


def test_a_chunked_upload_is_put_together(tape: Tape) -> None:
    tape.play(Recording.json({}))
    httpx.post(tape.url, content=(part for part in [b"one", b"two"]))
    assert tape.requests[0].body == b"onetwo"


def test_recordings_answer_in_their_order_over_one_connection(tape: Tape) -> None:
    tape.play(Recording.json(1), Recording.json(2))
    with httpx.Client() as client:
        assert [client.get(tape.url).json(), client.get(tape.url).json()] == [1, 2]
    assert {request.connection for request in tape.requests} == {1}
    assert (tape.connections, tape.unplayed) == (1, 0)


def test_a_recording_may_wait_for_its_path_and_a_default_answers_the_rest(tape: Tape) -> None:
    tape.play(Recording.json("models"), path="/v1/models")
    tape.always(lambda request: Recording.json(request.path))
    assert httpx.get(f"{tape.url}/v1/chat").json() == "/v1/chat"
    assert httpx.get(f"{tape.url}/v1/models").json() == "models"


def test_a_request_without_a_recording_is_a_500_and_is_kept(tape: Tape) -> None:
    assert httpx.get(tape.url).status_code == 500
    assert tape.unexpected == tape.requests


def test_a_stream_is_sent_event_by_event_with_its_terminator(tape: Tape) -> None:
    tape.play(Recording.sse([{"n": "ü"}, b": comment\n\n"]).closing())
    head, _, body = raw_answer(tape).partition(b"\r\n\r\n")
    assert b"text/event-stream" in head
    assert body == b'13\r\ndata: {"n": "\xc3\xbc"}\n\n\r\nb\r\n: comment\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n'


def test_a_recorded_file_is_played_as_it_lies_on_disk(tape: Tape, tmp_path: Path) -> None:
    for name, content in {"a.sse": b"data: 1\r\n\r\ndata: 2\r\n\r\ndata: un", "b.response.json": b'{"a":1}\n'}.items():
        (tmp_path / name).write_bytes(content)
        tape.play(Recording.file(tmp_path / name))
        assert httpx.get(tape.url).content == content


def test_a_stream_in_pieces_keeps_its_bytes(tape: Tape) -> None:
    recording = Recording.sse([{"text": "żółw"}])
    tape.play(recording.in_pieces(1))
    with httpx.stream("GET", tape.url) as answer:
        assert b"".join(answer.iter_raw()) == recording.content()


def test_a_gate_holds_the_stream_until_it_is_opened(tape: Tape) -> None:
    gate = Gate()
    tape.play(Recording.sse([{"n": 1}, gate, {"n": 2}], done=False))
    with httpx.stream("GET", tape.url) as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b'data: {"n": 1}\n\n'
        assert gate.wait_until_reached()
        assert tape.requests[0].sent == 16
        gate.open()
        assert next(pieces) == b'data: {"n": 2}\n\n'


def test_a_gate_before_the_answer_holds_even_the_status_line(tape: Tape) -> None:
    gate = Gate()
    tape.play(Recording.json({}).behind(gate))
    with socket.create_connection(("127.0.0.1", tape.port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: tape\r\n\r\n")
        assert gate.wait_until_reached()
        connection.setblocking(False)
        with pytest.raises(BlockingIOError):
            connection.recv(1)
        connection.settimeout(5)
        gate.open()
        assert connection.recv(8) == b"HTTP/1.1"


def test_delays_are_kept(tape: Tape) -> None:
    tape.play(Recording.sse([b"a", b"b", b"c"], done=False).slow(first_byte=0.03, between=0.02))
    httpx.get(tape.url)
    (request,) = tape.requests
    assert request.finished_at is not None
    assert request.finished_at - request.at >= 0.07


def test_a_cut_answer_ends_without_its_terminator(tape: Tape) -> None:
    tape.play(Recording.sse([{"n": 1}, {"n": 2}]).cut(after=20), Recording.json({"whole": True}).cut(after=5))
    got: list[bytes] = []
    with httpx.stream("GET", tape.url) as answer, pytest.raises(httpx.RemoteProtocolError):
        got.extend(answer.iter_raw())
    assert b"".join(got) == b'data: {"n": 1}\n\ndata'
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(tape.url)


def test_a_reset_is_a_reset(tape: Tape) -> None:
    tape.play(Recording.sse([{"n": 1}]).reset(after=4))
    with socket.create_connection(("127.0.0.1", tape.port), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: tape\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            list(iter(lambda: connection.recv(65536), b""))


def test_a_hanging_answer_ends_when_the_client_leaves(tape: Tape) -> None:
    tape.play(Recording.sse([{"n": 1}, {"n": 2}]).hang(after=16))
    with httpx.stream("GET", tape.url) as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b'data: {"n": 1}\n\n'
        assert not tape.requests[0].hung_up
    (request,) = tape.requests
    assert request.wait_for_hang_up()
    assert request.hung_up_at is not None
    assert request.finished_at is None


def test_a_client_that_leaves_before_the_first_byte_is_noticed(tape: Tape) -> None:
    tape.play(Recording.json({}).behind(Gate()))
    connection = http.client.HTTPConnection("127.0.0.1", tape.port)
    connection.request("GET", "/")
    tape.wait_for_requests(1)
    connection.close()
    assert tape.requests[0].wait_for_hang_up()
    assert tape.requests[0].sent == 0


def test_an_answer_may_be_ended_by_closing_or_close_a_connection_that_seemed_kept(tape: Tape) -> None:
    tape.play(Recording(body=(b"to the end",), framing="close"), Recording.json(1).closing(), Recording.json(2))
    assert httpx.get(tape.url).content == b"to the end"
    with httpx.Client() as client:
        assert client.get(tape.url).json() == 1
        eventually(lambda: tape.open_connections == 0)  # a client that is faster than the close would meet a reset
        assert client.get(tape.url).json() == 2
    assert tape.connections == 3


def test_garbage_is_not_http(tape: Tape) -> None:
    tape.play(Recording.garbage())
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(tape.url)


def test_an_endless_body_is_pulled_at_the_clients_pace(tape: Tape) -> None:
    tape.play(Recording(body=lambda: itertools.repeat(b"x" * 65536), framing="chunked"))
    with httpx.stream("GET", tape.url) as answer:
        next(answer.iter_raw())
    request = tape.requests[0]
    assert request.wait_for_hang_up()
    assert 65536 <= request.sent < 64 * 1024 * 1024  # socket buffers, not the whole of eternity


def test_many_clients_are_served_at_once(tape: Tape) -> None:
    gate = Gate()
    tape.always(Recording.sse([gate, {"n": 1}]))

    async def ask_all() -> list[bytes]:
        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=50)) as client:
            asked = [asyncio.create_task(client.get(tape.url)) for _ in range(50)]
            await asyncio.to_thread(tape.wait_for_requests, 50)
            assert tape.open_connections == 50
            gate.open()
            return [(await answer).content for answer in asked]

    assert set(asyncio.run(ask_all())) == {b'data: {"n": 1}\n\ndata: [DONE]\n\n'}


def test_a_stopped_tape_leaves_no_thread_and_nobody_waiting() -> None:
    with Tape() as tape:
        tape.play(Recording.json({}).hang(after=0), Recording.json({}).behind(Gate()), Recording.sse([Wait(60)]))
        clients = [socket.create_connection(("127.0.0.1", tape.port), timeout=5) for _ in range(3)]
        for client in clients:
            client.sendall(b"GET / HTTP/1.1\r\nhost: tape\r\n\r\n")
        tape.wait_for_requests(3)
    for client in clients:
        with client:
            assert b"".join(iter(lambda c=client: _read(c), b"")).count(b"\r\n\r\n") <= 1  # type: ignore[misc]
    assert all(request.wait(0) for request in tape.requests)


def test_a_recording_that_cannot_be_played_fails_the_test() -> None:
    tape = Tape()
    tape.always(lambda request: Recording.json({"number": 1 / len(request.body)}))
    with pytest.raises(AssertionError, match="could not be played"), tape:
        raw_answer(tape)


def test_the_openai_recordings_are_read_by_the_official_client(tape: Tape) -> None:
    tape.play(
        openai_recordings.completion("Whole.", report=openai_recordings.usage(7, 3, cached=2)),
        openai_recordings.stream(["Pie", "ces."]),
        openai_recordings.broken_stream(["Half"]),
        openai_recordings.error(429, code="rate_limit_exceeded"),
    )
    client = openai.OpenAI(api_key="k", base_url=tape.url, max_retries=0)
    asked: Any = {"model": "m", "messages": [{"role": "user", "content": "?"}]}
    whole = client.chat.completions.create(**asked)
    assert (whole.choices[0].message.content, whole.usage.prompt_tokens) == ("Whole.", 7)
    chunks = list(client.chat.completions.create(**asked, stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Pieces."
    assert (chunks[-1].choices, chunks[-1].usage.total_tokens) == ([], 15)
    with pytest.raises(openai.APIError, match="had an error"):
        list(client.chat.completions.create(**asked, stream=True))
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(**asked)


def test_nobody_listens_nowhere() -> None:
    with pytest.raises(httpx.ConnectError):
        httpx.get(nowhere())
    assert urlsplit(nowhere()).port


def _read(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except ConnectionResetError:
        return b""
