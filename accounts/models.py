"""Who is asking: people, their organizations, and the keys that speak for them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.fields import (
    EmailAddressField,
    NetworkField,
    cap,
    one_of,
    per_minute,
    positive,
    slug_syntax,
    slugs_of_models,
)


class Role(models.TextChoices):
    """What a member is in an organization."""

    OWNER = "owner"
    ADMIN = "admin"
    DEVELOPER = "developer"
    BILLING = "billing"
    VIEWER = "viewer"


class Status(models.TextChoices):
    """Frozen: nothing can be called until an operator thaws the organization. Closed: for good."""

    ACTIVE = "active"
    FROZEN = "frozen"
    CLOSED = "closed"


class KeyType(models.TextChoices):
    """Spec 004: a general key calls everything but image tasks; an image key calls only those."""

    GENERAL = "general"
    IMAGE = "image"


class Platform(models.TextChoices):
    """The family that a model belongs to, as key groups mean it (spec 004)."""

    OPENAI = "openai", "OpenAI"
    ANTHROPIC = "anthropic", "Anthropic"
    GEMINI = "gemini", "Gemini"


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A person without an organization; `signup.open_account` makes both. None: no password will do."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, **{**fields, "is_staff": True, "is_superuser": True})


class User(AbstractBaseUser, PermissionsMixin):
    """A person. The e-mail address is the login; its case does not matter."""

    email = EmailAddressField("e-mail address", unique=True)
    name = models.CharField(max_length=150, blank=True)
    is_active = models.BooleanField(default=True, help_text="Instead of deleting a person, make them inactive.")
    is_staff = models.BooleanField(default=False, help_text="May enter the admin.")
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta:
        constraints = [
            # With the unique index this makes addresses unique whatever their case, for every writer.
            models.CheckConstraint(condition=Q(email=Lower("email")), name="accounts_user_email_lower_case")
        ]

    def __str__(self) -> str:
        return self.email


class Plan(models.Model):
    """How many requests per minute an organization's keys may make. An empty limit is custom: none but the
    organization's own."""

    slug = models.CharField(max_length=63, unique=True, validators=[slug_syntax])
    name = models.CharField(max_length=100)
    chat_rpm = per_minute("Chat requests per minute and key. Empty: unlimited.")
    image_rpm = per_minute("Image requests per minute and key. Empty: unlimited.")
    position = models.PositiveSmallIntegerField(default=0, help_text="Place in lists, lowest first.")

    class Meta:
        ordering = ["position", "slug"]
        constraints = [positive("chat_rpm"), positive("image_rpm")]

    def __str__(self) -> str:
        return self.name


class Organization(models.Model):
    """Who owns keys and money. It is closed, never deleted: its books refer to it."""

    slug = models.CharField(max_length=63, unique=True, validators=[slug_syntax])
    name = models.CharField(max_length=150)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="organizations")
    is_personal = models.BooleanField(default=False, help_text="Came with its owner's account.")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    status_reason = models.CharField(max_length=200, blank=True, help_text="For operators; customers do not see it.")
    chat_rpm = per_minute("Instead of the plan's limit. Empty: the plan's.")
    image_rpm = per_minute("Instead of the plan's limit. Empty: the plan's.")
    members = models.ManyToManyField(User, through="Membership", related_name="organizations")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["slug"]
        constraints = [positive("chat_rpm"), positive("image_rpm"), one_of("status", Status)]

    def __str__(self) -> str:
        return self.slug


class Membership(models.Model):
    """A person's role in an organization. Written only by `members.py`, which keeps the last owner in place."""

    # A person with memberships cannot be deleted: an organization would lose its owner without anybody deciding so.
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "organization"], name="accounts_membership_once"),
            one_of("role", Role),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.organization}"


