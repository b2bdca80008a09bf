"""Chats and jobs answer with exactly the fields that the OpenAPI document names."""

from __future__ import annotations

from typing import Any

import httpx

from tests.fakes.openai_recordings import broken_stream, completion, stream
from tests.native.test_chat_jobs import JOBS
from tests.native.test_documents import document as document
from tests.native.test_documents import documented
from tests.people import Person
from tests.servers import LiveServer
from tests.shop import Shop, chat


def test_every_answer_of_chats_and_jobs_is_as_documented(
    server: LiveServer, shop: Shop, alice: Person, document: dict[str, Any], own_worker: Any
) -> None:
    own_worker()
    goods = shop.sell()
    goods.tape.play(completion("Hi"), stream(["x"]), broken_stream(["half"]))

    def ask(method: str, template: str, body: object = None, query: str = "", **parts: object) -> Any:
        path = template.format(**parts)
        answer = httpx.request(
            method, f"{server.url}{path}{query}", headers={"x-api-key": alice.secret}, json=body, timeout=70
        )
        assert documented(document, method, template, answer) == []
        return answer.json()["data"]

    chats, one = "/v1/llm/chats", "/v1/llm/chats/{chat_id}"
    opened = ask("POST", chats, {"model": goods.slug})["id"]
    ask("POST", f"{one}/messages", {"message": "Hello"}, chat_id=opened)
    ask("POST", f"{one}/messages", {"message": ""}, chat_id=opened)
    ask("GET", chats)
    assert len(ask("GET", one, chat_id=opened)["messages"]) == 2
    ask("PATCH", one, {"title": "New"}, chat_id=opened)
    ask("DELETE", one, chat_id=opened)
    ask("DELETE", one, chat_id=opened)
    for status in ("completed", "failed"):
        job = ask("POST", JOBS, chat(goods.slug))["job_id"]
        assert ask("GET", JOBS + "/{job_id}", query="?wait=60", job_id=job)["status"] == status
        ask("POST", JOBS + "/{job_id}/cancel", job_id=job)
