"""The same table as django-ninja operations: the OpenAPI document, and the door of servers without the fast lane."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI, Path

from gateway.api import schemas
from gateway.api.entries import ENTRIES, METHODS
from gateway.api.refusals import refuse
from gateway.api.serve import Entry, Incoming, serve
from gateway.errors import RequestTooLarge
from gateway.relay import Answer

EVERY_METHOD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

api = NinjaAPI(
    title="Tollgate",
    version="1",
    description="One key and one prepaid balance for chat, image and video models.",
    docs_url=None,
    openapi_url="/openapi.json",
    urls_namespace="gateway",
)


def incoming_of(request: HttpRequest) -> Incoming:
    """Django's request as the doors know it."""

    async def read() -> bytes:
        limit = settings.MAX_BODY_BYTES
        announced = request.headers.get("content-length", "")
        size = int(announced) if announced.isdigit() else 0
        body = b"" if size > limit else request.body
        if max(size, len(body)) > limit:
            raise RequestTooLarge(
                f"The body is larger than the {limit} bytes that one request may have.",
                limit_bytes=limit,
                size_bytes=max(size, len(body)),
            )
        return body

    return Incoming(
        method=request.method or "",
        path=request.path,
        query=request.META.get("QUERY_STRING", ""),
        headers={name.lower(): value for name, value in request.headers.items()},
        peer=request.META.get("REMOTE_ADDR", ""),
        read=read,
    )


def response_of(answer: Answer) -> HttpResponseBase:
    """An answer as Django sends it. Django closes a stream's owner by itself, however the response ends."""
    response: HttpResponseBase
    if isinstance(answer.body, bytes):
        response = HttpResponse(answer.body, status=answer.status)
    else:
        response = StreamingHttpResponse(answer.body, status=answer.status)
    del response["content-type"]
    for name, value in answer.headers:
        response[name] = value
    return response


def _view(entry: Entry) -> Callable[..., Awaitable[HttpResponseBase]]:
    async def operation(request: HttpRequest, **parameters: Any) -> HttpResponseBase:
        return response_of(await serve(incoming_of(request), entry))

    return _with_parameters(operation, entry.path)


def _with_parameters(
    view: Callable[..., Awaitable[HttpResponseBase]], path: str
) -> Callable[..., Awaitable[HttpResponseBase]]:
    """Tell ninja of the parameters in a path, whose names it otherwise reads from a function's own."""
    source: Any = Path(...)  # type: ignore[type-arg]
    contributed = [(name, str, source) for name in re.findall(r"{(\w+)}", path)]
    setattr(view, "_ninja_contribute_args", contributed)  # noqa: B010 — mypy knows no such attribute
    return view


for (_method, _path), _entry in ENTRIES.items():
    api.api_operation(
        [_method],
        _path,
        operation_id=schemas.operation_id(_method, _path),
        summary=schemas.summary(_method, _path),
        tags=[_path.strip("/").rpartition("/")[0] or "aliases"],
        openapi_extra=schemas.described(_method, _path),
    )(_view(_entry))


def _refusal(path: str, allowed: list[str]) -> Callable[..., Awaitable[HttpResponseBase]]:
    """Ninja's own answer to a wrong method is in nobody's dialect."""

    async def refusal(request: HttpRequest, **parameters: Any) -> HttpResponseBase:
        return response_of(refuse(incoming_of(request), allowed))

    return _with_parameters(refusal, path)


for _path, _allowed in METHODS.items():
    api.api_operation([method for method in EVERY_METHOD if method not in _allowed], _path, include_in_schema=False)(
        _refusal(_path, _allowed)
    )


@csrf_exempt
async def nowhere(request: HttpRequest, *arguments: Any, **parameters: Any) -> HttpResponseBase:
    """The last URL of the site: nothing is here."""
    return response_of(refuse(incoming_of(request)))
