"""`python -m bench.stock USD…`: make a customer with each amount. Prints them as JSON.

The first time it also makes the model that the mock provider serves.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from decimal import Decimal

import django

django.setup()

from accounts import keys, signup  # noqa: E402  (models load only after setup)
from bench.servers import World  # noqa: E402
from billing import wallets  # noqa: E402
from catalog import prices  # noqa: E402
from catalog.cards import Card  # noqa: E402
from catalog.models import AIModel, Endpoint, Kind, Platform, Provider  # noqa: E402
from gateway import credentials  # noqa: E402

NEVER_REACHED = 100_000_000  # requests a minute: the limit is counted like any other


def stock() -> None:
    """The model, its price, and its one endpoint."""
    model, made = AIModel.objects.get_or_create(
        slug=World.MODEL,
        defaults={
            "display_name": "Bench model",
            "vendor": "bench",
            "kind": Kind.CHAT,
            "platform": Platform.OPENAI,
            "max_output_tokens": 64_000,
        },
    )
    if made:
        rates = [(name, 0, str(Decimal(nusd).scaleb(-9))) for name, nusd in World.PRICES.items()]
        prices.change(model, Card.of(rates))
        url = f"{os.environ['PROVIDER_URL']}/v1"
        provider = Provider.objects.create(slug="bench", name="Bench", adapter="compatible", base_url=url)
        credentials.store(provider, "sk-bench")
        Endpoint.objects.create(model=model, provider=provider, upstream_id="mock-1", dialect="openai_chat")


def customer(usd: Decimal) -> dict[str, object]:
    """One organization with `usd` and a key."""
    name = f"bench-{secrets.token_hex(6)}"
    user, organization = signup.open_account(f"{name}@example.com", name=name)
    wallets.credit(organization, usd, "to be spent", "bench")
    _, secret = keys.issue(organization, created_by=user, rpm=NEVER_REACHED)
    return {"organization": organization.pk, "slug": organization.slug, "key": secret}


if __name__ == "__main__":
    stock()
    print(json.dumps([customer(Decimal(usd)) for usd in sys.argv[1:]]))
