"""The catalogue's tables: who serves what, and at what price, since when and until when.

Prices are versions that never change once they are in force: a database trigger refuses it, so a receipt can always be
worked out again. All money is USD.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, BigIntegerRangeField, DateTimeRangeField, RangeOperators
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Func, Q, Value
from django.utils import timezone

from catalog.cards import Card
from catalog.rates import COMPONENTS

SLUG = r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z"
valid_slug = RegexValidator(SLUG, "Letters, digits, dots, dashes and underscores; the first is a letter or a digit.")


class Kind(models.TextChoices):
    CHAT = "chat"
    IMAGE = "image"
    VIDEO = "video"
    EMBEDDING = "embedding"
    AUDIO = "audio"


class Platform(models.TextChoices):
    """What a key group means by a platform: the family of the dialect that the model's vendor speaks (spec 004)."""

    OPENAI = "openai", "OpenAI"
    ANTHROPIC = "anthropic", "Anthropic"
    GEMINI = "gemini", "Gemini"


class Lifecycle(models.TextChoices):
    """Where the vendor stands. It never decides whether we sell: `is_enabled` and the endpoints do."""

    ACTIVE = "active", "active"
    DEPRECATED = "deprecated", "deprecated"
    RETIRED = "retired", "retired by its vendor"
    THIRD_PARTY = "third_party", "served by third parties only"
    UNKNOWN = "unknown", "unknown"


class Origin(models.TextChoices):
    """Who set a price: the shipped file, which may replace it, or an operator, whose figure is never overwritten."""

    SHIPPED = "shipped"
    OPERATOR = "operator"


class Provider(models.Model):
    """A company that answers calls."""

    slug = models.CharField(max_length=64, unique=True, validators=[valid_slug])
    name = models.CharField(max_length=100)
    adapter = models.CharField(max_length=64, help_text="Which code speaks to it; `compatible` is any OpenAI-like API.")
    base_url = models.CharField(max_length=300, blank=True, help_text="Where its API begins.")
    is_enabled = models.BooleanField(default=True)
    is_simulator = models.BooleanField(default=False, help_text="Makes answers up; used where nobody else can answer.")
    has_credential = models.BooleanField(default=False, editable=False, help_text="Kept by the credential store.")
    shipped = models.JSONField(
        default=dict, editable=False, help_text="Values of the last load; see catalog/loading.py."
    )

    class Meta:
        ordering = ("slug",)

    def __str__(self) -> str:
        return self.slug


class AIModel(models.Model):
    """What a customer asks for, by slug."""

    slug = models.CharField(max_length=100, unique=True, validators=[valid_slug])
    display_name = models.CharField(max_length=120)
    vendor = models.CharField(max_length=64, help_text="Who made it.")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    category = models.CharField(max_length=32, blank=True)
    platform = models.CharField(max_length=16, choices=Platform.choices)
    capabilities = ArrayField(models.CharField(max_length=32), default=list, blank=True)
    input_modalities = ArrayField(models.CharField(max_length=16), default=list, blank=True)
    output_modalities = ArrayField(models.CharField(max_length=16), default=list, blank=True)
    context_window = models.PositiveIntegerField(null=True, blank=True, help_text="Tokens.")
    max_input_tokens = models.PositiveIntegerField(null=True, blank=True)
    max_output_tokens = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: unknown.")
    restrictions = models.JSONField(
        default=dict, blank=True, help_text="What the model refuses; see catalog/README.md."
    )
    options = models.JSONField(default=dict, blank=True, help_text="What can be asked of it; see catalog/README.md.")
    lifecycle_status = models.CharField(max_length=16, choices=Lifecycle.choices, default=Lifecycle.ACTIVE)
    retires_on = models.DateField(null=True, blank=True)
    successor = models.CharField(max_length=100, blank=True, help_text="The slug to move to.")
    description = models.TextField(blank=True, help_text="Shown to customers.")
    notes = models.TextField(blank=True, help_text="For operators only.")
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    shipped = models.JSONField(
        default=dict, editable=False, help_text="Values of the last load; see catalog/loading.py."
    )

    class Meta:
        ordering = ("id",)
        verbose_name = "model"
        constraints = [models.CheckConstraint(condition=Q(slug__regex=SLUG), name="aimodel_slug_fits_into_a_path")]

    def __str__(self) -> str:
        return self.slug


class Endpoint(models.Model):
    """One model as one provider serves it."""

    model = models.ForeignKey(AIModel, on_delete=models.PROTECT, related_name="endpoints")
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="endpoints")
    upstream_id = models.CharField(max_length=200, help_text="The provider's own name for the model.")
    dialect = models.CharField(max_length=64)
    priority = models.PositiveIntegerField(default=100, help_text="Lower is tried first.")
    weight = models.PositiveIntegerField(default=1, help_text="Share of the calls among equal priorities.")
    quirks = models.JSONField(default=dict, blank=True, help_text="What the adapter must know; see catalog/README.md.")
    is_enabled = models.BooleanField(default=True)
    shipped = models.JSONField(
        default=dict, editable=False, help_text="Values of the last load; see catalog/loading.py."
    )

    class Meta:
        ordering = ("model", "priority", "id")
        constraints = [
            models.UniqueConstraint(fields=("model", "provider", "upstream_id"), name="endpoint_once_per_upstream_id")
        ]

    def __str__(self) -> str:
        return f"{self.model} at {self.provider} as {self.upstream_id}"


