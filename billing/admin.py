"""The books in the admin: to look at. Nobody writes money here; the database would refuse it anyway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest

from billing.models import Finding, Hold, KeySpend, LedgerEntry, UsageRecord, Wallet
from billing.pricing import usd_text

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin  # generic for the type checker only


class LookOnly(_ModelAdmin):
    """Rows that are read and never written. Counting millions of them for a page number is not worth the wait."""

    show_full_result_count = False
    list_per_page = 50
    finds_by: tuple[str, ...] = ()  # fields with an index, searched for the exact value

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return (*self.search_fields, *self.finds_by)

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        term = search_term.strip().removeprefix("req_")
        if not self.finds_by or not term:
            return super().get_search_results(request, queryset, search_term)
        found = models.Q(pk__in=[])
        for name in self.finds_by:
            try:
                found |= models.Q(**{name: self.model._meta.get_field(name).to_python(term)})
            except ValidationError:
                continue  # not what this field holds
        return queryset.filter(found), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


@admin.register(Wallet)
class WalletAdmin(LookOnly):
    list_display = ("organization", "balance", "held", "status", "version")
    list_filter = ("status",)
    search_fields = ("organization__slug", "organization__name")
    list_select_related = ("organization",)

    @admin.display(description="balance, USD", ordering="balance_nusd")
    def balance(self, wallet: Wallet) -> str:
        return usd_text(wallet.balance_nusd)

    @admin.display(description="held, USD", ordering="held_nusd")
    def held(self, wallet: Wallet) -> str:
        return usd_text(wallet.held_nusd)


@admin.register(Hold)
class HoldAdmin(LookOnly):
    list_display = ("id", "wallet_id", "key_id", "state", "amount", "created_at", "expires_at")
    list_filter = ("state", "kind")
    finds_by = ("id", "wallet_id")
    ordering = ("-id",)

    @admin.display(description="amount, USD", ordering="amount_nusd")
    def amount(self, hold: Hold) -> str:
        return usd_text(hold.amount_nusd)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(LookOnly):
    list_display = ("created_at", "wallet_id", "seq", "kind", "contra", "delta", "balance_after", "key", "reason")
    list_filter = ("kind",)
    finds_by = ("id", "wallet_id", "key")
    ordering = ("wallet_id", "-seq")

    @admin.display(description="moved, USD")
    def delta(self, entry: LedgerEntry) -> str:
        return usd_text(entry.delta_nusd)

    @admin.display(description="balance after, USD")
    def balance_after(self, entry: LedgerEntry) -> str:
        return usd_text(entry.balance_after_nusd)


@admin.register(UsageRecord)
class UsageRecordAdmin(LookOnly):
    list_display = ("started_at", "id", "wallet_id", "model", "provider", "outcome", "status", "charged", "is_late")
    finds_by = ("id", "wallet_id", "key_id")
    ordering = ("-id",)  # ids sort by time

    @admin.display(description="charged, USD")
    def charged(self, record: UsageRecord) -> str:
        return usd_text(record.charged_nusd)


@admin.register(KeySpend)
class KeySpendAdmin(LookOnly):
    list_display = ("key_id", "day", "day_usd", "month", "month_usd", "total_usd")
    finds_by = ("key_id",)

    @admin.display(description="that day, USD")
    def day_usd(self, spend: KeySpend) -> str:
        return usd_text(spend.day_nusd)

    @admin.display(description="that month, USD")
    def month_usd(self, spend: KeySpend) -> str:
        return usd_text(spend.month_nusd)

    @admin.display(description="ever, USD", ordering="total_nusd")
    def total_usd(self, spend: KeySpend) -> str:
        return usd_text(spend.total_nusd)


@admin.register(Finding)
class FindingAdmin(LookOnly):
    list_display = ("invariant", "subject", "detail", "found_at", "seen_at", "gone_at")
    list_filter: ClassVar[tuple[Any, ...]] = ("invariant", ("gone_at", admin.EmptyFieldListFilter))
    search_fields = ("subject",)
    ordering = ("-found_at",)
