"""Price lists that the tests of pricing share, in USD per million tokens as vendors print them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from catalog.rates import Rates


def per_million(base: Mapping[str, str], **tiers: Mapping[str, str]) -> Rates:
    """Rates out of printed prices; `over_200000={…}` is a tier above 200 000 prompt tokens."""
    rows = [(name, 0, Decimal(price) / 1_000_000) for name, price in base.items()]
    for tier, prices in tiers.items():
        over = int(tier.removeprefix("over_"))
        rows += [(name, over, Decimal(price) / 1_000_000) for name, price in prices.items()]
    return Rates.of(rows)


DEEPSEEK_V4_FLASH = per_million({"input": "0.18", "output": "0.30"})
MINIMAX_M2_1 = per_million({"input": "0.297", "output": "1.188"})
# 5 / 25 per million less a fifth, with cache prices.
OPUS = per_million(
    {"input": "4", "cached_input": "0.40", "cache_write_5m": "5", "cache_write_1h": "8", "output": "20"},
)
TIERED = per_million({"input": "2", "output": "12"}, over_200000={"input": "4", "output": "18"})

KLING = {"discount": "0.9", "places": 3}
KLING_2_1 = KLING | {
    "price": "0.09",
    "prices": {"mode": {"standard": "0.05", "pro": "0.09", "master": "0.28"}},
    "defaults": {"task": "i2v", "duration": 5, "resolution": "1080p", "audio": False, "mode": "pro"},
    "allowed": {"duration": [5, 10], "audio": [False]},
}
KLING_2_5_TURBO_PRO = KLING | {
    "price": "0.07",
    "defaults": {"task": "t2v", "duration": 5, "resolution": "1080p", "audio": False, "mode": "turbo"},
    "allowed": {"duration": [5, 10], "mode": ["turbo"], "resolution": ["1080p"], "audio": [False]},
}
KLING_2_6 = KLING | {
    "price": "0.07",
    "audio_multiplier": "2",
    "defaults": {"task": "t2v", "duration": 5, "resolution": "1080p", "audio": False, "mode": None},
    "allowed": {"duration": [5, 10], "resolution": ["1080p"], "audio": [False, True]},
}
KLING_3_0 = KLING | {
    "price": "0.112",
    "prices": {"resolution": {"720p": "0.084", "1080p": "0.112", "4k": "0.42"}},
    "audio_multiplier": "2",
    "defaults": {"task": "t2v", "duration": 5, "resolution": "1080p", "audio": False, "mode": None},
    "allowed": {"duration": list(range(3, 16)), "resolution": ["720p", "1080p", "4k"], "audio": [False, True]},
}
KLING_O3 = {"price": "0.150", "seconds": 5, "defaults": {"duration": 5, "resolution": "720p", "audio": True}}
KLING_2_6_MOTION = KLING | {
    "price": "0.112",
    "prices": {"resolution": {"720p": "0.07", "1080p": "0.112"}},
    "defaults": {"task": "v2v", "duration": 5, "resolution": "1080p", "audio": False},
}
KLING_3_0_MOTION = KLING | {
    "price": "0.168",
    "prices": {"resolution": {"720p": "0.126", "1080p": "0.168"}},
    "defaults": {"task": "v2v", "duration": 5, "resolution": "1080p", "audio": False},
}
KLING_AVATAR_PRO = KLING | {"price": "0.115", "defaults": {"duration": 10, "resolution": "1080p", "audio": True}}
KLING_AVATAR_STANDARD = KLING | {"price": "0.0562", "defaults": {"duration": 10, "resolution": "720p", "audio": True}}
HAILUO_02 = {
    "price": "0.200",
    "seconds": 6,
    "multipliers": {"resolution": {"768p": "1", "1080p": "1.75"}},
    "defaults": {"duration": 6, "resolution": "768p", "audio": False},
}
WAN_2_5 = {
    "price": "0.600",
    "seconds": 5,
    "multipliers": {"resolution": {"480p": "0.5", "720p": "1", "1080p": "1.5"}},
    "defaults": {"duration": 5, "resolution": "720p", "audio": True},
}

DALL_E_3 = {
    "price": "0.032",
    "defaults": {"size": "1024x1024", "quality": "standard"},
    "variants": [
        {"when": {"size": ["1024x1792", "1792x1024"], "quality": ["standard"]}, "price": "0.064"},
        {"when": {"size": ["1024x1024"], "quality": ["hd"]}, "price": "0.064"},
        {"when": {"size": ["1024x1792", "1792x1024"], "quality": ["hd"]}, "price": "0.096"},
    ],
}
DALL_E_2 = {
    "price": "0.016",
    "defaults": {"size": "1024x1024"},
    "variants": [
        {"when": {"size": ["256x256"]}, "price": "0.0128"},
        {"when": {"size": ["512x512"]}, "price": "0.0144"},
    ],
}