class KeyGroup(models.Model):
    """What its keys may call: platforms and models. Empty lists narrow nothing."""

    slug = models.CharField(max_length=63, validators=[slug_syntax])
    name = models.CharField(max_length=100)
    type = models.CharField(max_length=10, choices=KeyType.choices, default=KeyType.GENERAL)
    platforms = ArrayField(
        models.CharField(max_length=20, choices=Platform.choices),
        default=list,
        blank=True,
        help_text="openai, anthropic, gemini; separated by commas. Empty: all.",
    )
    organization = models.ForeignKey(
        Organization,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="key_groups",
        help_text="The only one that may use it. Empty: offered to all.",
    )
    is_active = models.BooleanField(default=True, help_text="Keys of a group that is switched off are refused.")
    models = slugs_of_models()  # last, because below it the name no longer means Django's module

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "slug"], name="accounts_keygroup_slug_once", nulls_distinct=False
            ),
            # The target of the foreign key (group, type) of keys; see migration 0003.
            models.UniqueConstraint(fields=["id", "type"], name="accounts_keygroup_id_type"),
            one_of("type", KeyType),
            models.CheckConstraint(
                condition=Q(platforms__contained_by=Platform.values), name="accounts_keygroup_platforms_known"
            ),
        ]

    def __str__(self) -> str:
        return self.slug


class APIKey(models.Model):
    """One secret that speaks for an organization. The secret itself is stored nowhere; see `keys.py`.

    A row with `replaced_by` is a former secret of that key, still good until its `expires_at`: it speaks with the
    key's identity and under the key's limits.
    """

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="keys")
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="keys")
    name = models.CharField(max_length=100, blank=True)
    prefix = models.CharField(max_length=40, editable=False, help_text="How the secret begins.")
    last_four = models.CharField(max_length=4, editable=False)
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    # PROTECT: a key that lost its group would be allowed more than before.
    group = models.ForeignKey(KeyGroup, on_delete=models.PROTECT, null=True, blank=True, related_name="keys")
    type = models.CharField(max_length=10, choices=KeyType.choices, default=KeyType.GENERAL)
    networks = ArrayField(
        NetworkField(),
        default=list,
        blank=True,
        help_text="IP networks that calls must come from, separated by commas. Empty: anywhere.",
    )
    rpm = per_minute("Requests per minute, instead of the organization's and the plan's. Empty: theirs.")
    daily_cap_nusd = cap("per UTC day")
    monthly_cap_nusd = cap("per UTC month")
    total_cap_nusd = cap("ever")
    log_bodies = models.BooleanField(default=False, help_text="Keep what is asked and answered. Off unless wanted.")
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    replaced_by = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="former_secrets"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    models = slugs_of_models()  # last, because below it the name no longer means Django's module

    class Meta:
        ordering = ["id"]
        verbose_name = "API key"
        verbose_name_plural = "API keys"
        constraints = [
            *(positive(name) for name in ("rpm", "daily_cap_nusd", "monthly_cap_nusd", "total_cap_nusd")),
            one_of("type", KeyType),
            models.CheckConstraint(
                condition=Q(replaced_by=None) | Q(expires_at__isnull=False) | Q(revoked_at__isnull=False),
                name="accounts_apikey_former_secret_ends",
            ),
            models.CheckConstraint(
                condition=Q(replaced_by=None) | ~Q(replaced_by=F("id")), name="accounts_apikey_not_its_own_successor"
            ),
        ]

    def __str__(self) -> str:
        return self.masked

    @property
    def masked(self) -> str:
        """What may be shown of the secret: how it begins and its last four characters."""
        return f"{self.prefix}...{self.last_four}"

    @property
    def status(self) -> str:
        """`active`, `revoked` or `expired`."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= timezone.now():
            return "expired"
        return "active"

    def clean(self) -> None:
        """Raises ValidationError unless the group is one that this key may have."""
        if self.group is None:
            return
        if self.group.type != self.type:
            raise ValidationError(
                {"group": f"{self.group} is a group for {self.group.type} keys, not {self.type} keys."}
            )
        if self.group.organization_id not in (None, self.organization_id):
            raise ValidationError({"group": f"{self.group} belongs to another organization."})
