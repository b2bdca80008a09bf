"""Reading the books and the accounts for an answer: one of the few borders to synchronous code.

Reports have threads of their own, so that a slow one never keeps a call from recognising its key.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import Error, InterfaceError, OperationalError, connection

from gateway.errors import InternalError

Value = TypeVar("Value")
Arguments = ParamSpec("Arguments")

THREADS = 4  # each with a connection of its own
_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="reading")


async def read(function: Callable[Arguments, Value], *arguments: Arguments.args, **named: Arguments.kwargs) -> Value:
    """What a synchronous function reads from the database. Raises InternalError when the database is away."""
    try:
        return await sync_to_async(_patiently, thread_sensitive=False, executor=_pool)(
            lambda: function(*arguments, **named)
        )
    except Error as error:
        raise InternalError("The books cannot be read right now. Try again in a moment.") from error


def _patiently(function: Callable[[], Value]) -> Value:
    try:
        return function()
    except (OperationalError, InterfaceError):
        # This thread's connection may have died with a restarted database; nobody else would replace it.
        connection.close()
        return function()
