"""The tables of the books. Python only reads them: money moves through the functions in `billing/sql/` alone.

Money is whole nano-USD in BIGINT columns (1 USD = 1 000 000 000). The tables that every call writes carry no foreign
key constraints: their ids are plain numbers, checked by the functions, so that a call locks nothing but its wallet.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import Organization

FAR = 9_000_000_000_000_000  # nano-USD: nine million dollars, far from where BIGINT ends


class Wallet(models.Model):
    """The prepaid money of one organization. `balance` is posted, `held` is set aside for calls in flight."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        FROZEN = "frozen"  # places no holds; what is in flight still settles
        CLOSED = "closed"

    organization = models.OneToOneField(Organization, models.PROTECT, primary_key=True, related_name="wallet")
    balance_nusd = models.BigIntegerField(default=0)
    held_nusd = models.BigIntegerField(default=0, help_text="The sum of the open holds.")
    bonus_nusd = models.BigIntegerField(
        default=0, help_text="The part of the balance that was given, not paid: spent first, never paid back."
    )
    floor_nusd = models.BigIntegerField(
        default=0, help_text="How deep a refund or a dispute has pushed what is available. Usage never lowers it."
    )
    version = models.BigIntegerField(default=0, help_text="The number of ledger entries.")
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    frozen_for = models.CharField(
        max_length=100, blank=True, default="", help_text='Why it is frozen; "debt" thaws when the debt is paid.'
    )
    low_balance_nusd = models.BigIntegerField(null=True, blank=True, help_text="Warn below this balance.")
    epoch = models.IntegerField(default=0, help_text="The number of top-ups: at most one warning in each.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(held_nusd__gte=0, bonus_nusd__gte=0, floor_nusd__lte=0, version__gte=0),
                name="wallet_figures_have_their_sign",
            ),
            models.CheckConstraint(
                condition=Q(balance_nusd__gte=F("held_nusd") + F("floor_nusd")), name="wallet_is_not_overdrawn"
            ),
            models.CheckConstraint(
                condition=Q(balance_nusd__gt=-FAR, balance_nusd__lt=FAR), name="wallet_balance_is_sane"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["active", "frozen", "closed"]), name="wallet_status_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"wallet of organization {self.pk}"


class Hold(models.Model):
    """Money set aside for one call in flight. Open until it is settled, released or expired; then it never changes."""

    class State(models.TextChoices):
        OPEN = "open"
        SETTLED = "settled"  # charged: there is a usage record
        RELEASED = "released"  # nothing was charged
        EXPIRED = "expired"  # nobody came back for it

    id = models.UUIDField(primary_key=True, help_text="The id of the call.")
    wallet = models.ForeignKey(Wallet, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="holds")
    key_id = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=20, default="call")
    amount_nusd = models.BigIntegerField(help_text="0 only for a call that was settled before its hold arrived.")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    charged_nusd = models.BigIntegerField(null=True)
    price_version_id = models.BigIntegerField(null=True)
    daily_cap_nusd = models.BigIntegerField(null=True, help_text="The key's caps as they were when it was placed.")
    monthly_cap_nusd = models.BigIntegerField(null=True)
    total_cap_nusd = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=100, default="", blank=True)
    created_at = models.DateTimeField(db_default=Now())
    heartbeat_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_nusd__gt=0) | Q(amount_nusd=0) & ~Q(state="open"), name="hold_holds_something"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["open", "settled", "released", "expired"]), name="hold_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state="open", closed_at=None) | ~Q(state="open") & Q(closed_at__isnull=False),
                name="hold_is_open_or_closed",
            ),
            models.CheckConstraint(
                condition=Q(state="settled", charged_nusd__isnull=False, charged_nusd__gte=0)
                | ~Q(state="settled") & Q(charged_nusd=None),
                name="hold_is_charged_when_settled",
            ),
        ]
        indexes = [
            # All that is looked for among holds is open ones: of a wallet, of a key, or overdue. Few are open at once,
            # so one small index serves; without expires_at in it a renewal touches no index at all.
            models.Index(fields=["wallet", "key_id"], condition=Q(state="open"), name="hold_open"),
        ]

    def __str__(self) -> str:
        return f"hold {self.id} ({self.state})"


class LedgerEntry(models.Model):
    """One movement of money between a wallet and the named account `contra`. Append-only, chained by `seq`."""

    class Kind(models.TextChoices):
        TOPUP = "topup"
        PROMO = "promo"
        USAGE = "usage"
        REFUND = "refund"
        DISPUTE = "dispute"
        EXPIRY = "expiry"  # of a bonus
        ADJUSTMENT = "adjustment"  # by staff, either way, with a reason
        USAGE_REVERSAL = "usage_reversal"
        REFUND_REVERSAL = "refund_reversal"
        DISPUTE_REVERSAL = "dispute_reversal"

    id = models.UUIDField(primary_key=True, help_text="For usage the id of the call: one call, one entry.")
    wallet = models.ForeignKey(Wallet, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="entries")
    seq = models.BigIntegerField(help_text="1, 2, 3 … in each wallet, without gaps.")
    kind = models.CharField(max_length=20, choices=Kind)
    contra = models.CharField(max_length=60, help_text="The other side: clearing:stripe, revenue:usage, promo …")
    delta_nusd = models.BigIntegerField()
    bonus_delta_nusd = models.BigIntegerField(default=0)
    balance_after_nusd = models.BigIntegerField()
    key = models.CharField(
        max_length=200, null=True, help_text="The name of the fact: posted once, ever. Null for usage."
    )
    reference = models.CharField(max_length=200, default="", blank=True)
    actor = models.CharField(max_length=200, default="", blank=True)
    reason = models.CharField(max_length=500, default="", blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(fields=["wallet", "seq"], name="entry_chain"),
            models.UniqueConstraint(fields=["key"], condition=Q(key__isnull=False), name="entry_posted_once"),
            models.CheckConstraint(condition=Q(seq__gt=0), name="entry_seq_counts"),
            models.CheckConstraint(
                condition=Q(
                    kind__in=["topup", "promo", "usage_reversal", "refund_reversal", "dispute_reversal"],
                    delta_nusd__gt=0,
                )
                | Q(kind__in=["usage", "refund", "dispute", "expiry"], delta_nusd__lt=0)
                | Q(kind="adjustment") & ~Q(delta_nusd=0) & ~Q(actor="") & ~Q(reason=""),
                name="entry_sign_fits_its_kind",
            ),
            models.CheckConstraint(
                condition=Q(kind="usage", key=None) | ~Q(kind="usage") & Q(key__isnull=False),
                name="entry_has_a_key_unless_usage",
            ),
            models.CheckConstraint(condition=~Q(contra=""), name="entry_has_another_side"),
        ]

    def __str__(self) -> str:
        return f"entry {self.seq} of wallet {self.wallet_id}"


