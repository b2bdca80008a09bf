"""Ready-made recordings in OpenAI's chat dialect, in the exact shapes that api.openai.com sends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.fakes.recordings import Gate, Recording, Wait

ID = "chatcmpl-recorded"
CREATED = 1_790_000_000


def usage(prompt: int = 10, completion: int = 5, *, cached: int = 0, reasoning: int = 0) -> dict[str, Any]:
    """OpenAI's usage object: cached is a part of prompt, reasoning a part of completion (tokens)."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def completion(
    text: str | None = "Hello there.",
    *,
    model: str = "gpt-4o-2024-08-06",
    finish: str | None = "stop",
    tool_calls: Sequence[Mapping[str, object]] | None = None,
    report: Mapping[str, object] | None = None,
    with_usage: bool = True,
    headers: Mapping[str, str] | None = None,
) -> Recording:
    """A whole answer; `report` replaces the usage object, `with_usage=False` leaves it out."""
    message: dict[str, object] = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
    if tool_calls is not None:
        message["tool_calls"] = list(tool_calls)
    value: dict[str, object] = {
        "id": ID,
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "service_tier": "default",
        "system_fingerprint": "fp_recorded",
    }
    if with_usage:
        value["usage"] = dict(report) if report is not None else usage()
    return Recording.json(value, headers={"x-request-id": "req_provider", **(headers or {})})


def chunk(
    delta: Mapping[str, object] | None = None,
    *,
    finish: str | None = None,
    model: str = "gpt-4o-2024-08-06",
    report: Mapping[str, object] | None = None,
    index: int = 0,
) -> dict[str, object]:
    """One chunk of a stream; without a delta it is the chunk that carries only usage."""
    choices = (
        [{"index": index, "delta": dict(delta), "logprobs": None, "finish_reason": finish}] if delta is not None else []
    )
    return {
        "id": ID,
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": model,
        "service_tier": "default",
        "system_fingerprint": "fp_recorded",
        "choices": choices,
        "usage": dict(report) if report is not None else None,
    }


def stream(
    pieces: Sequence[str | Wait | Gate] = ("Hello", " there", "."),
    *,
    model: str = "gpt-4o-2024-08-06",
    finish: str = "stop",
    report: Mapping[str, object] | None = None,
    with_usage: bool = True,
) -> Recording:
    """A stream as it comes with `stream_options.include_usage`; waits and gates may stand among the pieces."""
    events: list[object] = [chunk({"role": "assistant", "content": "", "refusal": None}, model=model)]
    events += [chunk({"content": piece}, model=model) if isinstance(piece, str) else piece for piece in pieces]
    events.append(chunk({}, finish=finish, model=model))
    if with_usage:
        events.append(chunk(model=model, report=report if report is not None else usage()))
    return Recording.sse(events, headers={"x-request-id": "req_provider"})


def broken_stream(pieces: Sequence[str] = (), *, model: str = "gpt-4o-2024-08-06") -> Recording:
    """Status 200, then an error inside the stream, after these pieces of content (none: before any); no [DONE]."""
    events: list[object] = [chunk({"role": "assistant", "content": "", "refusal": None}, model=model)] if pieces else []
    events += [chunk({"content": piece}, model=model) for piece in pieces]
    message = "The server had an error while processing your request."
    events.append({"error": {"message": message, "type": "server_error", "param": None, "code": None}})
    return Recording.sse(events, done=False)


def error(
    status: int,
    message: str = "The provider says no.",
    *,
    type: str = "server_error",  # noqa: A002 — the field's own name
    code: str | None = None,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Recording:
    """A refusal in OpenAI's envelope."""
    body = {"error": {"message": message, "type": type, "param": param, "code": code}}
    return Recording.json(body, status=status, headers=headers)
