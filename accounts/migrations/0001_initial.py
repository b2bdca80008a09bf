import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import accounts.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                (
                    "email",
                    accounts.fields.EmailAddressField(max_length=254, unique=True, verbose_name="e-mail address"),
                ),
                ("name", models.CharField(blank=True, max_length=150)),
                (
                    "is_active",
                    models.BooleanField(default=True, help_text="Instead of deleting a person, make them inactive."),
                ),
                ("is_staff", models.BooleanField(default=False, help_text="May enter the admin.")),
                ("date_joined", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("owner", "Owner"),
                            ("admin", "Admin"),
                            ("developer", "Developer"),
                            ("billing", "Billing"),
                            ("viewer", "Viewer"),
                        ],
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Organization",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "slug",
                    models.CharField(
                        max_length=63,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[a-z0-9]+(?:-[a-z0-9]+)*\\Z",
                                "A slug is made of lower-case letters, digits and single hyphens.",
                            )
                        ],
                    ),
                ),
                ("name", models.CharField(max_length=150)),
                ("is_personal", models.BooleanField(default=False, help_text="Came with its owner's account.")),
                (
                    "status",
                    models.CharField(
                        choices=[("active", "Active"), ("frozen", "Frozen"), ("closed", "Closed")],
                        default="active",
                        max_length=10,
                    ),
                ),
                (
                    "status_reason",
                    models.CharField(blank=True, help_text="For operators; customers do not see it.", max_length=200),
                ),
                (
                    "chat_rpm",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Instead of the plan's limit. Empty: the plan's.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1, "This must be more than zero, or empty.")
                        ],
                    ),
                ),
                (
                    "image_rpm",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Instead of the plan's limit. Empty: the plan's.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1, "This must be more than zero, or empty.")
                        ],
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "members",
                    models.ManyToManyField(
                        related_name="organizations", through="accounts.Membership", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ["slug"],
            },
        ),
        migrations.AddField(
            model_name="membership",
            name="organization",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="memberships", to="accounts.organization"
            ),
        ),
        migrations.CreateModel(
            name="KeyGroup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "slug",
                    models.CharField(
                        max_length=63,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[a-z0-9]+(?:-[a-z0-9]+)*\\Z",
                                "A slug is made of lower-case letters, digits and single hyphens.",
                            )
                        ],
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                (
                    "type",
                    models.CharField(
                        choices=[("general", "General"), ("image", "Image")], default="general", max_length=10
                    ),
                ),
                (
                    "platforms",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[("openai", "OpenAI"), ("anthropic", "Anthropic"), ("gemini", "Gemini")],
                            max_length=20,
                        ),
                        blank=True,
                        default=list,
                        help_text="openai, anthropic, gemini; separated by commas. Empty: all.",
                        size=None,
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(default=True, help_text="Keys of a group that is switched off are refused."),
                ),
                (
                    "models",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            max_length=200,
                            validators=[
                                django.core.validators.RegexValidator(
                                    "\\A[!-~]+\\Z", "A model's slug has no spaces and only ASCII characters."
                                )
                            ],
                        ),
                        blank=True,
                        default=list,
                        help_text="Slugs of the only models that may be called, separated by commas. Empty: all.",
                        size=None,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        blank=True,
                        help_text="The only one that may use it. Empty: offered to all.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="key_groups",
                        to="accounts.organization",
                    ),
                ),
            ],
            options={
                "ordering": ["slug"],
            },
        ),
        migrations.CreateModel(
            name="APIKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(blank=True, max_length=100)),
                ("prefix", models.CharField(editable=False, help_text="How the secret begins.", max_length=40)),
                ("last_four", models.CharField(editable=False, max_length=4)),
                ("digest", models.BinaryField(max_length=32, unique=True)),
                (
                    "type",
                    models.CharField(
                        choices=[("general", "General"), ("image", "Image")], default="general", max_length=10
                    ),
                ),
                (
                    "networks",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=accounts.fields.NetworkField(),
                        blank=True,
                        default=list,
                        help_text="IP networks that calls must come from, separated by commas. Empty: anywhere.",
                        size=None,
                    ),
                ),
                (
                    "rpm",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Requests per minute, instead of the organization's and the plan's. Empty: theirs.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1, "This must be more than zero, or empty.")
                        ],
                    ),
                ),
                (
                    "daily_cap_nusd",
                    models.BigIntegerField(
                        blank=True,
                        help_text="Most that this key may spend per UTC day, in nano-USD (1 USD = 1,000,000,000). Empty: no cap.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1, "This must be more than zero, or empty.")
                        ],
                    ),
                ),
                (
                    "monthly_cap_nusd",
                    models.BigIntegerField(
                        blank=True,
                        help_text="Most that this key may spend per UTC month, in nano-USD (1 USD = 1,000,000,000). Empty: no cap.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1, "This must be more than zero, or empty.")
                        ],
                    ),
                ),
                (
                    "total_cap_nusd",
                    models.BigIntegerField(
                        blank=True,
                        help_text="Most that this key may spend ever, in nano-USD (1 USD = 1,000,000,000). Empty: no cap.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1, "This must be more than zero, or empty.")
                        ],
                    ),
                ),
                (
                    "log_bodies",
                    models.BooleanField(default=False, help_text="Keep what is asked and answered. Off unless wanted."),
                ),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "models",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            max_length=200,
                            validators=[
                                django.core.validators.RegexValidator(
                                    "\\A[!-~]+\\Z", "A model's slug has no spaces and only ASCII characters."
                                )
                            ],
                        ),
                        blank=True,
                        default=list,
                        help_text="Slugs of the only models that may be called, separated by commas. Empty: all.",
                        size=None,
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="keys",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "replaced_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="former_secrets",
                        to="accounts.apikey",
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="keys",
                        to="accounts.keygroup",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="keys", to="accounts.organization"
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "verbose_name_plural": "API keys",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Plan",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "slug",
                    models.CharField(
                        max_length=63,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[a-z0-9]+(?:-[a-z0-9]+)*\\Z",
                                "A slug is made of lower-case letters, digits and single hyphens.",
                            )
                        ],
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                (
                    "chat_rpm",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Chat requests per minute and key. Empty: unlimited.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1, "This must be more than zero, or empty.")
                        ],
                    ),
                ),
                (
                    "image_rpm",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Image requests per minute and key. Empty: unlimited.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1, "This must be more than zero, or empty.")
                        ],
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0, help_text="Place in lists, lowest first.")),
            ],
            options={
                "ordering": ["position", "slug"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("chat_rpm__gt", 0)), name="accounts_plan_chat_rpm_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("image_rpm__gt", 0)), name="accounts_plan_image_rpm_positive"
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="organization",
            name="plan",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="organizations", to="accounts.plan"
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("email", django.db.models.functions.text.Lower("email"))),
                name="accounts_user_email_lower_case",
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.UniqueConstraint(fields=("user", "organization"), name="accounts_membership_once"),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=models.Q(("role__in", ["owner", "admin", "developer", "billing", "viewer"])),
                name="accounts_membership_role_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="keygroup",
            constraint=models.UniqueConstraint(
                fields=("organization", "slug"), name="accounts_keygroup_slug_once", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="keygroup",
            constraint=models.UniqueConstraint(fields=("id", "type"), name="accounts_keygroup_id_type"),
        ),
        migrations.AddConstraint(
            model_name="keygroup",
            constraint=models.CheckConstraint(
                condition=models.Q(("type__in", ["general", "image"])), name="accounts_keygroup_type_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="keygroup",
            constraint=models.CheckConstraint(
                condition=models.Q(("platforms__contained_by", ["openai", "anthropic", "gemini"])),
                name="accounts_keygroup_platforms_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(condition=models.Q(("rpm__gt", 0)), name="accounts_apikey_rpm_positive"),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(("daily_cap_nusd__gt", 0)), name="accounts_apikey_daily_cap_nusd_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(("monthly_cap_nusd__gt", 0)), name="accounts_apikey_monthly_cap_nusd_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(("total_cap_nusd__gt", 0)), name="accounts_apikey_total_cap_nusd_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(("type__in", ["general", "image"])), name="accounts_apikey_type_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("replaced_by", None), ("expires_at__isnull", False), ("revoked_at__isnull", False), _connector="OR"
                ),
                name="accounts_apikey_former_secret_ends",
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("replaced_by", None), models.Q(("replaced_by", models.F("id")), _negated=True), _connector="OR"
                ),
                name="accounts_apikey_not_its_own_successor",
            ),
        ),
        migrations.AddConstraint(
            model_name="organization",
            constraint=models.CheckConstraint(
                condition=models.Q(("chat_rpm__gt", 0)), name="accounts_organization_chat_rpm_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="organization",
            constraint=models.CheckConstraint(
                condition=models.Q(("image_rpm__gt", 0)), name="accounts_organization_image_rpm_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="organization",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["active", "frozen", "closed"])),
                name="accounts_organization_status_known",
            ),
        ),
    ]
