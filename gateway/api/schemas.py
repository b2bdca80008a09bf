"""The OpenAPI side of the operations. Bodies pass through unread, so these schemas describe, they do not filter."""

from __future__ import annotations

from typing import Any

from gateway.api import schemas_chats as schemas_chats  # describes its operations
from gateway.api import schemas_responses
from gateway.api.schemas_native import OPERATIONS

TEXT_PART = {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}}
CHAT_REQUEST: dict[str, Any] = {
    "type": "object",
    "required": ["model", "messages"],
    "additionalProperties": True,
    "description": "Every field of the OpenAI chat completions protocol is forwarded unchanged, unknown ones too.",
    "properties": {
        "model": {"type": "string", "examples": ["claude-haiku-4-5"]},
        "messages": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["role"],
                "properties": {
                    "role": {"enum": ["system", "developer", "user", "assistant", "tool", "function"]},
                    "content": {"anyOf": [{"type": "string"}, {"type": "array", "items": TEXT_PART}, {"type": "null"}]},
                },
            },
        },
        "max_tokens": {"type": ["integer", "null"], "minimum": 1},
        "max_completion_tokens": {"type": ["integer", "null"], "minimum": 1},
        "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 2},
        "top_p": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "n": {"type": ["integer", "null"], "minimum": 1},
        "stream": {"type": ["boolean", "null"]},
        "stream_options": {
            "type": ["object", "null"],
            "properties": {"include_usage": {"type": ["boolean", "null"]}},
        },
        "stop": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
        "tools": {"type": ["array", "null"], "items": {"type": "object"}},
        "response_format": {"type": ["object", "null"]},
    },
}
CHAT_COMPLETION: dict[str, Any] = {
    "type": "object",
    "required": ["id", "object", "created", "model", "choices"],
    "properties": {
        "id": {"type": "string"},
        "object": {"type": "string"},
        "created": {"type": "integer"},
        "model": {"type": "string", "description": "The slug that was asked for."},
        "choices": {"type": "array", "items": {"type": "object"}},
        "usage": {"type": ["object", "null"]},
    },
}
MODEL: dict[str, Any] = {
    "type": "object",
    "required": ["id", "object", "created", "owned_by"],
    "properties": {
        "id": {"type": "string"},
        "object": {"type": "string"},
        "created": {"type": "integer"},
        "owned_by": {"type": "string"},
    },
}
MODELS: dict[str, Any] = {
    "type": "object",
    "required": ["object", "data"],
    "properties": {"object": {"type": "string"}, "data": {"type": "array", "items": MODEL}},
}
ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error", "status_code", "request_id"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "code": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "doc_url": {"type": "string"},
                "meta": {"type": "object"},
            },
        },
        "status_code": {"type": "integer"},
        "request_id": {"type": "string"},
    },
}

# What an operation can refuse with, by HTTP status.
REFUSALS = {
    400: "The request is malformed, or this model cannot do what it asks.",
    401: "The API key is missing, unknown or switched off.",
    402: "The balance or a spend limit does not cover the call.",
    403: "The account is disabled, or the key may not call this.",
    404: "No such model or address.",
    405: "The address takes another method.",
    413: "The body is too large.",
    429: "Too many requests; wait for Retry-After.",
    500: "A fault of ours.",
    502: "The provider failed.",
    503: "No provider of this model can be reached right now.",
    504: "The provider took too long.",
}


RESPONSES = schemas_responses.operations(REFUSALS, ERROR)


def operation_id(method: str, path: str) -> str:
    """A name that is unique within the document."""
    words = path.replace("{", "by-").replace("}", "").replace("/", " ").replace(".", " ").split()
    return "_".join([method.lower(), *words]).replace("-", "_")


def summary(method: str, path: str) -> str:
    """One line for the list of operations."""
    if (method, path) in OPERATIONS:
        return OPERATIONS[method, path][0]
    if (method, path) in RESPONSES:
        return RESPONSES[method, path][0]
    if path.endswith("/chat/completions"):
        return "Create a chat completion"
    return "Show one model" if path.endswith("}") else "List the models that this key may call"


def described(method: str, path: str) -> dict[str, Any]:
    """What ninja cannot derive: bodies, answers and errors."""
    if (method, path) in OPERATIONS:
        return OPERATIONS[method, path][1]
    if (method, path) in RESPONSES:
        return RESPONSES[method, path][1]
    chat = path.endswith("/chat/completions")
    body = CHAT_COMPLETION if chat else MODEL if path.endswith("}") else MODELS
    content: dict[str, Any] = {"application/json": {"schema": body}}
    if chat:
        content["text/event-stream"] = {"schema": {"type": "string"}}
    operation: dict[str, Any] = {
        "security": [{"bearer": []}],
        "responses": {
            200: {"description": "The answer.", "content": content},
            **{
                status: {"description": text, "content": {"application/json": {"schema": ERROR}}}
                for status, text in REFUSALS.items()
            },
        },
    }
    if chat:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": CHAT_REQUEST}}}
    return operation
