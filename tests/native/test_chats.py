"""/v1/llm/chats: sessions that are kept, with the paths, fields and ids that spec 000 and its SDK use."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from chats.models import Chat, Message
from tests.fakes.openai_recordings import completion, error, usage
from tests.fakes.recordings import Gate
from tests.people import Person, books_are_clean, colleague, nothing_happened
from tests.servers import LiveServer
from tests.shop import Shop

BOTH = pytest.mark.parametrize("server", ["uvicorn", "daphne"], indirect=True)


def call(server: LiveServer, person: Person, method: str, path: str, body: Any = None) -> httpx.Response:
    """One request of the native API, with the header that its SDK sends."""
    headers = {"x-api-key": person.secret}
    return httpx.request(method, f"{server.url}/v1/llm{path}", headers=headers, json=body, timeout=60)


def data(answer: httpx.Response) -> Any:
    """What is in the envelope of a success."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["exception"] == 0
    assert isinstance(body["message"], str)
    return body["data"]


def code(answer: httpx.Response) -> tuple[int, str]:
    """How a request was refused."""
    body = answer.json()
    assert body["exception"] == answer.status_code
    assert isinstance(body["message"], str)
    return answer.status_code, body["error"]["code"]


@BOTH
def test_the_session_of_the_first_spec_runs_from_beginning_to_end(
    server: LiveServer, shop: Shop, alice: Person
) -> None:
    goods = shop.sell()
    goods.tape.play(completion("The key papers are …", report=usage(24, 10)), completion("2017", report=usage(40, 2)))
    session = data(call(server, alice, "POST", "/chats", {"model": goods.slug, "title": "Research Assistant"}))
    assert isinstance(session["id"], int)
    where = f"/chats/{session['id']}"
    said = {"message": "What are the key papers on attention mechanisms?", "temperature": 0.5}
    reply = data(call(server, alice, "POST", f"{where}/messages", said))
    assert reply["content"] == "The key papers are …"
    assert (reply["type"], reply["role"], reply["model"]) == ("text", "assistant", goods.slug)
    assert (reply["prompt_tokens"], reply["completion_tokens"], reply["tokens_used"]) == (24, 10, 34)
    assert reply["cost_usd"] == 0.00074
    assert reply["balance_usd"] == 25 - 0.00074
    assert reply["finish_reason"] == "stop"
    data(call(server, alice, "POST", f"{where}/messages", {"message": "And when?"}))
    sent = [request.json() for request in goods.tape.requests]
    assert [message["content"] for message in sent[1]["messages"]] == [
        "What are the key papers on attention mechanisms?", "The key papers are …", "And when?",
    ]  # fmt: skip
    assert sent[0]["temperature"] == 0.5
    listed = data(call(server, alice, "GET", "/chats?limit=50"))
    assert [(chat["id"], chat["title"], chat["message_count"]) for chat in listed["chats"]] == [
        (session["id"], "Research Assistant", 4)
    ]
    full = data(call(server, alice, "GET", where))
    assert [(message["role"], message["content"]) for message in full["messages"]] == [
        ("user", "What are the key papers on attention mechanisms?"), ("assistant", "The key papers are …"),
        ("user", "And when?"), ("assistant", "2017"),
    ]  # fmt: skip
    assert full["messages"][1]["id"] == reply["dialogue_id"]
    assert full["messages"][1]["cost_usd"] == 0.00074
    assert full["messages"][1]["request_id"] == f"req_{alice.usage[0].id.hex}"
    assert data(call(server, alice, "PATCH", where, {"title": "New Title"}))["title"] == "New Title"
    assert data(call(server, alice, "DELETE", where)) == {"id": session["id"], "deleted": True}
    assert code(call(server, alice, "GET", where)) == (404, "resource_not_found")
    assert len(alice.usage) == 2
    assert books_are_clean()


