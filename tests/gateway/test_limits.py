"""Requests per minute and open calls, counted in Redis: exact over all workers, never in the way when it is down."""

import asyncio
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from redis import Redis

from accounts.callers import Caller
from gateway import errors, limits, redis_pipe
from gateway.limits import LEASE_SECONDS, WINDOW_SECONDS, Window, admit, leave
from tests.gateway.callers import stranger

ROOT = Path(__file__).resolve().parents[2]
Story = Callable[[], Coroutine[Any, Any, Any]]


def told(story: Story) -> Any:
    """Run a story on an event loop of its own, with its own connection to Redis."""

    async def whole() -> Any:
        try:
            return await story()
        finally:
            await redis_pipe.close()

    return asyncio.run(whole())


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy with other tests must not look like a dead Redis here."""
    monkeypatch.setattr(redis_pipe, "PATIENCE", 20.0)


@pytest.fixture
def alice() -> Caller:
    """A caller with 5 chat requests and 2 images a minute."""
    return stranger()


@pytest.fixture
def memory() -> Iterator[Redis]:
    """The Redis of the tests, for looking behind the scenes."""
    with Redis.from_url(settings.REDIS_URL) as client:
        yield client


def log_of(caller: Caller, scope: str = "chat") -> str:
    return f"tollgate:{{k{caller.key_id}}}:{scope}"


def open_of(caller: Caller) -> str:
    return f"tollgate:{{k{caller.key_id}}}:open"


def age(memory: Redis, caller: Caller, milliseconds: int) -> None:
    """Let the caller's requests have happened earlier than they did."""
    moments = [int(moment) - milliseconds for moment in memory.lrange(log_of(caller), 0, -1)]
    memory.delete(log_of(caller))
    memory.rpush(log_of(caller), *moments)


async def several(caller: Caller, count: int, scope: str = "chat") -> list[Window]:
    return list(await asyncio.gather(*(admit(caller, scope) for _ in range(count))))


def test_a_key_may_make_exactly_as_many_requests_as_its_limit_says(alice: Caller) -> None:
    windows = told(lambda: several(alice, 8))
    assert [window.allowed for window in windows] == [True] * 5 + [False] * 3
    assert [window.remaining for window in windows] == [4, 3, 2, 1, 0, 0, 0, 0]
    assert {window.limit for window in windows} == {5}
    for window in windows:
        assert time.time() < window.reset_at <= time.time() + WINDOW_SECONDS + 1
        assert 0 < window.retry_after <= WINDOW_SECONDS if not window.allowed else window.retry_after == 0


def test_the_headers_tell_limit_remaining_and_reset_on_answers_and_refusals_alike(alice: Caller) -> None:
    first, *_, last = told(lambda: several(alice, 6))
    for window, remaining in ((first, "4"), (last, "0")):
        said = dict(limits.headers(window))
        assert said["x-ratelimit-limit-requests"] == "5"
        assert said["x-ratelimit-remaining-requests"] == remaining
        assert said["x-ratelimit-reset-requests"] == str(window.reset_at)
        assert len(said["x-ratelimit-reset-requests"]) == 10, "seconds since 1970, not milliseconds or a distance"


def test_a_refusal_says_when_to_come_back(alice: Caller, memory: Redis) -> None:
    told(lambda: several(alice, 5))
    age(memory, alice, 20_500)
    window = told(lambda: admit(alice, "chat"))
    error = limits.refusal(window, "chat")
    assert isinstance(error, errors.RateLimitPerKey)
    assert error.retry_after == window.retry_after == 40
    assert error.meta == {
        "limit": 5,
        "window_seconds": 60,
        "remaining": 0,
        "reset_at": window.reset_at,
        "scope": "chat",
    }
    assert abs(window.reset_at - (time.time() + 39.5)) <= 1.5


def test_the_window_slides_so_each_place_becomes_free_a_minute_after_it_was_taken(alice: Caller, memory: Redis) -> None:
    told(lambda: several(alice, 2))
    age(memory, alice, 50_000)
    told(lambda: several(alice, 3))
    assert not told(lambda: admit(alice, "chat")).allowed
    age(memory, alice, 10_001)  # the first two are over, the other three are not
    windows = told(lambda: several(alice, 3))
    assert [window.allowed for window in windows] == [True, True, False]


