"""`/healthz` for load balancers: 200 while this worker can take money and look up keys, 503 while it cannot."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse


def ready(request: HttpRequest) -> JsonResponse:
    """Whether the database answers. Redis is not asked: without it limits are off, but calls are served."""
    try:
        connection.ensure_connection()
    except DatabaseError:
        return JsonResponse({"status": "waiting for the database"}, status=503)
    return JsonResponse({"status": "ok"})
