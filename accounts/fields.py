"""The kinds of columns that this app has, each with what keeps nonsense out of it, for every writer."""

from __future__ import annotations

from ipaddress import ip_interface, ip_network
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q

slug_syntax = RegexValidator(
    r"\A[a-z0-9]+(?:-[a-z0-9]+)*\Z", "A slug is made of lower-case letters, digits and single hyphens."
)
model_slug_syntax = RegexValidator(r"\A[!-~]+\Z", "A model's slug has no spaces and only ASCII characters.")
at_least_one = MinValueValidator(1, "This must be more than zero, or empty.")


if TYPE_CHECKING:  # Django's fields are generic in the eyes of the type checker only
    BaseField = models.Field[str, str]
    BaseEmailField = models.EmailField[str, str]
else:
    BaseField = models.Field
    BaseEmailField = models.EmailField


class EmailAddressField(BaseEmailField):
    """An e-mail address, stored and looked up in lower case: nobody means two people by `Alice@` and `alice@`."""

    def to_python(self, value: Any) -> Any:
        return value.strip().lower() if isinstance(value, str) else value


def network(text: str) -> str:
    """The network that `text` names, in its usual spelling; a single address is a network of one.

    Raises ValidationError. Host bits beyond the mask are refused, because `10.1.2.3/8` may be meant as one machine or
    as sixteen million.
    """
    text = text.strip()
    try:
        return str(ip_network(text))
    except ValueError:
        try:
            meant = ip_interface(text).network
        except ValueError:
            complaint = f"{text[:60]!r} is not an IP address or network, such as 203.0.113.7 or 203.0.113.0/24."
        else:
            complaint = f"{text!r} has bits set beyond its mask; the network is {meant}."
        raise ValidationError(complaint, code="network") from None


class NetworkField(BaseField):
    """An IPv4 or IPv6 network in CIDR notation, as text in Python and `cidr` in PostgreSQL."""

    description = "IP network"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "cidr"

    def to_python(self, value: Any) -> Any:
        return network(value) if isinstance(value, str) else value

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        super().validate(value, model_instance)
        self.to_python(value)  # of an array's items nothing but this is called

    def formfield(self, *args: Any, **options: Any) -> forms.Field | None:
        return super().formfield(
            *args, validators=[self.to_python], **options
        )  # the form of an array hides our own words

    def get_prep_value(self, value: Any) -> Any:
        return self.to_python(super().get_prep_value(value))


def per_minute(help_text: str) -> models.PositiveIntegerField[int | None, int | None]:
    """A column of requests per minute; empty means what `help_text` says."""
    return models.PositiveIntegerField(null=True, blank=True, validators=[at_least_one], help_text=help_text)


def cap(period: str) -> models.BigIntegerField[int | None, int | None]:
    """A column that bounds a key's spending, in nano-USD; empty means unbounded."""
    return models.BigIntegerField(
        null=True,
        blank=True,
        validators=[at_least_one],
        help_text=f"Most that this key may spend {period}, in nano-USD (1 USD = 1,000,000,000). Empty: no cap.",
    )


def slugs_of_models() -> ArrayField[list[str], list[str]]:
    """A column of model slugs. They are not checked against the catalogue, which this app does not know."""
    return ArrayField(
        models.CharField(max_length=200, validators=[model_slug_syntax]),
        default=list,
        blank=True,
        help_text="Slugs of the only models that may be called, separated by commas. Empty: all.",
    )


def positive(name: str) -> models.CheckConstraint:
    """The database's own refusal of zero and negative numbers in the column `name`; empty is allowed."""
    return models.CheckConstraint(condition=Q(**{f"{name}__gt": 0}), name=f"%(app_label)s_%(class)s_{name}_positive")


def one_of(name: str, choices: type[models.TextChoices]) -> models.CheckConstraint:
    """The database's own refusal of words that are not in `choices`."""
    return models.CheckConstraint(
        condition=Q(**{f"{name}__in": choices.values}), name=f"%(app_label)s_%(class)s_{name}_known"
    )