def test_a_refused_request_takes_no_place(alice: Caller, memory: Redis) -> None:
    told(lambda: several(alice, 50))
    assert memory.llen(log_of(alice)) == 5
    age(memory, alice, 60_000)
    assert all(window.allowed for window in told(lambda: several(alice, 5)))


def test_chat_images_and_videos_are_counted_apart(alice: Caller) -> None:
    async def story() -> None:
        assert [window.allowed for window in await several(alice, 3, "images")] == [True, True, False]
        assert [window.allowed for window in await several(alice, 3, "videos")] == [True, True, False]
        assert [window.allowed for window in await several(alice, 6, "all")] == [True] * 5 + [False]
        assert all(window.allowed for window in await several(alice, 5, "chat"))

    told(story)


def test_keys_do_not_count_for_one_another_and_neither_do_callers_without_a_key(alice: Caller) -> None:
    nobody = secrets.randbits(50)
    others = [
        replace(alice, key_id=secrets.randbits(50)),
        replace(alice, key_id=None, user_id=nobody),
        replace(alice, key_id=None, user_id=None, organization_id=nobody),
    ]

    async def story() -> None:
        await several(alice, 6)
        for other in others:
            assert [window.allowed for window in await several(other, 6)] == [True] * 5 + [False]

    told(story)


def test_a_key_without_a_limit_is_never_refused_and_has_no_figures(alice: Caller, memory: Redis) -> None:
    free = replace(alice, chat_rpm=None)
    windows = told(lambda: several(free, 20))
    assert all(window.allowed and limits.headers(window) == [] for window in windows)
    assert not memory.exists(log_of(free))


def test_a_limit_of_zero_refuses_everything(alice: Caller) -> None:
    window = told(lambda: admit(replace(alice, chat_rpm=0), "chat"))
    assert not window.allowed
    assert window.retry_after == WINDOW_SECONDS


def test_a_limit_that_was_lowered_waits_for_the_request_that_makes_room(alice: Caller, memory: Redis) -> None:
    told(lambda: several(alice, 2))
    age(memory, alice, 30_000)
    told(lambda: several(alice, 3))
    window = told(lambda: admit(replace(alice, chat_rpm=2), "chat"))
    assert not window.allowed
    assert window.retry_after == 60, "the three young requests still fill two places when the old ones are over"


def test_a_clock_that_was_set_back_does_not_lock_a_key_out(alice: Caller, memory: Redis) -> None:
    told(lambda: several(alice, 5))
    age(memory, alice, -3_600_000)
    assert told(lambda: admit(alice, "chat")).allowed


def test_what_is_kept_about_a_key_goes_away_by_itself(alice: Caller, memory: Redis) -> None:
    told(lambda: admit(alice, "chat", uuid4()))
    assert 0 < memory.pttl(log_of(alice)) <= WINDOW_SECONDS * 1000
    assert 0 < memory.pttl(open_of(alice)) <= LEASE_SECONDS * 1000


WORKER = """
import asyncio, sys
from django.conf import settings
settings.configure(REDIS_URL=sys.argv[1], MAX_OPEN_CALLS_PER_KEY=9)
from gateway import limits, redis_pipe
from tests.gateway.callers import stranger
redis_pipe.PATIENCE = 20.0
async def story(key_id):
    caller = stranger(key_id=key_id, chat_rpm=100)
    await limits.admit(caller, "images")
    print("ready", flush=True)
    sys.stdin.readline()
    windows = await asyncio.gather(*(limits.admit(caller, "chat") for _ in range(60)))
    print(sum(window.allowed for window in windows), sum(window.limit is None for window in windows), flush=True)
    await redis_pipe.close()
asyncio.run(story(int(sys.argv[2])))
"""


