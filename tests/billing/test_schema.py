"""The models, the tables and the functions say the same, and the tables are shaped for what they bear."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection, models

from billing import holds
from billing.models import Finding, Hold, KeySpend, LedgerEntry, UsageRecord, Wallet
from billing.sql import functions
from tests.books import a_call, its_end
from tests.people import Person

MODELS = (Wallet, Hold, LedgerEntry, UsageRecord, KeySpend, Finding)
TYPES = {
    "UUIDField": "uuid",
    "DateTimeField": "timestamp with time zone",
    "DateField": "date",
    "BigIntegerField": "bigint",
    "BigAutoField": "bigint",
    "ForeignKey": "bigint",
    "OneToOneField": "bigint",
    "IntegerField": "integer",
    "SmallIntegerField": "smallint",
    "BooleanField": "boolean",
    "TextField": "text",
    "CharField": "character varying",
    "JSONField": "jsonb",
    "DecimalField": "numeric",
}


def asked(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def source(name: str) -> str:
    return (functions.FOLDER / f"{name}.sql").read_text(encoding="utf-8")


@pytest.mark.parametrize("model", MODELS)
def test_every_table_has_the_columns_of_its_model(db: None, model: type[models.Model]) -> None:
    found = {
        name: (kind, nullable == "YES", (precision, scale) if kind == "numeric" else None)
        for name, kind, nullable, precision, scale in asked(
            "SELECT column_name, data_type, is_nullable, numeric_precision, numeric_scale"
            " FROM information_schema.columns WHERE table_name = %s",
            model._meta.db_table,
        )
    }
    declared = {}
    for field in model._meta.concrete_fields:
        digits = (field.max_digits, field.decimal_places) if isinstance(field, models.DecimalField) else None
        declared[field.column] = (TYPES[field.get_internal_type()], field.null, digits)
    assert found == declared


@pytest.mark.parametrize("model", MODELS)
def test_every_table_has_the_indexes_and_checks_of_its_model(db: None, model: type[models.Model]) -> None:
    found = {row[0] for row in asked("SELECT indexname FROM pg_indexes WHERE tablename = %s", model._meta.db_table)}
    found |= {
        row[0] for row in asked("SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass", model._meta.db_table)
    }
    assert {index.name for index in model._meta.indexes} <= found
    assert {constraint.name for constraint in model._meta.constraints} <= found


def test_the_settling_function_writes_every_column_of_a_usage_record() -> None:
    [columns] = re.findall(r"INSERT INTO billing_usagerecord \((.*?)\)\s*SELECT", source("settle"), re.DOTALL)
    written = {name.strip() for name in columns.split(",")}
    assert written == {field.column for field in UsageRecord._meta.concrete_fields}


def test_a_settlement_is_sent_under_the_names_that_the_function_reads(alice: Person) -> None:
    [definition] = re.findall(
        r"json_to_recordset\(p_items\) AS \(\s*(id uuid, wallet_id bigint, key_id bigint, user.*?)\n\s*\)\)",
        source("settle"),
        re.DOTALL,
    )
    read = [part.split()[0] for part in definition.split(",")]
    sent = holds._record(its_end(a_call(alice)))
    assert set(read) == set(sent)
    [aliases] = re.findall(r"WITH ORDINALITY AS x \(\s*(id, wallet_id, key_id, user.*?)\)", source("settle"), re.DOTALL)
    assert [name.strip() for name in aliases.split(",")] == [*read, "ordinal"]


def test_a_placement_is_sent_under_the_names_that_the_function_reads() -> None:
    definitions = re.findall(r"json_to_recordset\(p_items\) AS \(\s*(id uuid.*?)\n\s*\)\)", source("place"), re.DOTALL)
    assert len(definitions) == 2
    for definition in definitions:
        names = {part.split()[0] for part in definition.split(",")}
        assert names <= set(holds.Placement.__dataclass_fields__)
    assert names == set(holds.Placement.__dataclass_fields__)


def test_the_tables_of_the_hot_path_have_no_foreign_keys(db: None) -> None:
    tables = [model._meta.db_table for model in (Hold, LedgerEntry, UsageRecord, KeySpend)]
    assert (
        asked("SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid::regclass::text = ANY (%s)", tables)
        == []
    )


def test_hot_rows_have_room_on_their_pages_and_are_vacuumed_early(db: None) -> None:
    for table in ("billing_wallet", "billing_keyspend", "billing_hold"):
        [(options,)] = asked("SELECT reloptions FROM pg_class WHERE relname = %s", table)
        assert any(option.startswith("fillfactor=") for option in options)
        assert any(option.startswith("autovacuum_vacuum_scale_factor=") for option in options)


def test_a_heartbeat_and_a_wallet_update_touch_no_index(alice: Person) -> None:
    call = a_call(alice)
    holds.place([call])
    before = {row[0]: row[1:] for row in statistics()}
    for _ in range(20):
        holds.extend([holds.Extension(call.id, call.wallet_id, 1, 600)])
    after = {row[0]: row[1:] for row in statistics()}
    for table in ("billing_wallet", "billing_hold"):
        updates, hot = (new - old for new, old in zip(after[table], before[table], strict=True))
        assert (updates, hot) == (20, 20), table


def statistics() -> list[tuple[str, int, int]]:
    asked("SELECT pg_stat_force_next_flush()")
    asked("SELECT 1")
    return [
        (str(name), int(updates), int(hot))
        for name, updates, hot in asked("SELECT relname, n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables")
    ]


def test_every_money_function_runs_as_its_owner_with_a_fixed_path(db: None) -> None:
    doors = ("place", "extend", "settle", "release", "expire", "post", "open", "mark", "prune_holds")
    rows = asked(
        "SELECT proname, prosecdef, proconfig FROM pg_proc WHERE proname = ANY (%s)", [f"billing_{d}" for d in doors]
    )
    assert len(rows) == len(doors)
    for name, is_definer, configuration in rows:
        assert is_definer, name
        assert any(option.startswith("search_path=") for option in configuration), name
        assert any(option.startswith("tollgate.writer=") for option in configuration), name


def test_installing_the_functions_again_changes_nothing(db: None) -> None:
    def installed() -> list[tuple[Any, ...]]:
        return asked("SELECT proname, prosrc FROM pg_proc WHERE proname LIKE 'billing%%' ORDER BY 1, 2")

    before = installed()
    with connection.schema_editor() as schema_editor:
        functions.install(schema_editor)
    assert installed() == before
