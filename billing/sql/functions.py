"""The way from Python to the books: installs the functions of this folder, and calls them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from django.db import connection
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

FOLDER = Path(__file__).parent
# In the order in which they build upon one another; every file may be installed again over itself.
FUNCTIONS = ("call_ids", "guards", "partitions", "caps", "place", "extend", "settle", "release", "post", "audit")

_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")  # an escaped NUL: legal in JSON, impossible in a text of PostgreSQL


def install(schema_editor: BaseDatabaseSchemaEditor, *names: str) -> None:
    """Run the files `names`, all of FUNCTIONS by default. For migrations.

    What the functions say is not compared with the tables: an early migration of a new installation already installs
    the functions of today, before later migrations have added the columns that these speak of.
    """
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SET LOCAL check_function_bodies = off")
        for name in names or FUNCTIONS:
            cursor.execute((FOLDER / f"{name}.sql").read_text(encoding="utf-8"))


def as_json(items: Sequence[Any]) -> str:
    """The items as the one parameter that our functions take. Text that PostgreSQL cannot hold is replaced."""
    try:
        payload = msgspec.json.encode(items)
    except UnicodeEncodeError:  # half a character, straight out of somebody's JSON
        payload = msgspec.json.encode(_printable(msgspec.to_builtins(items)))
    if b"\\u0000" in payload:
        payload = _NUL.sub(rb"\1\\ufffd", payload)
    return payload.decode()


def _printable(value: Any) -> Any:
    """The same with every half character replaced."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_printable(one) for one in value]
    if isinstance(value, dict):
        return {_printable(key): _printable(one) for key, one in value.items()}
    return value


def run(statement: str) -> None:
    """Run one of our own statements that answers nothing."""
    with connection.cursor() as cursor:
        cursor.execute(statement)


def rows(statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run one of our own statements and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def value(statement: str, parameters: Sequence[Any] = ()) -> Any:
    """The only value of a statement that answers with one."""
    return rows(statement, parameters)[0][0]
