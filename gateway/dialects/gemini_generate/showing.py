"""Media of this wire: `inlineData` with base64, `fileData` with an address, told apart by their media types."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from gateway.canonical import Audio, Document, Image, Part, Source
from gateway.dialects.gemini_generate.inspecting import refused_address
from gateway.dialects.gemini_generate.spelling import camel, extras_of
from gateway.dialects.media import standard
from gateway.errors import InvalidMedia, InvalidParameter, MissingParameter

# What an address alone tells of a file. This wire wants the media type of everything, others of hardly anything.
_BY_ENDING = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "bmp": "image/bmp",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "csv": "text/csv",
    "json": "application/json",
    "mp3": "audio/mp3",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "m4a": "audio/m4a",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
}
_FILMS = re.compile(r"(?:www\.|m\.)?youtube\.com|youtu\.be")
_LEVEL = "MEDIA_RESOLUTION_"
_DETAILS = frozenset({"low", "medium", "high", "ultra_high"})


def shown(kind: str, value: dict[str, Any], beside: dict[str, Any], where: str) -> Image | Audio | Document:
    """What a part shows. `kind` is inlineData or fileData, `beside` the part's other members. Raises InvalidMedia,
    InvalidParameter and MissingParameter."""
    members = camel(value, f"{where}.")
    media_type = members.get("mimeType")
    if not isinstance(media_type, str | None):
        raise InvalidParameter(f"`{where}.mimeType` must be a string.", param=f"{where}.mimeType")
    name = members.get("displayName")
    name = name if isinstance(name, str) else None
    if kind == "inlineData":
        data = _needed(members, "data", where)
        source = Source(data=standard(data, where), media_type=_needed(members, "mimeType", where))
    else:
        address = _needed(members, "fileUri", where)
        if refused_address(address):
            source = Source(file_id=address, origin="gemini", media_type=media_type)
        else:
            media_type = media_type or guessed(address)
            source = Source(url=address, media_type=media_type)
    level = beside.get("mediaResolution")
    level = level.get("level") if isinstance(level, dict) else None
    detail = level.removeprefix(_LEVEL).lower() if isinstance(level, str) else None
    family = (media_type or "").partition("/")[0].lower()
    if family == "image":
        if source.url is not None and media_type == guessed(source.url):
            source = Source(url=source.url)  # the address tells as much
        rest = {key: item for key, item in beside.items() if key != "mediaResolution"}
        return Image(source, detail, extras=extras_of(rest))
    if family == "audio":
        return Audio(source, extras=extras_of(beside))
    return Document(source, name, extras=extras_of(beside))


def show(part: Image | Audio | Document) -> dict[str, Any]:
    """The part that shows it. Raises InvalidMedia for a file in another provider's store."""
    source = part.source
    if source.data is not None:
        wire: dict[str, Any] = {"inlineData": {"mimeType": _media_type(part), "data": source.data}}
    elif source.file_id is not None and source.origin != "gemini":
        raise InvalidMedia("A file in another provider's store cannot be read here.", reason="file_id")
    else:
        wire = {"fileData": {"mimeType": _media_type(part), "fileUri": source.url or source.file_id or ""}}
    if isinstance(part, Image) and part.detail in _DETAILS:
        wire["mediaResolution"] = {"level": _LEVEL + part.detail.upper()}
    return wire


def guessed(address: str) -> str | None:
    """The media type of which an address speaks."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    if _FILMS.fullmatch(parts.netloc.lower()):
        return "video/mp4"
    return _BY_ENDING.get(parts.path.rpartition(".")[2].lower())


def _media_type(part: Part) -> str:
    source: Source = getattr(part, "source", Source())
    known = source.media_type or guessed(source.url or "")
    if known is not None:
        return known
    if isinstance(part, Image):
        return "image/jpeg"
    return "audio/wav" if isinstance(part, Audio) else "application/pdf"


def _needed(members: dict[str, Any], name: str, where: str) -> str:
    value = members.get(name)
    if value is None:
        raise MissingParameter(f"`{where}.{name}` is required.", param=f"{where}.{name}")
    if not isinstance(value, str):
        raise InvalidParameter(f"`{where}.{name}` must be a string.", param=f"{where}.{name}")
    return value
