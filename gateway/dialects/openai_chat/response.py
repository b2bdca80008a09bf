"""Whole answers of OpenAI chat completions. Reference: platform.openai.com/docs/api-reference/chat/object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.canonical import Audio, Choice, Completion, Image, Part, Reasoning, Refusal, Source, Text, ToolCall
from gateway.dialects.blobs import tie, tied
from gateway.dialects.media import data_url, source_of
from gateway.dialects.members import UNREADABLE
from gateway.dialects.openai_chat.counting import read_usage, render_usage
from gateway.dialects.openai_chat.details import parse_details, render_details
from gateway.dialects.openai_chat.errors import fault_in
from gateway.dialects.openai_chat.finishing import finish_of, render_finish
from gateway.dialects.openai_chat.output import strings
from gateway.dialects.openai_chat.renaming import rename
from gateway.errors import InvalidMedia, UpstreamError

__all__ = ["parse", "rename", "render"]

_OWN = ("system_fingerprint", "service_tier")


def parse(body: bytes) -> Completion:
    """See ResponseCodec.parse."""
    try:
        value = msgspec.json.decode(body)
    except UNREADABLE:
        raise UpstreamError(reason="bad_response") from None
    choices = value.get("choices") if isinstance(value, dict) else None
    if fault_in(value) is not None or not isinstance(choices, list) or not choices:
        raise UpstreamError(reason="bad_response")
    own = {name: value[name] for name in _OWN if value.get(name) is not None}
    created = value.get("created")
    return Completion(
        id=value["id"] if isinstance(value.get("id"), str) else "",
        model=value["model"] if isinstance(value.get("model"), str) else "",
        choices=[_choice(choice) for choice in choices if isinstance(choice, dict)],
        usage=read_usage(value.get("usage")).usage,
        created=created if isinstance(created, int) else 0,
        extras={"openai_chat": own} if own else {},
    )


def _choice(choice: dict[str, Any]) -> Choice:
    message = choice.get("message")
    parts = _parts(message) if isinstance(message, dict) else []
    logprobs = choice.get("logprobs")
    if isinstance(logprobs, dict):
        for part in parts:
            tokens = logprobs.get("refusal" if isinstance(part, Refusal) else "content")
            if isinstance(part, Text | Refusal) and isinstance(tokens, list):
                part.extras.setdefault("openai", {})["logprobs"] = tokens
    word = choice.get("finish_reason")
    word = word if isinstance(word, str) and word else None
    called = any(isinstance(part, ToolCall) for part in parts)
    return Choice(parts, finish_of(word, called=called) if word else None, word)


def _parts(message: dict[str, Any]) -> list[Part]:
    parts: list[Part] = list(parse_details(message.get("reasoning_details")))
    thoughts = "".join(strings(message.get("reasoning_content") or message.get("reasoning")))
    if not any(isinstance(part, Reasoning) and part.text for part in parts) and thoughts:
        if len(parts) == 1 and isinstance(parts[0], Reasoning):
            parts[0].text = thoughts
        else:
            parts.insert(0, Reasoning(thoughts))
    parts += content_parts(message.get("content"))
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal:
        parts.append(Refusal(refusal))
    annotations = message.get("annotations")
    if isinstance(annotations, list) and annotations:
        for part in parts:
            if isinstance(part, Text):
                part.extras.setdefault("openai", {})["annotations"] = annotations
    parts += media_parts(message)
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, dict):
            custom = isinstance(call.get("custom"), dict)
            body = call["custom"] if custom else call.get("function")
            parts.append(_call(call.get("id"), body, custom))
    if isinstance(message.get("function_call"), dict):
        parts.append(_call("call_function", message["function_call"], False))
    return parts


def content_parts(content: object) -> list[Part]:
    """Text, and where a provider puts its thoughts into the content as parts, those first."""
    if isinstance(content, str):
        return [Text(content)] if content else []
    parts: list[Part] = []
    for part in content if isinstance(content, list) else ():
        text = "".join(strings(part))
        if text:
            parts.append(Reasoning(text) if isinstance(part, dict) and "thinking" in part else Text(text))
    return parts


def media_parts(message: dict[str, Any]) -> list[Part]:
    """Sound and pictures of an answer, or of one streamed piece of it."""
    parts: list[Part] = []
    audio = message.get("audio")
    if isinstance(audio, dict) and isinstance(audio.get("data"), str):
        transcript = audio["transcript"] if isinstance(audio.get("transcript"), str) else ""
        kept = {name: audio[name] for name in ("id", "expires_at") if name in audio}
        parts.append(
            Audio(
                Source(data=audio["data"]), transcript if isinstance(transcript, str) else "", extras={"openai": kept}
            )
        )
    images = message.get("images")
    for image in images if isinstance(images, list) else ():
        match image:
            case {"image_url": {"url": str(address)}}:
                try:
                    parts.append(Image(source_of(address, "images")))
                except InvalidMedia:
                    continue
    return parts


def _call(identity: object, body: object, custom: bool) -> ToolCall:
    body = body if isinstance(body, dict) else {}
    name, arguments = body.get("name"), body.get("input" if custom else "arguments")
    if arguments is not None and not isinstance(arguments, str):
        arguments = msgspec.json.encode(arguments).decode()  # some providers send an object
    return ToolCall(
        identity if isinstance(identity, str) else "", name if isinstance(name, str) else "", arguments or "", custom
    )


def render(completion: Completion) -> bytes:
    """See ResponseCodec.render."""
    value: dict[str, Any] = {
        "id": completion.id,
        "object": "chat.completion",
        "created": completion.created,
        "model": completion.model,
        "choices": [_render_choice(index, choice) for index, choice in enumerate(completion.choices)],
    }
    if completion.usage is not None:
        value["usage"] = render_usage(completion.usage)
    value.update(completion.extras.get("openai_chat", {}))
    return msgspec.json.encode(value)


def _render_choice(index: int, choice: Choice) -> dict[str, Any]:
    return {
        "index": index,
        "message": _render_message(choice.parts),
        "logprobs": _render_logprobs(choice.parts),
        "finish_reason": render_finish(choice.finish),
    }


def _render_message(parts: Sequence[Part]) -> dict[str, Any]:
    texts = [part for part in parts if isinstance(part, Text)]
    refusals = [part.text for part in parts if isinstance(part, Refusal)]
    thoughts = [part.text for part in parts if isinstance(part, Reasoning) and part.text]
    annotations = [note for part in texts for note in part.extras.get("openai", {}).get("annotations", ())]
    calls: list[dict[str, Any]] = []
    thought: list[Part] = []  # the reasoning since the last call, which the next one carries
    for part in parts:
        if isinstance(part, ToolCall):
            calls.append(render_call(part, tie(part.id, tied(thought), part.blob)))
            thought = []
        else:
            thought.append(part)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(part.text for part in texts) if texts else None,
        "refusal": "".join(refusals) if refusals else None,
    }
    if message["content"] is None and not calls and not refusals:
        message["content"] = ""
    if annotations:
        message["annotations"] = annotations
    if thoughts:
        message["reasoning_content"] = "".join(thoughts)
    details = render_details(parts)
    if details:
        message["reasoning_details"] = details
    if calls:
        message["tool_calls"] = calls
    images = [render_image(part) for part in parts if isinstance(part, Image)]
    if images:
        message["images"] = images
    for part in parts:
        if isinstance(part, Audio):
            message["audio"] = render_audio(part)
    return message


def _render_logprobs(parts: Sequence[Part]) -> dict[str, Any] | None:
    found: dict[str, Any] = {"content": None, "refusal": None}
    for part in parts:
        tokens = part.extras.get("openai", {}).get("logprobs")
        if tokens is not None:
            name = "refusal" if isinstance(part, Refusal) else "content"
            found[name] = (found[name] or []) + tokens
    return found if any(value is not None for value in found.values()) else None


def render_call(call: ToolCall, identity: str) -> dict[str, Any]:
    """A tool call of an answer."""
    if call.custom:
        return {"id": identity, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": identity, "type": "function", "function": function}


def render_image(image: Image) -> dict[str, Any]:
    """A picture that the model made, in the form that clients of many models know; OpenAI's own has none."""
    return {"type": "image_url", "image_url": {"url": data_url(image.source)}}


def render_audio(audio: Audio) -> dict[str, Any]:
    """Sound that the model made."""
    return {"data": audio.source.data, "transcript": audio.transcript, **audio.extras.get("openai", {})}
