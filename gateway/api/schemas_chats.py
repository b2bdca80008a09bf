"""The OpenAPI side of the native API's chats and jobs."""

from __future__ import annotations

from typing import Any

from gateway.api import fields_native as fields
from gateway.api.fields_native import array, boolean, integer, nullable, number, obj, parameter, text
from gateway.api.schemas_native import PAGE, add

MESSAGE = obj(
    "type", "model", "request_id", "tokens_used", "cost_usd", "finish_reason",
    id=integer(), role={"enum": ["user", "assistant"]}, content=text(), created_at=text("ISO 8601, in UTC."),
    type=text("Of an answer: `text`."), model=text("Of an answer: who gave it."), request_id=text(nullable=True),
    tokens_used=integer(nullable=True), cost_usd=number(nullable=True), finish_reason=text(),
)  # fmt: skip
_CHAT: dict[str, Any] = {
    "id": integer(),
    "title": text("Empty until somebody says something."),
    "model": text("The slug of the model that answers."),
    "message_count": integer(),
    "created_at": text("ISO 8601, in UTC."),
    "updated_at": text("ISO 8601, in UTC."),
}
CHAT = obj(**_CHAT)
_COUNTS: dict[str, Any] = {"limit": integer(), "offset": integer()}
_FIGURES: dict[str, Any] = {
    "request_id": text("The call in the usage history."),
    "tokens_used": integer(),
    "prompt_tokens": integer(),
    "completion_tokens": integer("Reasoning included."),
    "cached_tokens": integer("Of the prompt."),
    "reasoning_tokens": integer("Of the completion."),
    "cost_usd": number("What was charged."),
    "balance_usd": number("What is left.", nullable=True),
}
_CHOICE: dict[str, Any] = {
    "content": text(),
    "finish_reason": text(nullable=True),
    "tool_calls": array({"type": "object"}),
    "reasoning_content": text(),
}
_JOB: dict[str, Any] = {
    "job_id": text(),
    "status": {"enum": ["pending", "running", "cancelling", "completed", "failed", "cancelled"]},
    "model": text(),
}
JOB = obj(
    *_CHOICE, *_FIGURES, "choices", "error", "error_code",
    **_JOB, created_at=text("ISO 8601, in UTC."), started_at=text(nullable=True), finished_at=text(nullable=True),
    error=text("Why it failed, for people."), error_code=text("Why it failed; one of the error codes."),
    choices=array({"type": "object"}), **_CHOICE, **_FIGURES,
)  # fmt: skip
JOB_REQUEST = {**fields.CHAT_REQUEST, "description": "The body of a chat completion; `max_tokens` has no upper bound."}
MESSAGE_REQUEST = obj(
    "model", "max_tokens", "temperature", "top_p", "presence_penalty", "frequency_penalty",
    message={"type": "string", "minLength": 1, "maxLength": 10_000},
    model=text("Another model than the chat's, for this answer.", nullable=True),
    max_tokens={"type": ["integer", "null"], "minimum": 1, "maximum": 4096, "default": 4096},
    temperature={"type": ["number", "null"], "minimum": 0, "maximum": 2},
    top_p={"type": ["number", "null"], "minimum": 0, "maximum": 1},
    presence_penalty={"type": ["number", "null"], "minimum": -2, "maximum": 2},
    frequency_penalty={"type": ["number", "null"], "minimum": -2, "maximum": 2},
)  # fmt: skip
TITLE = {"type": ["string", "null"], "maxLength": 200}

add(
    "POST",
    "/v1/llm/chats",
    "Open a chat",
    CHAT,
    request=obj("model", "title", model=text("A slug; without it the default model.", nullable=True), title=TITLE),
)
add(
    "GET",
    "/v1/llm/chats",
    "List the chats, the latest used first",
    obj(chats=array(CHAT), total=integer(), **_COUNTS),
    parameters=PAGE,
)
add(
    "GET",
    "/v1/llm/chats/{chat_id}",
    "Show a chat and what was said in it",
    obj(**_CHAT, messages=array(MESSAGE), **_COUNTS),
    parameters=PAGE,
)
add(
    "PATCH",
    "/v1/llm/chats/{chat_id}",
    "Give a chat another title or model",
    CHAT,
    request=obj("title", "model", title=TITLE, model=text(nullable=True)),
)
add("DELETE", "/v1/llm/chats/{chat_id}", "Delete a chat for good", obj(id=integer(), deleted=boolean("Always true.")))
add(
    "POST",
    "/v1/llm/chats/{chat_id}/messages",
    "Say something in a chat and get the model's answer",
    obj(
        "tool_calls", "reasoning_content",
        type={"const": "text"}, chat_id=integer(), message_id=nullable(integer("What you said.")),
        dialogue_id=nullable(integer("The answer.")), role={"const": "assistant"}, model=text(),
        history_messages=integer("How many earlier messages were sent along."), **_CHOICE, **_FIGURES,
    ),
    request=MESSAGE_REQUEST,
)  # fmt: skip
add(
    "POST",
    "/v1/llm/chat/jobs",
    "Submit a chat completion as a job",
    obj(**_JOB),
    request=JOB_REQUEST,
    status=202,
)
add(
    "GET",
    "/v1/llm/chat/jobs/{job_id}",
    "Show a job, or wait for it",
    JOB,
    parameters=[
        parameter("wait", {"type": "integer", "minimum": 0, "maximum": 60}, "Seconds to wait for it to be over.")
    ],
)
add("POST", "/v1/llm/chat/jobs/{job_id}/cancel", "Cancel a job", JOB)
