"""Seals: the opaque blobs that a provider hands out with its reasoning and wants back unchanged.

A seal is random-looking bytes and a digest over them and over what they were put on. It proves that a gateway in
between kept a blob byte for byte and left it where it was: a changed one, or one on another content, is not genuine.
There is no secret in it; the make-believe company protects nothing.
"""

from __future__ import annotations

import base64
import hashlib

NONCE, PROOF = 24, 32  # bytes
PEPPER = b"simulator"


def seal(kind: str, salt: object, content: str = "") -> bytes:
    """A blob for `content`; `salt` makes blobs for equal contents differ."""
    nonce = hashlib.blake2b(f"{kind}/{salt}".encode(errors="replace"), digest_size=NONCE).digest()
    return nonce + _proof(kind, nonce, content)


def is_genuine(kind: str, blob: bytes | None, content: str = "") -> bool:
    """Whether a blob was sealed here, as this kind and for this content."""
    return blob is not None and len(blob) == NONCE + PROOF and blob[NONCE:] == _proof(kind, blob[:NONCE], content)


def written(blob: bytes) -> str:
    """A blob as it stands in JSON."""
    return base64.b64encode(blob).decode()


def read(text: object, *, url_safe: bool = False) -> bytes | None:
    """The blob that stands in JSON; None when the text is no base64. `url_safe` takes - and _ for + and / as well."""
    if not isinstance(text, str):
        return None
    plain = text.replace("-", "+").replace("_", "/") if url_safe else text
    if url_safe:
        plain += "=" * (-len(plain) % 4)
    try:
        return base64.b64decode(plain, validate=True)
    except ValueError:
        return None


def _proof(kind: str, nonce: bytes, content: str) -> bytes:
    said = f"{kind}\0{content}".encode(errors="surrogatepass")
    return hashlib.blake2b(nonce + said, digest_size=PROOF, key=PEPPER).digest()