class EndpointHealth(models.Model):
    """What the workers' breakers last said of an endpoint; without a row nothing is known against it."""

    endpoint = models.OneToOneField(Endpoint, on_delete=models.CASCADE, primary_key=True, related_name="health")
    state = models.CharField(max_length=16)
    reason = models.CharField(max_length=200, blank=True)
    since = models.DateTimeField()
    retry_at = models.DateTimeField(null=True, blank=True)
    breaks = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "endpoint health"

    def __str__(self) -> str:
        return f"{self.endpoint} is {self.state}"


def _never_two_at_once(name: str, owner: str) -> ExclusionConstraint:
    # btree_gist may be missing, so equality of ids is written as the overlap of ranges that hold one id each.
    same = Func(F(owner), F(owner), Value("[]"), function="int8range", output_field=BigIntegerRangeField())
    span = Func(F("effective_from"), F("effective_to"), function="tstzrange", output_field=DateTimeRangeField())
    return ExclusionConstraint(
        name=name,
        expressions=[(same, RangeOperators.OVERLAPS), (span, RangeOperators.OVERLAPS)],
        violation_error_message="Another version is in force during a part of this time.",
    )


# An empty range overlaps nothing, so a version that ends when it begins would slip past the exclusion.
ENDS_AFTER_IT_BEGINS = Q(effective_to__isnull=True) | Q(effective_to__gt=F("effective_from"))


class PriceVersion(models.Model):
    """What customers pay for a model from one moment on, until the next version. Immutable once in force."""

    model = models.ForeignKey(AIModel, on_delete=models.PROTECT, related_name="price_versions")
    effective_from = models.DateTimeField()
    effective_to = models.DateTimeField(null=True, blank=True, help_text="Not included. Empty: until further notice.")
    origin = models.CharField(max_length=16, choices=Origin.choices, default=Origin.OPERATOR)
    note = models.CharField(max_length=300, blank=True, help_text="Why.")
    created_by_id = models.BigIntegerField(null=True, blank=True, help_text="The user who set it.")
    created_at = models.DateTimeField(
        default=timezone.now, editable=False
    )  # a trigger sets it to the transaction's time
    image_rule = models.JSONField(null=True, blank=True, help_text="Price per returned image; see catalog/README.md.")
    video_rule = models.JSONField(null=True, blank=True, help_text="Price per delivered video; see catalog/README.md.")

    class Meta:
        ordering = ("model", "-effective_from")
        constraints = [
            models.CheckConstraint(condition=ENDS_AFTER_IT_BEGINS, name="priceversion_ends_after_it_begins"),
            _never_two_at_once("priceversion_never_two_at_once", "model"),
        ]

    def __str__(self) -> str:
        return f"{self.model} from {self.effective_from:%Y-%m-%d %H:%M}"

    def clean(self) -> None:
        _check_card([], self.image_rule, self.video_rule)


class PriceRate(models.Model):
    """The price of one component in a version: one token of a class, one minute of sound, one character of speech."""

    version = models.ForeignKey(PriceVersion, on_delete=models.CASCADE, related_name="rates")
    component = models.CharField(max_length=32, choices=[(name, name.replace("_", " ")) for name in COMPONENTS])
    price = models.DecimalField(max_digits=20, decimal_places=10, help_text="USD for ONE unit.")
    unit = models.CharField(max_length=16, default="token")
    over_prompt = models.PositiveIntegerField(default=0, help_text="For requests with more prompt tokens than this.")

    class Meta:
        ordering = ("version", "over_prompt", "id")
        constraints = [
            # NaN is greater than every number in PostgreSQL, so an upper bound is what keeps it out.
            models.CheckConstraint(
                condition=Q(price__gte=Decimal(0), price__lt=Decimal(1_000_000)), name="pricerate_is_a_real_price"
            ),
            models.CheckConstraint(condition=Q(component__in=COMPONENTS), name="pricerate_component_is_known"),
            models.UniqueConstraint(
                fields=("version", "component", "over_prompt"), name="pricerate_once_per_component_and_tier"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.component} {self.price}/{self.unit}"


class SupplierCost(models.Model):
    """What an endpoint's provider charges us, from one moment on. Nothing at all in it: unknown from then on."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="costs")
    effective_from = models.DateTimeField()
    effective_to = models.DateTimeField(null=True, blank=True, help_text="Not included. Empty: until further notice.")
    origin = models.CharField(max_length=16, choices=Origin.choices, default=Origin.OPERATOR)
    note = models.CharField(max_length=300, blank=True, help_text="Where the figure comes from.")
    created_by_id = models.BigIntegerField(null=True, blank=True, help_text="The user who set it.")
    created_at = models.DateTimeField(
        default=timezone.now, editable=False
    )  # a trigger sets it to the transaction's time
    rates = models.JSONField(
        null=True,
        blank=True,
        help_text='[["input", 0, "0.000005"], …]: component, over how many prompt tokens, USD each.',
    )
    image_rule = models.JSONField(null=True, blank=True)
    video_rule = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ("endpoint", "-effective_from")
        constraints = [
            models.CheckConstraint(condition=ENDS_AFTER_IT_BEGINS, name="suppliercost_ends_after_it_begins"),
            _never_two_at_once("suppliercost_never_two_at_once", "endpoint"),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} from {self.effective_from:%Y-%m-%d %H:%M}"

    def clean(self) -> None:
        _check_card(self.rates or [], self.image_rule, self.video_rule)


def _check_card(rows: Any, image_rule: Any, video_rule: Any) -> None:
    try:
        Card.of(rows, image_rule=image_rule, video_rule=video_rule)
    except ValueError as error:
        raise ValidationError(f"This price cannot be read: {error}") from error
