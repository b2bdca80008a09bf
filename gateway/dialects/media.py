"""Media inside requests: data URLs and base64 in its spellings. Nothing is fetched and nothing is decoded here."""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote_to_bytes

from gateway.canonical import Source
from gateway.errors import InvalidMedia

_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_DATA_URL = re.compile(r"data:([^,;]*)((?:;[^,;]*)*),", re.IGNORECASE)
_URL_SAFE = str.maketrans("-_", "+/", " \t\r\n")


def source_of(address: str, param: str) -> Source:
    """What a URL or data URL points at. Raises InvalidMedia, naming `param`, for a data URL that is none and for
    addresses that are neither http nor https."""
    if address.startswith(("https://", "http://")):
        return Source(url=address)
    found = _DATA_URL.match(address)
    if found is None:
        raise InvalidMedia("The address must be an https URL or a data URL.", param=param, reason="address")
    media_type = found[1].strip().lower() or "text/plain"
    text = address[found.end() :]
    if ";base64" not in found[2].lower():
        text = base64.b64encode(unquote_to_bytes(text)).decode()
    return Source(data=standard(text, param), media_type=media_type)


def standard(text: str, param: str) -> str:
    """Base64 as RFC 4648 section 4 writes it, with padding, from either alphabet. Raises InvalidMedia."""
    if "-" in text or "_" in text or "\n" in text or "\r" in text or " " in text:
        text = text.translate(_URL_SAFE)
    bare = text.rstrip("=")
    text = bare + "=" * (-len(bare) % 4)
    if len(bare) % 4 == 1 or not _BASE64.fullmatch(text):
        raise InvalidMedia("The data is not valid base64.", param=param, reason="base64")
    return text


def data_url(source: Source) -> str:
    """The address of a source: its URL, or its data as a data URL. Not for files in a provider's store."""
    if source.url is not None:
        return source.url
    return f"data:{source.media_type or 'application/octet-stream'};base64,{source.data or ''}"
