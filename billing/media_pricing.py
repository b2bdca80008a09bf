"""What pictures and films cost: flat per returned image, per delivered video by its configuration. Pure.

A configuration is what the customer asked for (`resolution`, `duration`, `audio`, `mode`, `size`, `quality` …); members
that are absent or None take the rule's defaults. Only what was delivered is paid, so the caller passes that.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from billing.pricing import Cost, Line
from catalog.media_rules import ImageRule, Value, VideoRule


class NotSold(ValueError):
    """A configuration that the rule has no price for. `allowed` lists the values of `field` that have one; when it is
    empty, any whole number of seconds will do for `duration`, and any other member must be left out."""

    def __init__(self, field: str, value: object, allowed: tuple[Value, ...]) -> None:
        if allowed:
            offer = f"choose from {', '.join(str(choice).lower() for choice in allowed)}"
        else:
            offer = "give whole seconds" if field == "duration" else "leave it out"
        super().__init__(f"{field} {value!r} is not offered; {offer}")
        self.field = field
        self.value = value
        self.allowed = allowed


def image_price(rule: ImageRule, config: Mapping[str, Value] | None = None) -> Decimal:
    """USD for one image. The variant with the most matching conditions wins.

    A value that the rule does not know means the default one, as a model treats a quality or size it does not know.
    """
    if not rule.variants:
        return rule.price
    known: dict[str, set[str]] = {}
    for variant in rule.variants:
        for name, values in variant.when.items():
            known.setdefault(name, set()).update(values)
    chosen = dict(rule.defaults)
    for name, value in (config or {}).items():
        text = str(value).lower()
        if value is not None and text in known.get(name, ()):
            chosen[name] = text
    matching = [
        variant for variant in rule.variants if all(chosen.get(name) in values for name, values in variant.when.items())
    ]
    if not matching:
        return rule.price
    return max(matching, key=lambda variant: (len(variant.when), variant.price)).price


def image_cost(rule: ImageRule, config: Mapping[str, Value] | None, delivered: int) -> Cost:
    """The bill for `delivered` images, however many were asked for."""
    if delivered <= 0:
        return Cost(Decimal(0), ())
    price = image_price(rule, config)
    amount = price * delivered
    return Cost(amount, (Line("per_image", delivered, price, amount),))


def video_config(rule: VideoRule, asked: Mapping[str, Value]) -> dict[str, Value]:
    """The configuration with defaults filled in, as it is priced, generated and shown. Raises NotSold."""
    config = dict(rule.defaults)
    for name, value in asked.items():
        if value is not None:
            config[name] = value.lower() if name in ("resolution", "mode") and isinstance(value, str) else value
    for name, allowed in rule.allowed.items():
        value = config.get(name)
        if value is not None and value not in allowed:
            raise NotSold(name, value, allowed)
    # True equals 1 in Python: without a look at the type, `duration: true` would pass for one second.
    length, audio = config.get("duration"), config.get("audio")
    if isinstance(length, bool) or not isinstance(length, int) or length < 1:
        raise NotSold("duration", length, rule.allowed.get("duration", ()))
    if audio is not None and not isinstance(audio, bool):
        raise NotSold("audio", audio, rule.allowed.get("audio", (False, True)))
    return config


def video_price(rule: VideoRule, asked: Mapping[str, Value]) -> Decimal:
    """USD for one delivered video, rounded half up to the rule's decimals. Raises NotSold for what has no price."""
    config = video_config(rule, asked)
    price = rule.price
    for name, table in rule.prices.items():
        price = _lookup(name, table, config)
    amount = price * Decimal(int(config["duration"] or 0)) * rule.discount
    for name, table in rule.multipliers.items():
        if table:
            amount *= _lookup(name, table, config)
    if config.get("audio"):
        amount *= rule.audio_multiplier
    # Divided last, so that every price that has an end is exact when it is rounded.
    step = Decimal(1).scaleb(-rule.places)
    return max(step, (amount / rule.seconds).quantize(step, ROUND_HALF_UP))


def video_cost(rule: VideoRule, asked: Mapping[str, Value]) -> Cost:
    """The bill for one delivered video."""
    price = video_price(rule, asked)
    return Cost(price, (Line("per_video", 1, price, price),))


def _lookup(name: str, table: Mapping[str, Decimal], config: Mapping[str, Value]) -> Decimal:
    value = config.get(name)
    if not isinstance(value, str) or value not in table:
        raise NotSold(name, value, tuple(table))
    return table[value]