class UsageRecord(models.Model):
    """The one row that a settled call leaves behind. Append-only; partitioned by the month of `started_at`.

    The table is made by `sql/usage_record.sql`: its primary key is (id, started_at), and since started_at is the
    moment inside the id (a UUIDv7), an id is unique over all months.
    """

    id = models.UUIDField(primary_key=True, help_text="The id of the call.")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(db_default=Now())
    wallet_id = models.BigIntegerField()
    key_id = models.BigIntegerField(null=True)
    user_id = models.BigIntegerField(null=True)
    model_id = models.BigIntegerField(null=True)
    endpoint_id = models.BigIntegerField(null=True)
    price_version_id = models.BigIntegerField(null=True)
    supplier_cost_version_id = models.BigIntegerField(null=True)
    model = models.TextField(help_text="The slug that was asked for.")
    provider = models.TextField(help_text="Who answered; customers never see it.")
    surface = models.TextField()
    operation = models.TextField()
    streamed = models.BooleanField()
    input_tokens = models.IntegerField(default=0)
    cached_input_tokens = models.IntegerField(default=0)
    cache_write_5m_tokens = models.IntegerField(default=0)
    cache_write_1h_tokens = models.IntegerField(default=0)
    output_tokens = models.IntegerField(default=0)
    reasoning_tokens = models.IntegerField(default=0)
    audio_input_tokens = models.IntegerField(default=0)
    audio_output_tokens = models.IntegerField(default=0)
    image_input_tokens = models.IntegerField(default=0)
    image_output_tokens = models.IntegerField(default=0)
    images = models.IntegerField(default=0)
    characters = models.IntegerField(default=0)
    seconds = models.DecimalField(max_digits=14, decimal_places=3, default=0)
    usage_source = models.TextField(help_text="reported | estimated | none")
    exact_cost = models.DecimalField(max_digits=24, decimal_places=14, help_text="USD, unrounded.")
    cost_nusd = models.BigIntegerField(help_text="Rounded once, half up, to 1e-8 USD.")
    charged_nusd = models.BigIntegerField(help_text="Below the cost when the wallet did not have it: we bear the rest.")
    supplier_cost = models.DecimalField(max_digits=24, decimal_places=14, null=True, help_text="USD; null = unknown.")
    rise = models.DecimalField(
        max_digits=4, decimal_places=3, default=0, help_text="The share above the list price, on a fallback."
    )
    is_late = models.BooleanField(default=False, help_text="Settled without an open hold.")
    outcome = models.TextField(help_text="completed | failed | cancelled | cut | refused")
    finish = models.TextField(default="")
    error_code = models.TextField(null=True)
    status = models.SmallIntegerField()
    attempts = models.JSONField(default=list)
    first_byte_ms = models.IntegerField(null=True)
    duration_ms = models.IntegerField()
    detail = models.JSONField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(charged_nusd__gte=0, charged_nusd__lte=F("cost_nusd")),
                name="usage_charges_its_cost_at_most",
            )
        ]
        indexes = [
            models.Index(fields=["wallet_id", "started_at"], name="usage_of_wallet"),
            models.Index(fields=["key_id", "started_at"], name="usage_of_key"),
        ]

    def __str__(self) -> str:
        return f"usage {self.id}"


class KeySpend(models.Model):
    """What one API key has spent: today, this month (both UTC) and ever. Spend caps are checked against it."""

    key_id = models.BigIntegerField(primary_key=True)
    day = models.DateField()
    day_nusd = models.BigIntegerField(default=0)
    month = models.DateField(help_text="The first day of the month.")
    month_nusd = models.BigIntegerField(default=0)
    total_nusd = models.BigIntegerField(default=0)

    class Meta:
        verbose_name_plural = "spending of keys"
        constraints = [
            models.CheckConstraint(
                condition=Q(day_nusd__gte=0, month_nusd__gte=0, total_nusd__gte=0), name="key_spend_is_not_negative"
            )
        ]

    def __str__(self) -> str:
        return f"spending of key {self.key_id}"


class Finding(models.Model):
    """Something in the books that must not be. The audit writes it and never corrects anything."""

    invariant = models.CharField(max_length=10, help_text="I1 … I8: billing/ledger.py says what each means.")
    subject = models.CharField(max_length=100, help_text="The wallet, hold or call that breaks it.")
    detail = models.CharField(max_length=500)
    found_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now(), help_text="When an audit saw it last.")
    gone_at = models.DateTimeField(null=True, blank=True, help_text="When an audit no longer saw it.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["invariant", "subject"], condition=Q(gone_at=None), name="finding_is_told_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.invariant}: {self.subject}"
