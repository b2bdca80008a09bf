"""`python -m bench.provider`: a model provider that answers in microseconds, so that only what stands before it counts.

It speaks the chat dialect over HTTP/1.1 and reads four things of a request: the model (echoed), `stream`,
`max_tokens` (so many output tokens; one chunk each in a stream) and `user` ("gap-20": 20 ms between two chunks).
Every prompt has ten tokens.
"""

from __future__ import annotations

import asyncio
import os
import re
from typing import cast

import httptools
import uvloop

PROMPT_TOKENS = 10
OUTPUT_TOKENS = 5  # when nothing else is asked for
MOST_PENDING = 1 << 18  # bytes written before a stream without gaps lets others run
_MODEL = re.compile(rb'"model":\s*"([^"]*)"')
_OUTPUT = re.compile(rb'"max_tokens":\s*(\d+)')
_GAP = re.compile(rb'"user":\s*"gap-(\d+)"')
_STREAM = re.compile(rb'"stream":\s*true')

_wholes: dict[tuple[bytes, int], bytes] = {}


def usage(output: int) -> bytes:
    """The usage object of an answer with `output` tokens."""
    return b'{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}' % (
        PROMPT_TOKENS,
        output,
        PROMPT_TOKENS + output,
    )


def whole(model: bytes, output: int) -> bytes:
    """A whole HTTP answer."""
    body = (
        b'{"id":"chatcmpl-bench","object":"chat.completion","created":1790000000,"model":"%b","choices":[{"index":0,'
        b'"message":{"role":"assistant","content":"%b"},"logprobs":null,"finish_reason":"stop"}],"usage":%b}'
    ) % (model, b" ".join([b"word"] * output), usage(output))
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def event(model: bytes, delta: bytes, finish: bytes = b"null", report: bytes = b"null") -> bytes:
    """One event of a stream as one HTTP chunk. An empty `delta` is the event that carries only usage."""
    choice = b'{"index":0,"delta":%b,"logprobs":null,"finish_reason":%b}' % (delta, finish) if delta else b""
    data = (
        b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1790000000,"model":"%b",'
        b'"choices":[%b],"usage":%b}\n\n'
    ) % (model, choice, report)
    return b"%x\r\n%b\r\n" % (len(data), data)


class Connection(asyncio.Protocol):
    """One kept-alive connection."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._body: list[bytes] = []
        self._closed = False
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own, by another name

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._closed = True
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        body, self._body = b"".join(self._body), []
        found = _OUTPUT.search(body)
        output = int(found[1]) if found else OUTPUT_TOKENS
        named = _MODEL.search(body)
        model = named[1] if named else b"none"
        if _STREAM.search(body):
            gap = _GAP.search(body)
            loop = asyncio.get_running_loop()
            self._playing = loop.create_task(self._stream(model, output, int(gap[1]) / 1000 if gap else 0))
            return
        answer = _wholes.get((model, output))
        if answer is None:
            answer = _wholes[model, output] = whole(model, output)
        self._transport.write(answer)

    async def _stream(self, model: bytes, output: int, gap: float) -> None:
        """All chunks on a schedule of their own: one that went out late does not delay those after it."""
        loop = asyncio.get_running_loop()
        chunk = event(model, b'{"content":"word "}')
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            + event(model, b'{"role":"assistant","content":""}')
        )
        due = loop.time()
        for number in range(output):
            if gap:
                due += gap
                await asyncio.sleep(due - loop.time())
            elif number % 16 == 0:
                await asyncio.sleep(0)
            if not self._writable.is_set():
                await self._writable.wait()
            if self._closed:
                return
            self._transport.write(chunk)
        last = event(model, b"{}", b'"stop"') + event(model, b"", report=usage(output))
        self._transport.write(last + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")


async def main() -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", int(os.environ["PORT"]), backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
