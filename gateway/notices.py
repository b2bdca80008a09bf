"""What every page must say: that answers are made up, as long as no real provider is set."""

from __future__ import annotations

from django.http import HttpRequest

from catalog import routing


def simulated(request: HttpRequest) -> dict[str, object]:
    """For templates: `simulated_models()` is how many models the simulator answers, and nobody else. It is asked only
    by pages that show it."""

    def count() -> int:
        snapshot = routing.snapshot()
        return sum(snapshot.simulated(slug) for slug in snapshot.models)

    return {"simulated_models": count}
