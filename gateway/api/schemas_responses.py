"""The OpenAPI side of the Responses face."""

from __future__ import annotations

from typing import Any

from gateway.api.responses import BASES

Schema = dict[str, Any]

REQUEST: Schema = {
    "type": "object",
    "required": ["model", "input"],
    "additionalProperties": True,
    "description": "Every field of the OpenAI Responses protocol is taken; `conversation` and `prompt` are refused.",
    "properties": {
        "model": {"type": "string", "examples": ["gpt-5.2"]},
        "input": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]},
        "instructions": {"type": ["string", "null"]},
        "stream": {"type": ["boolean", "null"]},
        "store": {"type": ["boolean", "null"], "description": "Keep the response here; yes unless said otherwise."},
        "background": {"type": ["boolean", "null"], "description": "Answer at once; ask for the result later."},
        "previous_response_id": {"type": ["string", "null"], "description": "Go on from this response."},
        "max_output_tokens": {"type": ["integer", "null"], "minimum": 1},
        "temperature": {"type": ["number", "null"]},
        "top_p": {"type": ["number", "null"]},
        "tools": {"type": ["array", "null"], "items": {"type": "object"}},
        "include": {"type": ["array", "null"], "items": {"type": "string"}},
        "reasoning": {"type": ["object", "null"]},
        "text": {"type": ["object", "null"]},
        "metadata": {"type": ["object", "null"]},
    },
}
RESPONSE: Schema = {
    "type": "object",
    "required": ["id", "object", "created_at", "status", "model", "output"],
    "properties": {
        "id": {"type": "string", "description": "`resp_` and 48 hexadecimal digits."},
        "object": {"const": "response"},
        "created_at": {"type": "integer"},
        "status": {"enum": ["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]},
        "model": {"type": "string", "description": "The slug that was asked for."},
        "output": {"type": "array", "items": {"type": "object"}},
        "usage": {"type": ["object", "null"]},
        "error": {"type": ["object", "null"]},
    },
}
DELETED: Schema = {
    "type": "object",
    "required": ["id", "object", "deleted"],
    "properties": {"id": {"type": "string"}, "object": {"const": "response"}, "deleted": {"const": True}},
}
ITEMS: Schema = {
    "type": "object",
    "required": ["object", "data", "has_more"],
    "properties": {
        "object": {"const": "list"},
        "data": {"type": "array", "items": {"type": "object"}},
        "first_id": {"type": ["string", "null"]},
        "last_id": {"type": ["string", "null"]},
        "has_more": {"type": "boolean"},
    },
}
COUNTED: Schema = {
    "type": "object",
    "required": ["object", "input_tokens"],
    "properties": {"object": {"const": "response.input_tokens"}, "input_tokens": {"type": "integer", "minimum": 0}},
}

# Method, path after the base, one line, answer (None: there is only the refusal), body.
_KNOWN: tuple[tuple[str, str, str, Schema | None, Schema | None], ...] = (
    ("POST", "", "Create a response", RESPONSE, REQUEST),
    ("GET", "", "Create responses over a WebSocket", None, None),
    ("POST", "/input_tokens", "Count the tokens of a request", COUNTED, REQUEST),
    ("GET", "/{response_id}", "Show a stored response", RESPONSE, None),
    ("DELETE", "/{response_id}", "Delete a stored response", DELETED, None),
    ("POST", "/{response_id}/cancel", "Stop a background response", RESPONSE, None),
    ("GET", "/{response_id}/input_items", "List what a stored response was made from", ITEMS, None),
)
SWITCHING = {101: "The connection becomes a WebSocket.", 426: "The request did not ask for a WebSocket."}
CONFLICT = {409: "The response cannot be cancelled, or is not over yet."}


def operations(refusals: dict[int, str], error: Schema) -> dict[tuple[str, str], tuple[str, Schema]]:
    """(method, path) → one line and what ninja cannot derive, for each place where the face is."""
    made: dict[tuple[str, str], tuple[str, Schema]] = {}
    for base in BASES:
        for method, rest, line, answer, body in _KNOWN:
            texts = {**refusals, **CONFLICT} if answer is not None else {**refusals, **SWITCHING}
            responses: dict[Any, Any] = {
                status: {"description": text, "content": {"application/json": {"schema": error}}}
                for status, text in texts.items()
            }
            if answer is not None:
                content: Schema = {"application/json": {"schema": answer}}
                if body is REQUEST and not rest:
                    content["text/event-stream"] = {"schema": {"type": "string"}}
                responses[200] = {"description": "The answer.", "content": content}
            described: Schema = {"security": [{"bearer": []}], "responses": responses}
            if body is not None:
                described["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
            if rest.endswith("/input_items"):
                described["parameters"] = [
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100}},
                    {"name": "order", "in": "query", "schema": {"enum": ["asc", "desc"]}},
                    {"name": "after", "in": "query", "schema": {"type": "string"}},
                ]
            made[method, f"{base}/responses{rest}"] = (line, described)
    return made
