"""Bad input on every endpoint of the native API: the right code, the top-level message, nothing charged."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.native.manners import COMPLETIONS, HELLO, get, post, refused
from tests.people import Person, nothing_happened
from tests.servers import LiveServer

COMMANDS = "/v1/llm/generate-commands"
HISTORY, BREAKDOWN = "/v1/llm/usage/history", "/v1/llm/usage/breakdown"
MODELS, CATALOG = "/v1/llm/models", "/v1/llm/models/catalog"


@pytest.mark.parametrize("path", [COMPLETIONS, COMMANDS])
@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"not json", b"[]", b'"text"', b"null", b'{"model": "\xff\xfe"}', b"[" * 100_000, b"\x00", b"{}x"],
)
def test_what_is_no_json_object_is_called_that(server: LiveServer, alice: Person, path: str, raw: bytes) -> None:
    before = alice.balance
    refused(httpx.post(server.url + path, headers=alice.headers, content=raw), 400, "invalid_json")
    assert nothing_happened(alice, before=before)


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "param"),
    [
        (COMPLETIONS, {}, 400, "missing_parameter", "messages"),
        (COMPLETIONS, {"messages": []}, 400, "invalid_parameter", "messages"),
        (COMPLETIONS, {"messages": "Hello"}, 400, "invalid_parameter", "messages"),
        (COMPLETIONS, {"messages": HELLO, "model": ""}, 400, "missing_parameter", "model"),
        (COMPLETIONS, {"messages": HELLO, "model": 7}, 400, "invalid_parameter", "model"),
        (COMPLETIONS, {"messages": HELLO, "model": "no-such-model"}, 404, "model_not_found", None),
        (COMPLETIONS, {"messages": HELLO, "model": "nano-banana"}, 400, "unsupported_capability", None),
        (COMPLETIONS, {"messages": HELLO, "max_tokens": 0}, 400, "invalid_parameter", "max_tokens"),
        (COMPLETIONS, {"messages": HELLO, "max_tokens": 4097}, 400, "streaming_required", None),
        (COMPLETIONS, {"messages": HELLO, "stream": "yes"}, 400, "invalid_parameter", "stream"),
        (COMPLETIONS, {"messages": [{"role": "robot", "content": "x"}]}, 400, "invalid_parameter", None),
        (COMMANDS, {}, 400, "missing_parameter", "prompt"),
        (COMMANDS, {"prompt": None}, 400, "missing_parameter", "prompt"),
        (COMMANDS, {"prompt": ""}, 400, "invalid_parameter", "prompt"),
        (COMMANDS, {"prompt": "   "}, 400, "invalid_parameter", "prompt"),
        (COMMANDS, {"prompt": 7}, 400, "invalid_parameter", "prompt"),
        (COMMANDS, {"prompt": "x" * 4001}, 400, "invalid_parameter", "prompt"),
        (COMMANDS, {"prompt": "x", "max_commands": 0}, 400, "invalid_parameter", "max_commands"),
        (COMMANDS, {"prompt": "x", "max_commands": 11}, 400, "invalid_parameter", "max_commands"),
        (COMMANDS, {"prompt": "x", "max_commands": "5"}, 400, "invalid_parameter", "max_commands"),
        (COMMANDS, {"prompt": "x", "max_commands": True}, 400, "invalid_parameter", "max_commands"),
        (COMMANDS, {"prompt": "x", "max_commands": 2.5}, 400, "invalid_parameter", "max_commands"),
        (COMMANDS, {"prompt": "x", "context": ["a"]}, 400, "invalid_parameter", "context"),
        (COMMANDS, {"prompt": "x", "context": "y" * 9000}, 400, "invalid_parameter", "context"),
        (COMMANDS, {"prompt": "x", "model": 7}, 400, "invalid_parameter", "model"),
        (COMMANDS, {"prompt": "x", "model": "no-such-model"}, 404, "model_not_found", None),
        (COMMANDS, {"prompt": "x", "model": "kling-2-6"}, 400, "unsupported_capability", None),
    ],
)
def test_a_wrong_body_is_refused_by_name(
    server: LiveServer, alice: Person, path: str, body: dict[str, Any], status: int, code: str, param: str | None
) -> None:
    before = alice.balance
    failure = refused(post(server, alice, path, body), status, code)
    if param is not None:
        assert failure["param"] == param
    assert nothing_happened(alice, before=before)


@pytest.mark.parametrize("path", [HISTORY, BREAKDOWN, MODELS, CATALOG])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"), ("limit", "-1"), ("limit", "1001"), ("limit", "many"), ("limit", "1.5"), ("limit", "٣"),
        ("limit", "9" * 400), ("offset", "-1"), ("offset", "1e3"), ("offset", "99999999999999999999"),
    ],
)  # fmt: skip
def test_a_page_that_cannot_be_is_refused(server: LiveServer, alice: Person, path: str, name: str, value: str) -> None:
    failure = refused(get(server, alice, path, **{name: value}), 400, "invalid_parameter")
    assert failure["param"] == name


@pytest.mark.parametrize("path", [HISTORY, BREAKDOWN])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("from", "yesterday"), ("from", "2026-13-01"), ("from", "0001-01-01"), ("from", "9999-12-31"),
        ("from", "2026-11-21T25:00"), ("to", "12"), ("to", "2026-02-30"), ("to", "9999-12-31T23:59:59-23:59"),
        ("key", "0"), ("key", "mine"), ("key", "9" * 30), ("status", "fine"), ("model", "x" * 200), ("model", "a\x00b"),
        ("timezone", "Mars/Base"), ("timezone", "../../etc/passwd"), ("timezone", "posix/UTC"),
        ("timezone", "localtime"),
    ],
)  # fmt: skip
def test_a_filter_that_cannot_be_is_refused(
    server: LiveServer, alice: Person, path: str, name: str, value: str
) -> None:
    failure = refused(get(server, alice, path, **{name: value}), 400, "invalid_parameter")
    assert failure["param"] == name


@pytest.mark.parametrize(
    ("path", "parameters", "param"),
    [
        (BREAKDOWN, {"period": "hourly"}, "period"),
        (BREAKDOWN, {"by": "provider"}, "by"),
        (BREAKDOWN, {"from": "2020-01-01", "to": "2026-01-01"}, "from"),
        (BREAKDOWN, {"from": "2026-02-01", "to": "2026-01-01"}, "from"),
        (HISTORY, {"from": "2026-02-01", "to": "2026-01-01"}, "from"),
        (CATALOG, {"type": "song"}, "type"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    server: LiveServer, alice: Person, path: str, parameters: dict[str, str], param: str
) -> None:
    failure = refused(get(server, alice, path, **parameters), 400, "invalid_parameter")
    assert failure["param"] == param


@pytest.mark.parametrize("path", [COMPLETIONS, COMMANDS])
def test_another_content_type_is_refused(server: LiveServer, alice: Person, path: str) -> None:
    headers = {**alice.headers, "content-type": "text/plain"}
    refused(httpx.post(server.url + path, headers=headers, content=b"{}"), 400, "invalid_json")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", COMPLETIONS), ("DELETE", HISTORY), ("PUT", "/v1/llm/balance"), ("POST", CATALOG), ("GET", COMMANDS)],
)
def test_a_wrong_method_is_told_the_right_one(server: LiveServer, alice: Person, method: str, path: str) -> None:
    answer = httpx.request(method, server.url + path, headers=alice.headers)
    refused(answer, 405, "endpoint_not_supported")
    assert answer.headers["allow"] in ("GET", "POST")
