"""The partitioned table of usage records: made by SQL, known to Django as a model."""

import django.db.models.functions.datetime
from django.db import migrations, models

from billing.sql.functions import install


def make(apps, schema_editor):
    install(schema_editor, "usage_record")


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunPython(make, migrations.RunPython.noop),
                migrations.RunSQL(migrations.RunSQL.noop, "DROP TABLE IF EXISTS billing_usagerecord"),
            ],
            state_operations=[
                migrations.CreateModel(
                    name="UsageRecord",
                    fields=[
                        ("id", models.UUIDField(help_text="The id of the call.", primary_key=True, serialize=False)),
                        ("started_at", models.DateTimeField()),
                        ("finished_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                        ("wallet_id", models.BigIntegerField()),
                        ("key_id", models.BigIntegerField(null=True)),
                        ("user_id", models.BigIntegerField(null=True)),
                        ("model_id", models.BigIntegerField(null=True)),
                        ("endpoint_id", models.BigIntegerField(null=True)),
                        ("price_version_id", models.BigIntegerField(null=True)),
                        ("supplier_cost_version_id", models.BigIntegerField(null=True)),
                        ("model", models.TextField(help_text="The slug that was asked for.")),
                        ("provider", models.TextField(help_text="Who answered; customers never see it.")),
                        ("surface", models.TextField()),
                        ("operation", models.TextField()),
                        ("streamed", models.BooleanField()),
                        ("input_tokens", models.IntegerField(default=0)),
                        ("cached_input_tokens", models.IntegerField(default=0)),
                        ("cache_write_5m_tokens", models.IntegerField(default=0)),
                        ("cache_write_1h_tokens", models.IntegerField(default=0)),
                        ("output_tokens", models.IntegerField(default=0)),
                        ("reasoning_tokens", models.IntegerField(default=0)),
                        ("audio_input_tokens", models.IntegerField(default=0)),
                        ("audio_output_tokens", models.IntegerField(default=0)),
                        ("image_input_tokens", models.IntegerField(default=0)),
                        ("image_output_tokens", models.IntegerField(default=0)),
                        ("images", models.IntegerField(default=0)),
                        ("characters", models.IntegerField(default=0)),
                        ("seconds", models.DecimalField(decimal_places=3, default=0, max_digits=14)),
                        ("usage_source", models.TextField(help_text="reported | estimated | none")),
                        (
                            "exact_cost",
                            models.DecimalField(decimal_places=14, help_text="USD, unrounded.", max_digits=24),
                        ),
                        ("cost_nusd", models.BigIntegerField(help_text="Rounded once, half up, to 1e-8 USD.")),
                        (
                            "charged_nusd",
                            models.BigIntegerField(
                                help_text="Below the cost when the wallet did not have it: we bear the rest."
                            ),
                        ),
                        (
                            "supplier_cost",
                            models.DecimalField(
                                decimal_places=14, help_text="USD; null = unknown.", max_digits=24, null=True
                            ),
                        ),
                        (
                            "rise",
                            models.DecimalField(
                                decimal_places=3,
                                default=0,
                                help_text="The share above the list price, on a fallback.",
                                max_digits=4,
                            ),
                        ),
                        ("is_late", models.BooleanField(default=False, help_text="Settled without an open hold.")),
                        ("outcome", models.TextField(help_text="completed | failed | cancelled | cut | refused")),
                        ("finish", models.TextField(default="")),
                        ("error_code", models.TextField(null=True)),
                        ("status", models.SmallIntegerField()),
                        ("attempts", models.JSONField(default=list)),
                        ("first_byte_ms", models.IntegerField(null=True)),
                        ("duration_ms", models.IntegerField()),
                        ("detail", models.JSONField(null=True)),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["wallet_id", "started_at"], name="usage_of_wallet"),
                            models.Index(fields=["key_id", "started_at"], name="usage_of_key"),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("charged_nusd__gte", 0), ("charged_nusd__lte", models.F("cost_nusd"))
                                ),
                                name="usage_charges_its_cost_at_most",
                            )
                        ],
                    },
                ),
            ],
        )
    ]
