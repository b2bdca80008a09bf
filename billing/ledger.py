"""The ledger: every movement of money, append-only. Posts what is not usage, and audits the books.

Usage is posted by `holds.settle`; all else (top-ups, refunds, disputes, gifts, corrections) comes through `post`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from billing.models import Finding, LedgerEntry
from billing.sql import functions

log = logging.getLogger(__name__)

POST_SQL: Final = "SELECT v.outcome, v.entry, v.balance_nusd FROM billing_post(%s::json) v"
AUDIT_SQL: Final = "SELECT v.invariant, v.subject, v.detail FROM billing_audit(%s) v"
MOST_FINDINGS: Final = 100  # of each invariant: the first ones tell enough

INVARIANTS: Final = {
    "I1": "the balance of a wallet is the sum of its entries, and its bonus the sum of their bonus parts",
    "I2": "what a wallet holds is the sum of its open holds",
    "I3": "the version of a wallet is the number of its entries and the last one's place in the chain",
    "I4": "every entry continues the balance of the one before it",
    "I5": "what is available is not below the floor, and nothing negative is held",
    "I6": "every charged usage record has its entry, and every usage entry its record, with the same amount",
    "I7": "every settled hold has its usage record, with the same charge",
    "I8": "a balance is negative only after a refund or a dispute",
}


class KeyConflict(Exception):
    """The key was posted before, as something else: another wallet, kind or amount."""


class NotEnough(Exception):
    """Only a refund or a dispute may take what a wallet does not have available."""


class WalletMissing(Exception):
    """The organization has no wallet."""


@dataclass(frozen=True, slots=True)
class Posting:
    """A movement that stands in the ledger. `is_new` is false when the same key had been posted before."""

    entry_id: UUID
    is_new: bool
    balance_nusd: int  # of the wallet, now


def post(
    wallet_id: int,
    *,
    kind: LedgerEntry.Kind,
    contra: str,
    delta_nusd: int,
    key: str,
    reference: str = "",
    actor: str = "",
    reason: str = "",
) -> Posting:
    """Move `delta_nusd` between a wallet and the account `contra` ("clearing:stripe", "promo" …), once per `key`.

    The key names the fact (a payment, a refund), so that whoever learns of the fact, and however often, may post it.
    Raises KeyConflict, NotEnough, WalletMissing, and IntegrityError for a sign that does not fit the kind or for an
    adjustment without actor and reason.
    """
    item = {
        "wallet_id": wallet_id,
        "kind": str(kind),
        "contra": contra,
        "delta_nusd": delta_nusd,
        "key": key,
        "reference": reference,
        "actor": actor,
        "reason": reason,
    }
    [(outcome, entry_id, balance)] = functions.rows(POST_SQL, (functions.as_json([item]),))
    if outcome == "conflict":
        raise KeyConflict(f"{key} was posted before as something else.")
    if outcome == "insufficient":
        raise NotEnough(f"Wallet {wallet_id} does not have {-delta_nusd} nano-USD available.")
    if outcome == "missing":
        raise WalletMissing(f"There is no wallet {wallet_id}.")
    return Posting(entry_id, outcome == "posted", balance)


@dataclass(frozen=True, slots=True)
class Break:
    """One place where an invariant does not hold."""

    invariant: str
    subject: str
    detail: str


def audit() -> list[Break]:
    """Check all invariants in one snapshot, remember what was found as Findings, and correct nothing.

    A finding that is no longer seen is closed; one that was known is not told twice.
    """
    with _snapshot():
        breaks = [Break(*row) for row in functions.rows(AUDIT_SQL, (MOST_FINDINGS,))]
    now = timezone.now()
    with transaction.atomic():
        known = {(found.invariant, found.subject): found for found in Finding.objects.filter(gone_at=None)}
        for one in breaks:
            found = known.pop((one.invariant, one.subject), None)
            if found is None:
                log.critical("the books are wrong: %s (%s): %s", one.invariant, one.subject, one.detail)
                Finding.objects.create(invariant=one.invariant, subject=one.subject, detail=one.detail[:500])
            else:
                Finding.objects.filter(pk=found.pk).update(seen_at=now, detail=one.detail[:500])
        Finding.objects.filter(pk__in=[found.pk for found in known.values()]).update(gone_at=now)
    return breaks


@contextmanager
def _snapshot() -> Iterator[None]:
    """One unchanging view of the books. Inside somebody's transaction we see what that one sees."""
    with transaction.atomic():
        if len(connection.savepoint_ids) == 0:
            functions.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
