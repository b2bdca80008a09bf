"""Callers without a database: what limits and listings need to know of one."""

import secrets
from dataclasses import replace
from typing import Any

from accounts.callers import Caller


def stranger(**changes: Any) -> Caller:
    """Somebody whom Redis has never seen, with 5 chat requests and 2 images a minute, who may call everything."""
    return replace(
        Caller(
            key_id=secrets.randbits(50),
            user_id=1,
            organization_id=1,
            organization_slug="alice",
            plan="popular",
            chat_rpm=5,
            image_rpm=2,
            key_type="general",
            group=None,
            platforms=None,
            models=(),
            networks=(),
            daily_cap_nusd=None,
            monthly_cap_nusd=None,
            total_cap_nusd=None,
            log_bodies=False,
            expires_at=None,
        ),
        **changes,
    )
