"""/v1/llm/chat/jobs: chat completions that are worked on in the background, for long answers and for clients that read
no streams (spec 000). Submit, then ask with `wait`; the answer comes when it is ready."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from uuid import UUID

import msgspec

from accounts.keys import Caller
from billing import pricing, wallets
from billing.pricing import usd_text
from gateway import callid, memory, waiting
from gateway.api.native import asking
from gateway.api.native.chat import choices_in, described, with_model
from gateway.api.native.chats import must_be_general
from gateway.api.native.face import NATIVE, success
from gateway.api.serve import Entry, Incoming, must_be_json
from gateway.dialects.openai_chat import costing
from gateway.errors import (
    ConcurrencyLimit,
    InsufficientBalance,
    JobConflict,
    MissingParameter,
    ResourceNotFound,
)
from gateway.jobs import chat, lifecycle, queueing
from gateway.jobs.lifecycle import JobOver, JobUnknown, TooManyJobs
from gateway.models import Job
from gateway.reading import read
from gateway.relay import Answer, check, find, permit
from gateway.writing import write

LONGEST_WAIT = 60  # seconds; proxies on the way bear about a hundred
LOOK_SECONDS = 5  # a job is looked at so often even without a notice
CANCEL_SECONDS = 5  # how long a cancellation waits for the worker to stop
KIND = "chat"

Status = Job.Status


async def submit(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """POST /v1/llm/chat/jobs: the body of a chat completion, with any `max_tokens`; `stream` means nothing here.

    What can be known to be wrong is refused now; whether the balance covers it all is known when the work begins.
    """
    must_be_json(incoming)
    must_be_general(caller, incoming)
    body, _ = costing.asked(await incoming.read())
    try:
        envelope = NATIVE.request.peek(body)
    except MissingParameter:
        body = with_model(body)
        envelope = NATIVE.request.peek(body)
    model, _ = find(await memory.catalogue(), envelope.model, caller)
    permit(caller, chat.WORK, model)
    check(chat.WORK, envelope, body)
    balance = await read(wallets.balance_of, caller.organization_id)
    if balance.available_nusd <= 0:
        raise InsufficientBalance(
            balance_usd=pricing.usd_text(balance.balance_nusd), held_usd=pricing.usd_text(balance.held_nusd)
        )
    assert caller.key_id is not None
    try:
        job = await write(
            lifecycle.submit, caller.organization_id, caller.key_id, KIND, model.slug, _checked(body), identity
        )
    except TooManyJobs:
        raise ConcurrencyLimit("Too many jobs of this account are under way.", resource="jobs") from None
    queueing.announce(job.pk)
    answer = success({"job_id": public_id(job.pk), "status": job.status, "model": job.model}, "The job is queued.")
    answer.status = 202
    return answer


async def show(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """GET /v1/llm/chat/jobs/{job_id}?wait=seconds: how it stands, at the latest when it is over or the wait is."""
    must_be_general(caller, incoming)
    job_id = job_id_of(incoming)
    wait = asking.whole(asking.query_of(incoming.query), "wait", 0, least=0, most=LONGEST_WAIT)
    job = await _over(caller, job_id, wait)
    return success(await printed(caller, job))


async def cancel(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """POST /v1/llm/chat/jobs/{job_id}/cancel: the model stops; what it has written until then is charged and told."""
    must_be_general(caller, incoming)
    job_id = job_id_of(incoming)
    try:
        await write(lifecycle.cancel, caller.organization_id, job_id)
    except JobUnknown:
        raise _no_job(job_id) from None
    except JobOver as over:
        raise JobConflict(job_id=public_id(job_id), job_status=over.status) from None
    return success(await printed(caller, await _over(caller, job_id, CANCEL_SECONDS)), "The job is cancelled.")


async def _over(caller: Caller, job_id: UUID, wait: float) -> Job:
    """The job when it is over, or as it stands after `wait` seconds. Raises ResourceNotFound."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    while True:
        with waiting.notices(job_id) as notice:
            try:
                job = await read(lifecycle.find, caller.organization_id, job_id)
            except JobUnknown:
                raise _no_job(job_id) from None
            left = deadline - loop.time()
            if job.status not in lifecycle.OPEN or left <= 0:
                return job
            await waiting.noticed(notice, min(left, LOOK_SECONDS))


async def printed(caller: Caller, job: Job) -> dict[str, Any]:
    """A job as its customer sees it."""
    told: dict[str, Any] = {
        "job_id": public_id(job.pk),
        "status": job.status,
        "model": job.model,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
    }
    if job.status in lifecycle.OPEN:
        return told
    if job.error_code:
        told |= {"error": job.error, "error_code": job.error_code}
    if job.result is not None:
        choices = [described(choice) for choice in choices_in(bytes(job.result))]
        told |= choices[0] if choices else {"content": ""}
        if len(choices) > 1:
            told["choices"] = choices
    if job.status != Status.COMPLETED:
        told["finish_reason"] = None  # what there is of an answer did not come to its end
    balance = await read(wallets.balance_of, caller.organization_id)
    return told | figures(job) | {"balance_usd": msgspec.Raw(usd_text(balance.balance_nusd).encode())}


def figures(job: Job) -> dict[str, Any]:
    """What a job that is over consumed and cost."""
    usage = {name: int(job.usage.get(name, 0)) for name in lifecycle.TOKENS}
    prompt = sum(
        usage[name]
        for name in ("input", "cached_input", "cache_write_5m", "cache_write_1h", "audio_input", "image_input")
    )
    completion = sum(usage.values()) - prompt
    return {
        "request_id": callid.request_id(job.call_id),
        "tokens_used": prompt + completion,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "cached_tokens": usage["cached_input"],
        "reasoning_tokens": usage["reasoning"],
        "cost_usd": msgspec.Raw(usd_text(job.cost_nusd).encode()),
    }


def public_id(job_id: UUID) -> str:
    """What customers see."""
    return f"job_{job_id.hex}"


def job_id_of(incoming: Incoming) -> UUID:
    """The job that an address names. Raises ResourceNotFound for one that cannot be."""
    text = incoming.path.split("/")[5]
    known = re.fullmatch(r"(?:job_)?([0-9a-f]{32})", text, re.ASCII)
    if known is None:
        raise ResourceNotFound("There is no such job.", resource="job", id=text)
    return UUID(known[1])


def _no_job(job_id: UUID) -> ResourceNotFound:
    return ResourceNotFound("There is no such job.", resource="job", id=public_id(job_id))


def _checked(body: bytes) -> bytes:
    """The body, whose members are edited later. Raises InvalidJson when one stands twice."""
    NATIVE.request.retarget(body, model=None, ask_usage=True, max_output=None)
    return body


ENTRIES = [
    Entry("POST", "/v1/llm/chat/jobs", NATIVE, "chat", submit),
    Entry("GET", "/v1/llm/chat/jobs/{job_id}", NATIVE, "all", show, takes_body=False),
    Entry("POST", "/v1/llm/chat/jobs/{job_id}/cancel", NATIVE, "all", cancel, takes_body=False),
]