def test_history_is_trimmed_to_what_the_window_holds(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell(context_window=1000)
    goods.tape.always(completion("word " * 90, report=usage(5, 5)))
    chat = data(call(server, alice, "POST", "/chats", {"model": goods.slug}))["id"]
    for number in range(8):
        said = {"message": f"Question {number}: {'word ' * 90}", "max_tokens": 100}
        reply = data(call(server, alice, "POST", f"/chats/{chat}/messages", said))
    assert reply["history_messages"] < 14
    messages = goods.tape.requests[-1].json()["messages"]
    assert len(messages) == reply["history_messages"] + 1
    assert messages[0]["role"] == "user"
    assert messages[-1]["content"].startswith("Question 7")
    assert data(call(server, alice, "GET", f"/chats/{chat}"))["message_count"] == 16


def test_a_failed_answer_leaves_the_chat_and_the_money_as_they_were(
    server: LiveServer, shop: Shop, alice: Person
) -> None:
    goods = shop.sell()
    goods.tape.play(error(500))
    chat = data(call(server, alice, "POST", "/chats", {"model": goods.slug}))["id"]
    before = alice.balance
    failed = call(server, alice, "POST", f"/chats/{chat}/messages", {"message": "Hello"})
    assert code(failed) == (502, "upstream_error")
    assert alice.balance == before
    assert data(call(server, alice, "GET", f"/chats/{chat}"))["messages"] == []


def test_an_answer_to_a_chat_that_was_deleted_meanwhile_is_told_and_not_kept(
    server: LiveServer, shop: Shop, alice: Person
) -> None:
    goods = shop.sell()
    gate = Gate()
    goods.tape.play(completion("Too late").behind(gate))
    chat = data(call(server, alice, "POST", "/chats", {"model": goods.slug}))["id"]
    with ThreadPoolExecutor(1) as first:
        answer = first.submit(call, server, alice, "POST", f"/chats/{chat}/messages", {"message": "Hello"})
        goods.tape.wait_for_requests(1)
        data(call(server, alice, "DELETE", f"/chats/{chat}"))
        gate.open()
        told = data(answer.result())
    assert (told["content"], told["dialogue_id"]) == ("Too late", None)
    assert not Message.objects.filter(chat_id=chat).exists()


def test_colleagues_share_chats_and_strangers_find_nothing(
    server: LiveServer, shop: Shop, alice: Person, mallory: Person
) -> None:
    goods = shop.sell()
    chat = data(call(server, alice, "POST", "/chats", {"model": goods.slug, "title": "Ours"}))["id"]
    assert data(call(server, colleague(alice, "bob"), "GET", f"/chats/{chat}"))["title"] == "Ours"
    before = mallory.balance
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"title": "Mine"}),
        ("DELETE", "", None),
        ("POST", "/messages", {"message": "x"}),
    ):
        refused = call(server, mallory, method, f"/chats/{chat}{path}", body)
        assert code(refused) == (404, "resource_not_found")
        unknown = call(server, mallory, method, f"/chats/{10**15}{path}", body)
        assert refused.json()["error"]["message"] == unknown.json()["error"]["message"]
    assert data(call(server, mallory, "GET", "/chats"))["chats"] == []
    assert Chat.objects.get(pk=chat).title == "Ours"
    assert nothing_happened(mallory, before=before)
    assert not goods.tape.requests


