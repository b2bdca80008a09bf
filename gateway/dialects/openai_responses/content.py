"""Parts of a message as both directions know them: what is shown to the model, and what it said."""

from __future__ import annotations

import base64
from typing import Any

from gateway.canonical import Audio, Document, Image, Part, Refusal, Source, Text
from gateway.dialects.media import data_url, source_of, standard
from gateway.errors import InvalidMedia, InvalidParameter, MissingParameter, UnsupportedCapability

ORIGIN = "openai"

_MEDIA_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav"}
_FORMATS = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav"}

Wire = dict[str, Any]


def parse_content(content: object, where: str) -> list[Part]:
    """What somebody shows the model: a text, or a list of parts. Raises InvalidParameter, MissingParameter and
    InvalidMedia."""
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(content)] if content else []
    if not isinstance(content, list):
        raise InvalidParameter(f"`{where}` must be a string or a list of parts.", param=where)
    return [_shown(part, f"{where}[{at}]") for at, part in enumerate(content)]


def _shown(part: Any, where: str) -> Part:
    if not isinstance(part, dict):
        raise InvalidParameter(f"`{where}` must be an object.", param=where)
    made = _plain(part, where)
    mark = part.get("prompt_cache_breakpoint")
    if isinstance(mark, dict):
        ttl = mark.get("ttl")
        made.cache = ttl if isinstance(ttl, str) else ""
        made.extras["openai"] = {"prompt_cache_breakpoint": mark}
    return made


def _plain(part: Wire, where: str) -> Part:
    match part.get("type"):
        case "input_text" | "output_text" | "text":
            return Text(needed(part, "text", where))
        case "refusal":
            return Refusal(needed(part, "refusal", where))
        case "input_image":
            detail = part.get("detail")
            return Image(_picture(part, where), detail if isinstance(detail, str) else None)
        case "input_file":
            return _file(part, where)
        case "input_audio":
            inner = part.get("input_audio")
            if not isinstance(inner, dict):
                raise MissingParameter(f"`{where}.input_audio` is required.", param=f"{where}.input_audio")
            data = standard(needed(inner, "data", f"{where}.input_audio"), where)
            form = needed(inner, "format", f"{where}.input_audio")
            return Audio(Source(data=data, media_type=_MEDIA_TYPES.get(form, f"audio/{form}")))
    raise InvalidParameter(
        f"`{where}.type` is not a known kind of content.", param=f"{where}.type", value=part.get("type")
    )


def _picture(part: Wire, where: str) -> Source:
    if isinstance(part.get("file_id"), str):
        return Source(file_id=part["file_id"], origin=ORIGIN)
    address = part.get("image_url")
    if isinstance(address, dict):  # as chat completions write it, and some clients here too
        address = address.get("url")
    if not isinstance(address, str):
        raise MissingParameter(f"`{where}.image_url` is required.", param=f"{where}.image_url")
    return source_of(address, where)


def _file(part: Wire, where: str) -> Document:
    name = part.get("filename")
    name = name if isinstance(name, str) else None
    if isinstance(part.get("file_id"), str):
        return Document(Source(file_id=part["file_id"], origin=ORIGIN), name)
    if isinstance(part.get("file_url"), str):
        source = source_of(part["file_url"], where)
        return Document(source if source.data else Source(url=source.url, media_type="application/pdf"), name)
    text = needed(part, "file_data", where)
    if not text.startswith("data:"):  # some clients send bare base64
        return Document(Source(data=standard(text, where), media_type="application/pdf"), name)
    return Document(source_of(text, where), name)


def needed(value: Wire, name: str, where: str) -> str:
    """A member that must be there and be a string."""
    text = value.get(name)
    if text is None:
        raise MissingParameter(f"`{where}.{name}` is required.", param=f"{where}.{name}")
    if not isinstance(text, str):
        raise InvalidParameter(f"`{where}.{name}` must be a string.", param=f"{where}.{name}")
    return text


def render_shown(part: Part) -> Wire:
    """A part for a provider, in a message of the user, the system or a tool. Raises UnsupportedCapability and
    InvalidMedia."""
    wire = _render(part)
    own = part.extras.get("openai", {}).get("prompt_cache_breakpoint")
    if own is not None:
        wire["prompt_cache_breakpoint"] = own
    return wire


def marked(part: Part) -> bool:
    """Whether a part has a cache breakpoint that this wire cannot say: its times to live are others."""
    return part.cache is not None and "prompt_cache_breakpoint" not in part.extras.get("openai", {})


def _render(part: Part) -> Wire:
    match part:
        case Text(text=text) | Refusal(text=text):
            return {"type": "input_text", "text": text}
        case Image(source=source, detail=detail):
            wire: Wire = {"type": "input_image"}
            if source.file_id is not None:
                wire["file_id"] = _stored(source)
            else:
                wire["image_url"] = data_url(source)
            return {**wire, "detail": detail} if detail is not None else wire
        case Document():
            return _render_file(part)
        case Audio(source=source):
            if source.data is None:
                raise InvalidMedia("Sound must be sent inline to this model.", reason="address")
            media_type = source.media_type or ""
            form = _FORMATS.get(media_type, media_type.removeprefix("audio/"))
            return {"type": "input_audio", "input_audio": {"data": source.data, "format": form}}
    raise UnsupportedCapability("The request holds something that this model cannot read.", capability="content")


def _render_file(part: Document) -> Wire:
    source, media_type = part.source, part.source.media_type or "application/pdf"
    if media_type.startswith("video/"):
        raise UnsupportedCapability("This model cannot take in video.", capability="video")
    wire: Wire = {"type": "input_file"}
    if part.name is not None:
        wire["filename"] = part.name
    if source.file_id is not None:
        return {**wire, "file_id": _stored(source)}
    if source.url is not None:
        return {"type": "input_file", "file_url": source.url}
    if media_type.startswith("text/"):
        text = base64.b64decode(source.data or "").decode("utf-8", "replace")
        return {"type": "input_text", "text": f"{part.name}\n\n{text}" if part.name else text}
    return {"filename": "document.pdf", **wire, "file_data": data_url(source)}


def _stored(source: Source) -> str:
    if source.origin != ORIGIN or source.file_id is None:
        raise InvalidMedia("A file in another provider's store cannot be read by this model.", reason="file_id")
    return source.file_id


def flat(note: Any) -> Any:
    """An annotation as this wire writes it: `{"type": T, …}` for `{"type": T, T: {…}}`."""
    kind = note.get("type") if isinstance(note, dict) else None
    inner = note.get(kind) if isinstance(kind, str) else None
    if not isinstance(inner, dict):
        return note
    return {"type": kind, **inner, **{name: value for name, value in note.items() if name not in ("type", kind)}}


def nested(note: Any) -> Any:
    """An annotation as the canonical form has it, which is as chat completions write it."""
    kind = note.get("type") if isinstance(note, dict) else None
    if not isinstance(kind, str) or kind in note:
        return note
    return {"type": kind, kind: {name: value for name, value in note.items() if name != "type"}}
