"""`manage.py simulator`: run the make-believe provider on a port of its own."""

from __future__ import annotations

import logging
from argparse import ArgumentParser
from typing import Any

import uvicorn
from django.core.management.base import BaseCommand, CommandError

from gateway.providers.simulator.app import Simulator
from gateway.providers.simulator.pace import Pace


class Command(BaseCommand):
    """Serves until it is interrupted."""

    help = "Run the simulator: a make-believe provider that speaks all dialects, for first runs, demos and tests."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8100)
        parser.add_argument("--pace", help="natural (default), instant, or tokens per second; SIMULATOR_PACE otherwise")
        parser.add_argument("--model", action="append", default=[], help="offer this model only (repeatable)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            simulator = Simulator.from_environment()
            if options["pace"] or options["model"]:
                pace = Pace.read(options["pace"] or "natural")
                simulator = Simulator(pace=pace, models=tuple(options["model"]))
        except ValueError as error:
            raise CommandError(f"The pace cannot be read: {error}") from error
        self.stdout.write(f"The simulator listens at http://{options['host']}:{options['port']}/v1")
        serve(simulator, options["host"], options["port"])


def serve(simulator: Simulator, host: str, port: int) -> None:
    """Run the server in this process until SIGINT or SIGTERM."""
    config = uvicorn.Config(
        simulator,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    logging.getLogger("uvicorn.error").addFilter(_is_unwanted)
    try:
        uvicorn.Server(config).run()
    except SystemExit as error:
        raise CommandError(f"The simulator could not listen on {host}:{port}.") from error


def _is_unwanted(record: logging.LogRecord) -> bool:
    """Answers that are cut short are made on purpose here; everything else is worth a line in the log."""
    return "without completing response" not in record.getMessage()
