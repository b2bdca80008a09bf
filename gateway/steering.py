"""In which order the endpoints of a model are asked for one call.

Lower priority numbers first. Among equals each customer has a favourite, the same for every call, so that a provider's
prompt cache is found again; weights decide how many customers favour which. What is known to be broken comes last; once
its rest is over it is back in its place, and its breaker lets through as many calls as it dares. The first endpoint
sells at the customer's price; a fallback that costs us more may raise it by whole percents up to three, and is left out
where even that would not cover the floor.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing import pricing
from catalog import health
from catalog.rates import Rates
from catalog.routing import Route

NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class Leg:
    """One endpoint in the order for one call. `rise` is the share by which its price is above the customer's (0.02)."""

    route: Route
    rise: Decimal = NONE


def order(routes: Sequence[Route], customer: int, rates: Rates) -> list[Leg]:
    """The endpoints for a call of this customer at these retail rates, best first, broken ones last."""
    if len(routes) == 1:
        return [Leg(routes[0])]
    favoured = sorted(routes, key=lambda route: (route.priority, _distance(route, customer), route.endpoint_id))
    legs = [Leg(favoured[0])]
    for route in favoured[1:]:
        rise = rise_of(route, rates)
        if rise is not None:
            legs.append(Leg(route, rise))
    return sorted(legs, key=lambda leg: health.rests(leg.route.endpoint_id))


def rise_of(route: Route, rates: Rates) -> Decimal | None:
    """By how much a fallback's price rises; None when it may not be sold at all. Unknown costs cannot be judged."""
    if route.supplier is None or not route.supplier.rates.levels or not rates.levels:
        return NONE
    most = NONE
    supplier = route.supplier.rates.levels[0].prices
    for name, price in rates.levels[0].prices.items():
        if name not in ("input", "output") or name not in supplier:
            continue
        floored = pricing.with_floor(price, supplier[name], is_fallback=True)
        if not floored.is_eligible:
            return None
        most = max(most, floored.rise)
    return most


def _distance(route: Route, customer: int) -> float:
    """Weighted rendezvous hashing: the endpoint at the least distance is the customer's favourite. Adding or removing
    one moves only the customers that it gains or loses."""
    digest = hashlib.blake2b(f"{customer}:{route.endpoint_id}".encode(), digest_size=8).digest()
    share = (int.from_bytes(digest, "big") + 1) / (2**64 + 1)
    return -math.log(share) / max(1, route.weight)
