"""Ready-made recordings in OpenAI's Responses dialect, in the shapes that api.openai.com sends."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.fakes.recordings import Gate, Recording, Wait

ID = "resp_0aa1recorded"
CREATED = 1_790_000_000
MODEL = "gpt-5.2-2026-01-15"


def usage(prompt: int = 10, output: int = 5, *, cached: int = 0, reasoning: int = 0) -> dict[str, Any]:
    """OpenAI's usage object: cached is a part of input, reasoning a part of output (tokens)."""
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": prompt + output,
    }


def message(text: str, item_id: str = "msg_recorded") -> dict[str, Any]:
    """An output item with one text."""
    part = {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
    return {"id": item_id, "type": "message", "status": "completed", "content": [part], "role": "assistant"}


def reasoning(encrypted: str, item_id: str = "rs_recorded") -> dict[str, Any]:
    """An output item with reasoning that only its provider can read."""
    return {"id": item_id, "type": "reasoning", "summary": [], "encrypted_content": encrypted}


def response(output: Sequence[Mapping[str, Any]], *, status: str = "completed", **fields: Any) -> dict[str, Any]:
    """A response object as the provider writes it: under its own id and model name, storing nothing."""
    return {
        "id": ID,
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "background": False,
        "completed_at": CREATED + 1 if status == "completed" else None,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {},
        "model": MODEL,
        "output": list(output),
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage() if status == "completed" else None,
        "user": None,
        **fields,
    }


def whole(text: str = "Hello there.", *, output: Sequence[Mapping[str, Any]] | None = None) -> Recording:
    """A whole answer."""
    return Recording.json(response(output if output is not None else [message(text)]))


def stream(pieces: Sequence[str | Wait | Gate] = ("Hello", " there", "."), *, broken: bool = False) -> Recording:
    """A streamed answer of one message; waits and gates may stand among the pieces. `broken`: it fails at the end."""
    text = "".join(piece for piece in pieces if isinstance(piece, str))
    begun = response([], status="in_progress")
    where = {"item_id": "msg_recorded", "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
    events: list[Any] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**message(""), "status": "in_progress", "content": []},
        },
        {"type": "response.content_part.added", **where, "part": part},
    ]
    for piece in pieces:
        said = {"type": "response.output_text.delta", **where, "delta": piece, "logprobs": []}
        events.append(said if isinstance(piece, str) else piece)
    if broken:
        error = {"code": "server_error", "message": "The server had an error."}
        events.append({"type": "response.failed", "response": response([], status="failed", error=error)})
    else:
        events += [
            {"type": "response.output_text.done", **where, "text": text, "logprobs": []},
            {"type": "response.content_part.done", **where, "part": {**part, "text": text}},
            {"type": "response.output_item.done", "output_index": 0, "item": message(text)},
            {"type": "response.completed", "response": response([message(text)])},
        ]
    return Recording.sse(numbered(events), done=False)


def numbered(events: Sequence[Any]) -> list[Any]:
    """The events as they go over the wire; whatever is none stays as it is."""
    made: list[Any] = []
    number = 0
    for event in events:
        if isinstance(event, dict):
            data = json.dumps({"type": event["type"], "sequence_number": number, **event}, ensure_ascii=False)
            made.append(f"event: {event['type']}\ndata: {data}\n\n".encode())
            number += 1
        else:
            made.append(event)
    return made
