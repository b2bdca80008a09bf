"""The least that anything between a customer and a provider can do: hand the bytes on. No key, no limit, no money.

It runs on the same server as Tollgate and asks the provider with the same HTTP client: what Tollgate costs more than
this is the price of billing.
"""

from __future__ import annotations

import os
from typing import Any

import aiohttp

_sessions: list[aiohttp.ClientSession] = []


def session() -> aiohttp.ClientSession:
    """One pool for all calls, without a limit of its own."""
    if not _sessions:
        _sessions.append(
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Accept-Encoding"),
            )
        )
    return _sessions[0]


async def application(scope: Any, receive: Any, send: Any) -> None:
    """The ASGI application."""
    if scope["type"] != "http":
        return
    parts = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    if scope["method"] != "POST":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
        return
    headers = {"content-type": "application/json", "authorization": "Bearer sk-bench"}
    url = os.environ["PROVIDER_URL"] + scope["path"]
    async with session().post(url, data=b"".join(parts), headers=headers) as answer:
        kept = [(b"content-type", answer.headers["content-type"].encode())]
        length = answer.headers.get("content-length")
        if length:
            kept.append((b"content-length", length.encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": kept})
        while part := await answer.content.readany():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
