"""Wallets: the prepaid money of an organization. Opened on first use; what moves it is in `holds` and `ledger`."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import uuid4

from accounts.models import Organization
from billing import ledger, pricing
from billing.ledger import Posting
from billing.models import LedgerEntry, Wallet
from billing.sql import functions

MOST_BY_HAND = Decimal(1_000_000)  # USD, at once: more is a typing error


@dataclass(frozen=True, slots=True)
class Balance:
    """`balance_nusd` is posted, `held_nusd` is set aside for calls in flight, the rest is available for new ones."""

    balance_nusd: int
    held_nusd: int
    available_nusd: int


def of(organization: Organization) -> Wallet:
    """The wallet of `organization`; an empty one is opened when it has none."""
    functions.value("SELECT billing_open(%s)", (organization.pk,))
    return Wallet.objects.get(pk=organization.pk)


def balance(organization: Organization) -> Balance:
    """What the organization has. Nothing, when it never had a wallet."""
    return balance_of(organization.pk)


def balance_of(organization_id: int) -> Balance:
    """The same, for an organization that is known by its id alone."""
    wallet = Wallet.objects.filter(pk=organization_id).first()
    if wallet is None:
        return Balance(0, 0, 0)
    return Balance(wallet.balance_nusd, wallet.held_nusd, wallet.balance_nusd - wallet.held_nusd)


def credit(organization: Organization, usd: Decimal, reason: str, actor: str, *, key: str | None = None) -> Posting:
    """Give `usd` (at most nine decimals) by hand. The same `key` gives once; without one every call gives.

    Raises ValueError for an amount that is not positive, finer than a nano-dollar, or beyond all sense, or without
    reason or actor; ledger.KeyConflict when the key was used for another amount or organization.
    """
    nusd = pricing.nusd_of(usd)
    if not 0 < nusd < pricing.nusd_of(MOST_BY_HAND):
        raise ValueError(f"{usd} USD cannot be credited: give more than 0 and less than {MOST_BY_HAND}.")
    if not reason.strip() or not actor.strip():
        raise ValueError("A credit by hand needs a reason and somebody who answers for it.")
    wallet = of(organization)
    return ledger.post(
        wallet.pk,
        kind=LedgerEntry.Kind.ADJUSTMENT,
        contra="manual",
        delta_nusd=nusd,
        key=f"manual:{key or uuid4()}",
        actor=actor.strip(),
        reason=reason.strip(),
    )


def freeze(organization: Organization, reason: str) -> None:
    """Let no new call begin. Calls in flight still settle, and money may still come in."""
    of(organization)
    functions.value("SELECT billing_mark(%s, 'frozen', %s)", (organization.pk, reason))


def thaw(organization: Organization) -> None:
    """Let calls begin again."""
    of(organization)
    functions.value("SELECT billing_mark(%s, 'active', '')", (organization.pk,))
