"""The table of paths: an exact path is itself, a parameter stands for exactly one part."""

from __future__ import annotations

import re

import pytest

from gateway.api.entries import METHODS, pattern


def test_every_path_of_the_table_is_found_with_its_parameters_filled_in() -> None:
    for path in METHODS:
        assert pattern(re.sub(r"{\w+}", "something", path)) == path
        assert pattern(path) == path


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/v1/llm/chats/42/messages", "/v1/llm/chats/{chat_id}/messages"),
        ("/v1/llm/chats/42", "/v1/llm/chats/{chat_id}"),
        ("/v1/llm/chat/jobs/x/cancel", "/v1/llm/chat/jobs/{job_id}/cancel"),
        ("/v1/llm/models/catalog", "/v1/llm/models/catalog"),
        ("/v1/llm/usage/history", "/v1/llm/usage/history"),
        ("/v1/llm/usage/req_1", "/v1/llm/usage/{request_id}"),
    ],
)
def test_words_come_before_parameters(path: str, known: str) -> None:
    assert pattern(path) == known


@pytest.mark.parametrize(
    "path",
    ["", "/", "/v1/llm/chats/", "/v1/llm/chats//messages", "/v1/llm/chats/1/messages/2", "/v1/llm/chats/1/nothing",
     "/v1/llm/chat/jobs/", "v1/llm/chats/1", "/x/v1/llm/chats/1"],
)  # fmt: skip
def test_what_is_not_in_the_table_is_not_found(path: str) -> None:
    assert pattern(path) is None
