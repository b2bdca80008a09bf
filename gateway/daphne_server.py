"""Daphne on uvloop, for `SERVER=daphne`: `python -m gateway.daphne_server -b HOST -p PORT gateway.asgi:application`."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import uvloop

uvloop.install()  # before daphne chooses Twisted's reactor

from daphne.cli import CommandLineInterface  # noqa: E402
from daphne.server import Server  # noqa: E402
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol  # noqa: E402
from django.conf import settings  # noqa: E402
from twisted.internet.defer import Deferred  # noqa: E402
from twisted.web import http  # noqa: E402

# Twisted reads the Content-Type of each request with the e-mail parser, a fifth of its time; few values ever come.
if hasattr(http, "_parseContentType"):
    http._parseContentType = functools.lru_cache(256)(http._parseContentType)


class ClosingProtocol(WebSocketProtocol):  # type: ignore[misc]
    """Daphne closes with no reason and no code below 3000, and cuts off who says too much without a word."""

    def onConnect(self, request: Any) -> Any:  # noqa: N802 — Autobahn's name
        """A new connection."""
        self.failByDrop = False
        return super().onConnect(request)

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Do what the application says."""
        if message["type"] == "websocket.close" and self.state != self.STATE_CONNECTING:
            self.sendCloseFrame(message.get("code", 1000), message.get("reason", "").encode() or None)
        else:
            super().handle_reply(message)


WebSocketFactory.protocol = ClosingProtocol


class SettlingServer(Server):  # type: ignore[misc]
    """Daphne tells an application nothing of its end, but calls that it cuts off must still be settled."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        most = settings.SOCKET_MESSAGE_BYTES
        super().__init__(*arguments, **{**named, "websocket_max_message_size": most, "websocket_max_frame_size": most})

    def kill_all_applications(self) -> Deferred[Any]:
        """Cancel what runs, and wait until the books are closed."""
        cut_off: Deferred[Any] = super().kill_all_applications()
        return cut_off.addBoth(lambda _: Deferred.fromFuture(asyncio.ensure_future(self.application.end())))


CommandLineInterface.server_class = SettlingServer

if __name__ == "__main__":
    CommandLineInterface.entrypoint()
