"""Writing to the database from asynchronous code, with the ORM: one of the few borders to synchronous code.

For what is written once a request: idempotency keys, chats, jobs. The money of a call goes through gateway/till.py.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import Error, connection

from gateway.errors import InternalError

Value = TypeVar("Value")
Arguments = ParamSpec("Arguments")

THREADS = 8  # each with a connection of its own
_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="writing")


async def write(function: Callable[Arguments, Value], *arguments: Arguments.args, **named: Arguments.kwargs) -> Value:
    """What a synchronous function that writes returns. Raises InternalError when the database is away.

    It runs once: what is lost half-way is not repeated, so a caller who repeats must be able to.
    """

    def on_a_living_connection() -> Value:
        connection.close_if_unusable_or_obsolete()  # it may have died with a restarted database
        return function(*arguments, **named)

    try:
        return await sync_to_async(on_a_living_connection, thread_sensitive=False, executor=_pool)()
    except Error as error:
        raise InternalError("The database cannot be reached right now. Try again in a moment.") from error
