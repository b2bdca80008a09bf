"""The gateway as a Django app."""

from django.apps import AppConfig


class GatewayConfig(AppConfig):
    name = "gateway"
    verbose_name = "Gateway"

    def ready(self) -> None:
        from gateway import celery  # noqa: F401  (so that a task sent from a page finds its broker)
