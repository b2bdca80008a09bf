"""Holds: money set aside for calls in flight. The hot path of the books: one SQL statement moves a whole batch.

place → (extend …) → settle, or release; what nobody comes back for expires. Every statement takes one JSON array and
answers one verdict an item; a bad item never fails its neighbours. The statements and their codecs are public because
the gateway's till runs the same ones on connections of its own. An item that is sent twice counts once: its id tells
(but for an extension, which then sets more aside than it needs until the call is settled).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import connection

from billing.sql import functions
from billing.usage import Usage

# Asynchronous commit: a crash of PostgreSQL can lose the last placements, never a settlement; a call whose hold is lost
# is charged from what is available. Elsewhere in a transaction the setting would spread to its neighbours, hence two.
PLACE_SQL: Final = "SELECT v.* FROM set_config('synchronous_commit', 'off', true), billing_place(%s::json) v"
PLACE_DURABLY_SQL: Final = "SELECT v.* FROM billing_place(%s::json) v"
EXTEND_SQL: Final = "SELECT v.* FROM billing_extend(%s::json) v"
SETTLE_SQL: Final = "SELECT v.* FROM billing_settle(%s::json) v"
RELEASE_SQL: Final = "SELECT v.outcome FROM billing_release(%s::uuid[], %s) v"
EXPIRE_SQL: Final = "SELECT billing_expire(%s)"

FINISH_LENGTH: Final = 100  # of a provider's finish reason, in characters


@dataclass(frozen=True, slots=True)
class Placement:
    """A wish to set `amount_nusd` aside for `ttl_seconds`, within the key's spend caps (None = no cap)."""

    id: UUID
    wallet_id: int
    key_id: int | None
    amount_nusd: int
    ttl_seconds: int
    kind: str = "call"
    price_version_id: int | None = None
    daily_cap_nusd: int | None = None
    monthly_cap_nusd: int | None = None
    total_cap_nusd: int | None = None


@dataclass(frozen=True, slots=True)
class PlaceVerdict:
    """`outcome`: placed | duplicate | insufficient | frozen | capped | invalid. Only `placed` moved anything.

    The balances are the wallet's after the item. `cap_*` tell which cap stands in the way: daily | monthly | total, its
    limit, and how much of it is spent or set aside.
    """

    id: UUID
    outcome: str
    balance_nusd: int
    held_nusd: int
    cap_period: str | None = None
    cap_limit_nusd: int | None = None
    cap_spent_nusd: int | None = None


@dataclass(frozen=True, slots=True)
class Extension:
    """A wish to set `add_nusd` more aside (0: only a sign of life), and to keep the hold for `ttl_seconds` from now."""

    id: UUID
    wallet_id: int
    add_nusd: int
    ttl_seconds: int


