"""`manage.py simulator` serves on the port that it was given, and says so when it cannot."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.gateway.simulator.asking import body

ROOT = Path(__file__).resolve().parents[3]


def started(*arguments: str) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    command = [sys.executable, "manage.py", "simulator", *arguments]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.fixture
def port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number


def test_the_command_serves_until_it_is_interrupted(port: int) -> None:
    simulator = started("--port", str(port), "--pace", "instant", "--model", "mine")
    try:
        assert simulator.stdout
        assert simulator.stdout.readline() == f"The simulator listens at http://127.0.0.1:{port}/v1\n"
        transport = httpx.HTTPTransport(retries=8)  # with growing pauses, until it listens
        with httpx.Client(transport=transport, headers={"authorization": "Bearer k"}, timeout=20) as client:
            url = f"http://127.0.0.1:{port}/v1/chat/completions"
            assert (
                client.post(url, json=body("Say hi", model="mine")).json()["choices"][0]["message"]["content"] == "hi"
            )
            with pytest.raises(httpx.RemoteProtocolError):
                client.post(url, json=body("Say hi [[fault: cut-stream]]", model="mine"))
    finally:
        simulator.send_signal(signal.SIGTERM)
        output, errors = simulator.communicate(timeout=20)
    assert (output, errors) == ("", "")  # not even a cut stream is worth a line


def test_a_port_that_is_taken_is_told_in_one_line(port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        _, errors = started("--port", str(port)).communicate(timeout=60)
    assert f"CommandError: The simulator could not listen on 127.0.0.1:{port}." in errors
    assert "Traceback" not in errors


def test_a_pace_that_cannot_be_read_is_told_in_one_line(port: int) -> None:
    simulator = started("--port", str(port), "--pace", "allegro")
    _, errors = simulator.communicate(timeout=60)
    assert errors.startswith("CommandError: The pace cannot be read")
    assert simulator.returncode == 1
