"""Daphne on uvloop, for `SERVER=daphne`: `python -m gateway.daphne_server -b HOST -p PORT gateway.asgi:application`."""

from __future__ import annotations

import functools

import uvloop

uvloop.install()  # before daphne chooses Twisted's reactor

from daphne.cli import CommandLineInterface  # noqa: E402
from twisted.web import http  # noqa: E402

# Twisted reads the Content-Type of each request with the e-mail parser, a fifth of its time; few values ever come.
if hasattr(http, "_parseContentType"):
    http._parseContentType = functools.lru_cache(256)(http._parseContentType)

if __name__ == "__main__":
    CommandLineInterface.entrypoint()