@dataclass(frozen=True, slots=True)
class ExtendVerdict:
    """`outcome`: extended | insufficient | closed | invalid. `cap_period` says when it is a cap that money ran into."""

    id: UUID
    outcome: str
    balance_nusd: int
    held_nusd: int
    cap_period: str | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a call ended: what it costs and everything that its usage record keeps.

    `cost_nusd` is `exact_cost` (USD) rounded once. `outcome`: completed | failed | cancelled | cut | refused.
    `usage_source`: reported | estimated | none. `attempts`: one {endpoint_id, provider, error, ms} each.
    """

    id: UUID
    wallet_id: int
    key_id: int | None
    user_id: int | None
    cost_nusd: int
    exact_cost: Decimal
    usage: Usage
    model: str
    model_id: int | None
    endpoint_id: int | None
    provider: str
    surface: str
    operation: str
    streamed: bool
    price_version_id: int | None
    supplier_cost_version_id: int | None
    supplier_cost: Decimal | None
    rise: Decimal
    usage_source: str
    finish: str
    outcome: str
    error_code: str | None
    status: int
    attempts: list[dict[str, Any]]
    first_byte_ms: int | None
    duration_ms: int
    detail: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class SettleVerdict:
    """`outcome`: settled | released (cost 0) | late (no open hold) | shortfall (the wallet had less) | duplicate |
    invalid. `charged_nusd` is what the wallet gave; of a duplicate, what it gave the first time."""

    id: UUID
    outcome: str
    charged_nusd: int
    balance_nusd: int


def place_parameters(items: Sequence[Placement]) -> tuple[str]:
    """The parameters of PLACE_SQL."""
    return (functions.as_json(items),)


def read_place(rows: Sequence[Sequence[Any]], items: Sequence[Placement]) -> list[PlaceVerdict]:
    """The verdicts in the order of `items`."""
    by_ordinal = {row[0]: row for row in rows}
    return [
        PlaceVerdict(item.id, row[1], row[2] or 0, row[3] or 0, row[4], row[5], row[6])
        for item, row in zip(items, map(by_ordinal.__getitem__, range(1, len(items) + 1)), strict=True)
    ]


def extend_parameters(items: Sequence[Extension]) -> tuple[str]:
    """The parameters of EXTEND_SQL."""
    return (functions.as_json(items),)


def read_extend(rows: Sequence[Sequence[Any]], items: Sequence[Extension]) -> list[ExtendVerdict]:
    """The verdicts in the order of `items`."""
    by_ordinal = {row[0]: row for row in rows}
    return [
        ExtendVerdict(item.id, row[1], row[2] or 0, row[3] or 0, row[4])
        for item, row in zip(items, map(by_ordinal.__getitem__, range(1, len(items) + 1)), strict=True)
    ]


def settle_parameters(items: Sequence[Settlement]) -> tuple[str]:
    """The parameters of SETTLE_SQL.

    Figures that cannot be true are dropped and text that PostgreSQL cannot hold is replaced: what a provider writes
    into its answer must never stand between a call and its charge.
    """
    return (functions.as_json([_record(item) for item in items]),)


def read_settle(rows: Sequence[Sequence[Any]], items: Sequence[Settlement]) -> list[SettleVerdict]:
    """The verdicts in the order of `items`."""
    by_ordinal = {row[0]: row for row in rows}
    return [
        SettleVerdict(item.id, row[1], row[2] or 0, row[3] or 0)
        for item, row in zip(items, map(by_ordinal.__getitem__, range(1, len(items) + 1)), strict=True)
    ]


def _record(item: Settlement) -> dict[str, Any]:
    """An item under the names of its columns."""
    usage = item.usage.clean()
    return {
        "id": item.id,
        "wallet_id": item.wallet_id,
        "key_id": item.key_id,
        "user_id": item.user_id,
        "model_id": item.model_id,
        "endpoint_id": item.endpoint_id,
        "price_version_id": item.price_version_id,
        "supplier_cost_version_id": item.supplier_cost_version_id,
        "exact_cost": item.exact_cost,
        "cost_nusd": item.cost_nusd,
        "supplier_cost": item.supplier_cost,
        "rise": item.rise,
        "seconds": usage.seconds,
        "input_tokens": usage.input,
        "cached_input_tokens": usage.cached_input,
        "cache_write_5m_tokens": usage.cache_write_5m,
        "cache_write_1h_tokens": usage.cache_write_1h,
        "output_tokens": usage.output,
        "reasoning_tokens": usage.reasoning,
        "audio_input_tokens": usage.audio_input,
        "audio_output_tokens": usage.audio_output,
        "image_input_tokens": usage.image_input,
        "image_output_tokens": usage.image_output,
        "images": usage.images,
        "characters": usage.characters,
        "first_byte_ms": item.first_byte_ms,
        "duration_ms": item.duration_ms,
        "status": item.status,
        "streamed": item.streamed,
        "model": item.model,
        "provider": item.provider,
        "surface": item.surface,
        "operation": item.operation,
        "usage_source": item.usage_source,
        "outcome": item.outcome,
        "finish": item.finish[:FINISH_LENGTH],
        "error_code": item.error_code,
        "attempts": item.attempts,
        "detail": item.detail,
    }


def place(items: Sequence[Placement]) -> list[PlaceVerdict]:
    """Set money aside for calls that are about to run."""
    statement = PLACE_DURABLY_SQL if connection.in_atomic_block else PLACE_SQL
    return read_place(functions.rows(statement, place_parameters(items)), items)


def extend(items: Sequence[Extension]) -> list[ExtendVerdict]:
    """Set more aside for calls in flight, or only keep their holds alive."""
    return read_extend(functions.rows(EXTEND_SQL, extend_parameters(items)), items)


def settle(items: Sequence[Settlement]) -> list[SettleVerdict]:
    """Charge calls, exactly once each: from their own hold and what nobody else holds, never below zero."""
    return read_settle(functions.rows(SETTLE_SQL, settle_parameters(items)), items)


def release(id: UUID, reason: str) -> str:  # noqa: A002 - the word of the house
    """Free a hold without charging: "released", "closed" (it is no longer open) or "missing"."""
    return str(functions.value(RELEASE_SQL, ([id], reason)))


def expire(limit: int = 500) -> int:
    """Free at most `limit` holds that are overdue. Returns how many there were: nobody came back for these."""
    return int(functions.value(EXPIRE_SQL, (limit,)))
