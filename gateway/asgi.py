"""The server's entry: model calls take the fast lane, everything else is Django's."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
django.setup(set_prefix=False)

from gateway.doors import application  # noqa: E402  (models load only after setup)

__all__ = ["application"]
