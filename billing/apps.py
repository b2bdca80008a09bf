"""The app's configuration."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Who has paid, and what does this cost?"""

    name = "billing"
    verbose_name = "Billing"
