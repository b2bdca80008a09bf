"""`manage.py provider set|list|test`: the companies that answer calls, and the secrets that open their doors."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.models import Provider
from gateway import credentials, upstream
from gateway.errors import GatewayError
from gateway.models import Credential
from gateway.providers import PROVIDERS


class Command(BaseCommand):
    help = "Set, list and test providers."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        setting = actions.add_parser("set", help="create or change a provider")
        setting.add_argument("name")
        setting.add_argument("--adapter", help=f"one of {', '.join(sorted(PROVIDERS))}")
        setting.add_argument("--base-url")
        setting.add_argument("--credential", help="its secret; an empty one is for servers that need none")
        listing = actions.add_parser("list", help="all providers")
        testing = actions.add_parser("test", help="ask a provider for its models")
        testing.add_argument("name")
        for action in (setting, listing, testing):
            action.add_argument("--json", action="store_true", help="one JSON object on stdout, nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        action = {"set": self._set, "list": self._list, "test": self._test}[options["action"]]
        answer = action(options)
        if options["json"]:
            self.stdout.write(json.dumps(answer))
        else:
            for row in answer.get("providers", [answer]):
                self.stdout.write("  ".join(f"{key}={value}" for key, value in row.items()))
        if answer.get("ok") is False:
            raise CommandError(f"{options['name']}: {answer['error']}")

    def _set(self, options: dict[str, Any]) -> dict[str, Any]:
        provider = Provider.objects.filter(slug=options["name"]).first()
        adapter = options["adapter"] or (provider.adapter if provider else "")
        base_url = options["base_url"] or (provider.base_url if provider else "")
        if adapter not in PROVIDERS:
            raise CommandError(f"--adapter must be one of {', '.join(sorted(PROVIDERS))}.")
        if not base_url.startswith(("http://", "https://")):
            raise CommandError("--base-url must start with http:// or https://.")
        if provider is None:
            provider = Provider(slug=options["name"], name=options["name"])
        provider.adapter, provider.base_url, provider.is_enabled = adapter, base_url.rstrip("/"), True
        provider.full_clean()
        provider.save()
        if options["credential"] is not None:
            credentials.store(provider, options["credential"])
        return _row(Provider.objects.get(pk=provider.pk))

    def _list(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"providers": [_row(provider) for provider in Provider.objects.order_by("slug")]}

    def _test(self, options: dict[str, Any]) -> dict[str, Any]:
        provider = Provider.objects.filter(slug=options["name"]).first()
        if provider is None:
            raise CommandError(f"There is no provider {options['name']!r}.")
        credential = Credential.objects.filter(provider=provider).first()
        secret = credentials.reveal(credential) if credential else ""
        return asyncio.run(_ask(provider, secret))


def _row(provider: Provider) -> dict[str, Any]:
    return {
        "name": provider.slug,
        "adapter": provider.adapter,
        "base_url": provider.base_url,
        "enabled": provider.is_enabled,
        "has_credential": provider.has_credential,
    }


async def _ask(provider: Provider, secret: str) -> dict[str, Any]:
    """List the provider's models: it proves address and secret, and costs nothing."""
    adapter = PROVIDERS[provider.adapter]
    begun = time.monotonic()
    answer: dict[str, Any] = {"name": provider.slug, "ok": False}
    try:
        response = await upstream.send(
            "GET",
            adapter.models_url(provider.base_url),
            headers=adapter.headers(adapter.native, secret, {}),
            body=None,
            first_byte_seconds=15,
        )
        try:
            body = await response.whole(4 * 1024 * 1024)
        finally:
            response.close()
        answer["status"] = response.status
        answer["milliseconds"] = int((time.monotonic() - begun) * 1000)
        if response.status == 200:
            answer["ok"] = True
            answer["models"] = adapter.count_models(body)
        else:
            answer["error"] = f"it answered with status {response.status}"
    except GatewayError as error:
        answer["error"] = error.message
    finally:
        await upstream.close()
    return answer