def test_four_processes_that_ask_at_once_do_not_exceed_the_limit_together(alice: Caller) -> None:
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, settings.REDIS_URL, str(alice.key_id)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    answers = []
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        out, _ = worker.communicate()
        answers.append([int(number) for number in out.split()])
    assert sum(allowed for allowed, _ in answers) == 100
    assert sum(unknown for _, unknown in answers) == 0


def test_a_key_has_only_so_many_calls_open_and_a_call_too_many_takes_no_place(
    alice: Caller, memory: Redis, settings: Any
) -> None:
    settings.MAX_OPEN_CALLS_PER_KEY = 2
    calls = [uuid4() for _ in range(4)]

    async def story() -> None:
        assert (await admit(alice, "chat", calls[0])).allowed
        assert (await admit(alice, "images", calls[1])).allowed
        window = await admit(alice, "chat", calls[2])
        assert not window.allowed
        error = limits.refusal(window, "chat")
        assert isinstance(error, errors.ConcurrencyLimit)
        assert error.meta == {"limit": 2, "in_flight": 2, "resource": "calls"}
        assert error.retry_after
        assert dict(limits.headers(window))["x-ratelimit-remaining-requests"] == "4"
        assert memory.llen(log_of(alice)) == 1
        assert (await admit(alice, "all", calls[2])).allowed, "listings are no calls"
        limits._register().renew()
        await redis_pipe.current().call("PING")
        assert memory.zcard(open_of(alice)) == 2, "what was refused is not renewed either"
        await leave(alice, calls[2])  # it was never in
        assert not (await admit(alice, "chat", calls[2])).allowed
        await leave(alice, calls[0])
        await leave(alice, calls[0])
        assert (await admit(alice, "chat", calls[3])).allowed
        assert not (await admit(alice, "chat", calls[2])).allowed
        await leave(alice, calls[1])
        await leave(alice, calls[3])

    told(story)
    assert memory.zcard(open_of(alice)) == 0


def test_without_a_limit_of_open_calls_nothing_is_kept_about_them(alice: Caller, memory: Redis, settings: Any) -> None:
    settings.MAX_OPEN_CALLS_PER_KEY = 0
    told(lambda: admit(alice, "chat", uuid4()))
    assert not memory.exists(open_of(alice))


def test_the_open_calls_of_a_killed_worker_stop_counting_and_those_of_a_living_one_do_not(
    alice: Caller, memory: Redis, settings: Any
) -> None:
    settings.MAX_OPEN_CALLS_PER_KEY = 3
    living = uuid4()
    told(lambda: admit(alice, "chat", uuid4()))  # its worker is gone: nobody renews it

    async def story() -> None:
        await admit(alice, "chat", living)
        for call in memory.zrange(open_of(alice), 0, -1):
            memory.zincrby(open_of(alice), -(LEASE_SECONDS - 1) * 1000, call)  # a second before the end
        limits._register().renew()
        await redis_pipe.current().call("PING")
        for call in memory.zrange(open_of(alice), 0, -1):
            memory.zincrby(open_of(alice), -2000, call)
        window = await admit(alice, "chat", uuid4())
        assert window.allowed
        assert window.open_calls == 1, "the living one"
        assert memory.zscore(open_of(alice), living.hex)

    told(story)


def test_a_restarted_redis_learns_again_what_is_open(alice: Caller, memory: Redis) -> None:
    call = uuid4()

    async def story() -> None:
        await admit(alice, "chat", call)
        memory.delete(open_of(alice))
        limits._register().renew()
        await redis_pipe.current().call("PING")
        assert memory.zscore(open_of(alice), call.hex)
        await leave(alice, call)
        limits._register().renew()
        await redis_pipe.current().call("PING")
        assert not memory.exists(open_of(alice))

    told(story)


def test_a_customer_who_leaves_while_being_admitted_leaves_no_open_call_behind(alice: Caller, memory: Redis) -> None:
    async def story() -> None:
        await redis_pipe.current().call("PING")
        asking = asyncio.ensure_future(admit(alice, "chat", uuid4()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await redis_pipe.current().call("PING")
        assert memory.zcard(open_of(alice)) == 0

    told(story)
