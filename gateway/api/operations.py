"""The same table as django-ninja operations: the OpenAPI document, and the door of servers without the fast lane."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI

from gateway.api import schemas
from gateway.api.entries import ENTRIES, METHODS
from gateway.api.refusals import refuse
from gateway.api.serve import Entry, Incoming, serve
from gateway.errors import RequestTooLarge
from gateway.passage import Stream
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
    if isinstance(answer.body, Stream):
        response = StreamingHttpResponse(answer.body, status=answer.status)
    else:
        response = HttpResponse(answer.body, status=answer.status)
    del response["content-type"]
    for name, value in answer.headers:
        response[name] = value
    return response


def _view(entry: Entry) -> Callable[..., Awaitable[HttpResponseBase]]:
    async def operation(request: HttpRequest, **parameters: Any) -> HttpResponseBase:
        return response_of(await serve(incoming_of(request), entry))

    if "{" in entry.path:

        async def with_parameter(request: HttpRequest, model: str) -> HttpResponseBase:
            return await operation(request)

        return with_parameter

    async def plain(request: HttpRequest) -> HttpResponseBase:
        return await operation(request)

    return plain


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

    async def refusal(request: HttpRequest) -> HttpResponseBase:
        return response_of(refuse(incoming_of(request), allowed))

    async def with_parameter(request: HttpRequest, model: str) -> HttpResponseBase:
        return await refusal(request)

    return with_parameter if "{" in path else refusal


for _path, _allowed in METHODS.items():
    api.api_operation([method for method in EVERY_METHOD if method not in _allowed], _path, include_in_schema=False)(
        _refusal(_path, _allowed)
    )


@csrf_exempt
async def nowhere(request: HttpRequest, *arguments: Any, **parameters: Any) -> HttpResponseBase:
    """The last URL of the site: nothing is here."""
    return response_of(refuse(incoming_of(request)))
