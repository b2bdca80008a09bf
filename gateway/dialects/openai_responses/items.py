"""Output items → parts, and the opaque things that ride in them.

An item of a type that the canonical form has no word for (a tool that the provider ran itself, and what is yet to come)
becomes an empty Text that carries the whole item in its extras. This dialect writes it back, others have nothing to
say of it.
"""

from __future__ import annotations

from gateway.canonical import Blob, Image, Part, Reasoning, Refusal, Source, Text, ToolCall
from gateway.dialects.blobs import opened, seal, untie
from gateway.dialects.openai_responses.content import ORIGIN, nested
from gateway.dialects.openai_responses.objects import NAME, Object
from gateway.dialects.openai_responses.output import text_or_none, thoughts_of

ENCRYPTED = "encrypted"
BESIDE_TEXT = "text/"  # starts the kind of a blob that belongs to the text before it, not to reasoning

# What an item has that its part does not say itself; the rest of it is kept for this dialect.
_SAID = frozenset({"type", "call_id", "name", "arguments", "input", "status"})


def own(part: Part) -> Object:
    """What only this dialect knows of a part."""
    return part.extras.get(NAME, {})


def extras_of(members: Object) -> dict[str, Object]:
    """Members as extras of this dialect; none for none."""
    members = {name: value for name, value in members.items() if value is not None}
    return {NAME: members} if members else {}


def parts_of(item: Object) -> list[Part]:
    """The parts that an output item is."""
    match item.get("type"):
        case "message":
            content = item.get("content")
            parts = content if isinstance(content, list) else []
            return [made for part in parts if isinstance(part, dict) and (made := spoken(part, item)) is not None]
        case "reasoning":
            return [reasoning(item)]
        case "function_call" | "custom_tool_call":
            return [call_of(item)]
        case "image_generation_call" if isinstance(item.get("result"), str):
            return [picture(item)]
    return [opaque(item)]


def spoken(part: Object, item: Object) -> Text | Refusal | None:
    """A text or a refusal of a message; None for anything else."""
    extras = extras_of({"id": item.get("id"), "phase": item.get("phase")})
    shared: Object = {}
    for name in ("annotations", "logprobs"):
        notes = part.get(name)
        if isinstance(notes, list) and notes:
            shared[name] = [nested(note) for note in notes] if name == "annotations" else notes
    if shared:
        extras["openai"] = shared
    if part.get("type") == "refusal":
        text = text_or_none(part.get("refusal"))
        return Refusal(text, extras=extras) if text is not None else None
    text = text_or_none(part.get("text"))
    return Text(text, extras=extras) if text is not None else None


def reasoning(item: Object, *, answered: bool = True) -> Reasoning:
    """Reasoning in words and as a blob. `answered`: it is part of an answer, and its id may be needed again."""
    identity = item.get("id")
    text = item.get("encrypted_content")
    blob = None
    if isinstance(text, str) and text:
        blob = opened(text, origin=ORIGIN, kind=ENCRYPTED, id=identity if isinstance(identity, str) else "")
    return Reasoning(thoughts_of(item), blob=blob, extras=extras_of({"id": identity}) if answered else {})


def call_of(item: Object) -> ToolCall:
    """A call of one of the customer's tools, with the id as it stands there."""
    custom = item.get("type") == "custom_tool_call"
    identity, name = item.get("call_id") or item.get("id"), item.get("name")
    arguments = item.get("input" if custom else "arguments")
    return ToolCall(
        identity if isinstance(identity, str) else "",
        name if isinstance(name, str) else "",
        arguments if isinstance(arguments, str) else "",
        custom,
        extras=extras_of({name: value for name, value in item.items() if name not in _SAID}),
    )


def untied(call: ToolCall) -> tuple[list[Reasoning], ToolCall]:
    """The call that a customer sends back, and the reasoning that rode on its id."""
    call.id, thoughts, call.blob = untie(call.id)
    return thoughts, call


def picture(item: Object) -> Image:
    """What the provider's image tool made."""
    form = item.get("output_format")
    source = Source(data=item["result"], media_type=f"image/{form if isinstance(form, str) else 'png'}")
    return Image(source, extras=extras_of({"item": {name: item[name] for name in item if name != "result"}}))


def opaque(item: Object) -> Text:
    """An item that only this dialect knows."""
    return Text("", extras={NAME: {"item": item}})


def encrypted(blob: Blob, item_id: object) -> str:
    """What stands in the place of encrypted reasoning: the provider's own, or a sealed foreign blob. The provider's own
    is sealed too where the item has another id than it came with, because the two belong together."""
    ours = (blob.origin, blob.kind) == (ORIGIN, ENCRYPTED) and blob.id in ("", item_id)
    return blob.data if ours else seal(blob)


def beside_text(parts: list[Part]) -> list[Part]:
    """The parts with each blob that was written beside a text back on it."""
    found: list[Part] = []
    for part in parts:
        blob = part.blob if isinstance(part, Reasoning) else None
        if blob is not None and blob.kind.startswith(BESIDE_TEXT) and found and isinstance(found[-1], Text):
            found[-1].blob = Blob(blob.origin, blob.kind.removeprefix(BESIDE_TEXT), blob.data, blob.id)
        else:
            found.append(part)
    return found
