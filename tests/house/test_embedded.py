"""The embedded PostgreSQL and Redis: they come up, they remember, and no crash blocks the next start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from gateway import embedded, places, processes

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def throw_away(tmp_path: Path) -> Iterator[embedded.Postgres]:
    postgres = embedded.Postgres(tmp_path / "postgresql", durable=False)
    yield postgres
    postgres.destroy()


def remember(postgres: embedded.Postgres, word: str) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS words (word text)")
        connection.execute("INSERT INTO words VALUES (%s)", [word])


def remembered(postgres: embedded.Postgres) -> list[str]:
    with psycopg.connect(postgres.url()) as connection:
        return [row[0] for row in connection.execute("SELECT word FROM words ORDER BY word")]


def test_what_was_committed_survives_a_stop_and_a_crash(throw_away: embedded.Postgres) -> None:
    throw_away.start()
    remember(throw_away, "before the stop")
    throw_away.stop()
    throw_away.start()
    remember(throw_away, "before the crash")
    throw_away.kill()
    assert processes.at_home_in(throw_away.data, "postgres") == []
    throw_away.start()
    assert remembered(throw_away) == ["before the crash", "before the stop"]


def test_a_stale_pid_file_and_orphan_backends_do_not_block_the_next_start(throw_away: embedded.Postgres) -> None:
    throw_away.start()
    assert throw_away.process is not None
    connection = psycopg.connect(throw_away.url(), autocommit=True)
    connection.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 100000000000)")  # too busy to notice a death
    throw_away.process.kill()  # the postmaster alone
    throw_away.process.wait()
    assert processes.at_home_in(throw_away.data, "postgres")
    (throw_away.data / "postmaster.pid").write_text(f"{os.getpid()}\n{throw_away.data}\n")
    successor = embedded.Postgres(throw_away.home, durable=False)
    successor.start()
    connection.close()
    assert successor.process is not None
    assert successor.process.poll() is None
    successor.stop()


def test_an_interrupted_first_start_is_simply_begun_again(throw_away: embedded.Postgres) -> None:
    half = throw_away.home / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    throw_away.start()
    remember(throw_away, "here")
    assert not half.exists()


def test_a_killed_owner_takes_its_servers_with_it(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import pathlib, sys, time; from gateway import embedded; home = pathlib.Path(sys.argv[1]);"
            "postgres = embedded.Postgres(home / 'pg', durable=False); postgres.start();"
            "redis = embedded.Redis(home / 'redis'); redis.start(); print('up', flush=True); time.sleep(600)",
            str(tmp_path),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    postgres, redis_server = embedded.Postgres(tmp_path / "pg"), embedded.Redis(tmp_path / "redis")
    try:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"up\n"
        family = [
            *processes.at_home_in(postgres.data, "postgres"),
            *processes.at_home_in(redis_server.data, "redis-server"),
        ]
        assert len(family) > 2
        owner.send_signal(signal.SIGKILL)
        assert processes.left_after(20, family) == []
    finally:
        owner.kill()
        owner.wait()
        postgres.destroy()
        redis_server.destroy()


def test_redis_keeps_what_it_was_told_over_a_crash(tmp_path: Path) -> None:
    server = embedded.Redis(tmp_path / "redis")
    try:
        server.start()
        client = redis.Redis.from_url(server.url(3))
        client.set("word", "kept")
        client.close()
        server.stop()
        server.start()
        assert redis.Redis.from_url(server.url(3)).get("word") == b"kept"
        server.kill()
        server.start()
        assert redis.Redis.from_url(server.url(3)).get("word") == b"kept"
    finally:
        server.destroy()


def test_a_deep_directory_gets_its_sockets_elsewhere(tmp_path: Path) -> None:
    deep = tmp_path / ("a" * 60) / ("b" * 60)
    deep.mkdir(parents=True)
    postgres, redis_server = embedded.Postgres(deep / "pg", durable=False), embedded.Redis(deep / "redis")
    try:
        postgres.start()
        redis_server.start()
        remember(postgres, "deep")
        assert remembered(postgres) == ["deep"]
        assert redis.Redis.from_url(redis_server.url()).ping()
        assert len(f"{postgres.sockets}/.s.PGSQL.5432.lock") <= places.SOCKET_PATH_LIMIT
    finally:
        postgres.destroy()
        redis_server.destroy()


def test_the_servers_listen_on_no_port(throw_away: embedded.Postgres) -> None:
    throw_away.start()
    with psycopg.connect(throw_away.url()) as connection:
        row = connection.execute("SELECT current_setting('listen_addresses')").fetchone()
    assert row == ("",)
    assert throw_away.sockets.stat().st_mode & 0o077 == 0


def test_a_directory_of_somebody_else_is_refused_with_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    monkeypatch.setattr(places.os, "geteuid", lambda: theirs.stat().st_uid + 1)
    with pytest.raises(places.Unusable, match="belongs to another user"):
        places.claim(theirs, None)


def test_a_symlink_is_never_taken_for_a_private_directory(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(places.Unusable):
        places.claim(tmp_path / "link", None)


def test_what_an_account_may_enter_is_read_from_every_directory_above(tmp_path: Path) -> None:
    somebody = places.Account("somebody", 54321, 54321)
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    for directory in (tmp_path.parent, tmp_path, inner.parent, inner):
        directory.chmod(0o755)
    open_above = places.enterable(tmp_path, somebody)
    assert places.enterable(inner, somebody) is open_above
    inner.parent.chmod(0o700)
    assert not places.enterable(inner, somebody)
    assert places.enterable(inner, None)


def test_programs_out_of_reach_are_copied_to_where_they_can_be_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "LASTING", tmp_path / "lasting")
    (tmp_path / "lasting").mkdir()
    package, library = tmp_path / "hidden" / "wheel" / "pg", tmp_path / "hidden" / "wheel.libs"
    for directory in (package / "bin", library):
        directory.mkdir(parents=True)
    (package / "bin" / "postgres").write_text("#!/bin/sh\n")
    (package / "bin" / "postgres").chmod(0o700)
    (library / "libpq.so").write_text("")
    (library / "libpq.so").chmod(0o600)
    (tmp_path / "hidden").chmod(0o700)
    monkeypatch.setattr(places, "enterable", lambda *_: False)
    reached = places.programs(package, "wheel.libs", places.Account("somebody", 54321, 54321))
    assert reached == places.programs(package, "wheel.libs", places.Account("somebody", 54321, 54321))
    assert (reached / "bin" / "postgres").stat().st_mode & 0o777 == 0o755
    assert (reached.parent.parent / "wheel.libs" / "libpq.so").stat().st_mode & 0o777 == 0o644
    assert reached.parent.stat().st_mode & 0o777 == 0o755


def test_a_removed_directory_means_a_fresh_start_even_where_the_data_lay_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places.os, "geteuid", lambda: 0)
    monkeypatch.setattr(places, "enterable", lambda *_: False)
    asked = tmp_path / "postgresql"
    first = places.home(asked)
    assert first.parent == places.LASTING
    assert places.home(asked) == first
    (asked / "elsewhere").unlink()
    assert places.home(asked) != first