@BOTH
@pytest.mark.parametrize("chat", ["x", "0", "-1", "1.5", "9" * 19, "9" * 40, "%D9%A1", "1%2F2"])
def test_an_id_that_cannot_be_is_not_found(server: LiveServer, alice: Person, chat: str) -> None:
    for method, path, body in (("GET", "", None), ("POST", "/messages", {"message": "x"})):
        refused = call(server, alice, method, f"/chats/{chat}{path}", body)
        assert refused.status_code == 404
        assert refused.json()["error"]["code"] in ("resource_not_found", "endpoint_not_supported")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, "missing_parameter"),
        ({"message": ""}, "invalid_parameter"),
        ({"message": "  "}, "invalid_parameter"),
        ({"message": "x" * 10_001}, "invalid_parameter"),
        ({"message": 5}, "invalid_parameter"),
        ({"message": "x", "max_tokens": 0}, "invalid_parameter"),
        ({"message": "x", "max_tokens": True}, "invalid_parameter"),
        ({"message": "x", "max_tokens": 4097}, "streaming_required"),
        ({"message": "x", "temperature": 3}, "invalid_parameter"),
        ({"message": "x", "temperature": "hot"}, "invalid_parameter"),
        ({"message": "x", "model": "no-such-model"}, "model_not_found"),
        ({"message": "x", "model": "nano-banana"}, "unsupported_capability"),
        ({"message": "x", "input_images": ["data:"]}, "unsupported_parameter"),
        ([], "invalid_json"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_charged_or_kept(
    server: LiveServer, shop: Shop, alice: Person, body: Any, expected: str
) -> None:
    goods = shop.sell()
    chat = data(call(server, alice, "POST", "/chats", {"model": goods.slug}))["id"]
    before = alice.balance
    refused = call(server, alice, "POST", f"/chats/{chat}/messages", body)
    assert code(refused)[1] == expected
    assert nothing_happened(alice, before=before)
    assert not Message.objects.filter(chat_id=chat).exists()
    assert not goods.tape.requests


@pytest.mark.parametrize(
    ("method", "body", "expected"),
    [
        ("POST", {"model": "no-such-model"}, "model_not_found"),
        ("POST", {"model": 5}, "invalid_parameter"),
        ("POST", {"model": "nano-banana"}, "unsupported_capability"),
        ("POST", {"title": "x" * 201}, "invalid_parameter"),
        ("POST", "text", "invalid_json"),
        ("PATCH", {}, "missing_parameter"),
        ("PATCH", {"title": ""}, "invalid_parameter"),
        ("PATCH", {"model": "no-such-model"}, "model_not_found"),
    ],
)
def test_a_chat_is_not_opened_or_changed_by_a_request_that_is_wrong(
    server: LiveServer, shop: Shop, alice: Person, method: str, body: Any, expected: str
) -> None:
    goods = shop.sell()
    chat = data(call(server, alice, "POST", "/chats", {"model": goods.slug, "title": "As it was"}))["id"]
    refused = call(server, alice, method, "/chats" if method == "POST" else f"/chats/{chat}", body)
    assert code(refused)[1] == expected
    [only] = Chat.objects.filter(organization=alice.organization)
    assert (only.title, only.model) == ("As it was", goods.slug)


def test_an_image_key_opens_and_reads_no_chats(server: LiveServer, shop: Shop, alice: Person) -> None:
    painter = colleague(alice, "painter", type="image")
    for method, path in (("GET", "/chats"), ("POST", "/chats"), ("GET", "/chats/1"), ("POST", "/chats/1/messages")):
        refused = call(server, painter, method, path, {"message": "x"} if method == "POST" else None)
        assert code(refused) == (403, "key_scope_mismatch")


def test_lists_page_and_say_how_many_there_are(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    made = [data(call(server, alice, "POST", "/chats", {"model": goods.slug}))["id"] for _ in range(3)]
    page = data(call(server, alice, "GET", "/chats?limit=2&offset=1"))
    assert [chat["id"] for chat in page["chats"]] == [made[1], made[0]]
    assert (page["total"], page["limit"], page["offset"]) == (3, 2, 1)
    assert code(call(server, alice, "GET", "/chats?limit=0"))[1] == "invalid_parameter"


def test_a_message_with_a_key_is_answered_and_kept_once(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    goods.tape.always(completion("Hi", report=usage(1, 1)))
    chat = data(call(server, alice, "POST", "/chats", {"model": goods.slug}))["id"]
    answers = [
        httpx.post(
            f"{server.url}/v1/llm/chats/{chat}/messages",
            headers={"x-api-key": alice.secret, "idempotency-key": "m1"},
            json={"message": "Hello"},
        )
        for _ in range(2)
    ]
    assert answers[0].content == answers[1].content
    assert Message.objects.filter(chat_id=chat).count() == 2
    assert len(alice.usage) == 1
