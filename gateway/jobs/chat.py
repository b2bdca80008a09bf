"""Jobs that are a chat completion, of any length. The provider is asked for a stream, so that a long answer is not lost
to silence, is paid for in steps, and stops when the job is cancelled."""

from __future__ import annotations

import msgspec

from accounts import keys
from accounts.keys import Caller, KeyDisabled, KeyUnknown, OrganizationDisabled
from gateway import sse
from gateway.canonical import End
from gateway.dialects import DIALECTS
from gateway.dialects.assembly import Assembly
from gateway.dialects.members import Edit, edited, inserted, members, opening
from gateway.errors import CODES, AccountDisabled, ApiKeyDisabled, GatewayError, InternalError, InvalidApiKey
from gateway.jobs.kinds import Progress
from gateway.models import Job
from gateway.reading import read
from gateway.relay import Operation, relay

CHAT = DIALECTS["openai_chat"]
WORK = Operation("chat.jobs", "llm", CHAT)


async def answer(job: Job, progress: Progress) -> bytes:
    """The whole answer, as a chat completion. Raises GatewayError: what the relay raises, or what broke the stream."""
    caller = await caller_of(job)
    body = streamed(bytes(job.request))
    stream = (await relay(caller, WORK, body, job.call_id, envelope=CHAT.request.peek(body))).body
    assert not isinstance(stream, bytes)
    splitter, parser, assembly = sse.Splitter(), CHAT.stream.parser(), Assembly()

    def whole() -> bytes:
        completion = assembly.completion
        completion.id, completion.model = f"chatcmpl-{job.call_id.hex}", job.model
        return CHAT.response.render(completion)

    def part() -> bytes | None:
        assembly.feed(End())  # what was begun is as whole as it will ever be
        return whole() if any(choice.parts for choice in assembly.completion.choices) else None

    progress.part = part
    try:
        async for chunk in stream:
            for raw in splitter.feed(chunk):
                told = error_in(raw)
                if told is not None:
                    raise told
                for event in parser.feed(raw):
                    assembly.feed(event)
    finally:
        stream.close()
    for event in parser.finish():
        assembly.feed(event)
    return whole()


async def caller_of(job: Job) -> Caller:
    """Who submitted the job, with the rights that the key has now. Raises what a call of theirs would raise."""
    try:
        return await read(keys.recognise_key, job.key_id)
    except KeyUnknown:
        raise InvalidApiKey("The API key that submitted this job is gone.") from None
    except KeyDisabled as error:
        raise ApiKeyDisabled(reason=error.reason, since=error.since) from None
    except OrganizationDisabled as error:
        raise AccountDisabled(reason=error.reason) from None


def streamed(body: bytes) -> bytes:
    """The same request for a stream. The body has been read before: it is an object, and no member stands twice."""
    known = members(body)
    if "stream" not in known:
        return edited(body, [inserted(body, "stream", b"true", after=opening(body))])
    return edited(body, [Edit(*known["stream"], b"true")])


def error_in(raw: bytes) -> GatewayError | None:
    """The error that this event of our own stream tells of."""
    data = sse.data(raw) if b'"error"' in raw else None
    value = msgspec.json.decode(data) if data else None
    if not isinstance(value, dict) or not isinstance(value.get("error"), dict):
        return None
    told = value["error"]
    return CODES.get(told.get("code") or "", InternalError)(told.get("message") or "")
