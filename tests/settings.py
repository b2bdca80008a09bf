"""Settings of the test run: the shipped ones, with nothing of the caller's and nothing that leaves the machine.

This file only names the throw-away PostgreSQL and Redis; tests/conftest.py starts them. With DATABASE_URL and
REDIS_URL set, those are used instead.
"""

import os
import re
import secrets
import tempfile

WORKER = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0)

_place = f"{tempfile.gettempdir()}/tollgate-tests-{os.getpid()}-{secrets.token_hex(3)}"
os.environ.setdefault("TOLLGATE_TEST_DIR", _place)
os.environ["VAR_DIR"] = os.environ["TOLLGATE_TEST_DIR"]
os.environ["PRODUCTION"] = "0"
for _name in (
    "DEBUG",
    "PUBLIC_URL",
    "DOCS_URL",
    "ALLOWED_HOSTS",
    "LOG_LEVEL",
    "API_KEY_PREFIX",
    "DEFAULT_PLAN",
    "FAST_LANE",
):
    os.environ.pop(_name, None)
for _name in ("SECRET_KEY", "API_KEY_PEPPER", "CREDENTIAL_KEY"):
    os.environ.pop(f"{_name}_FILE", None)
    os.environ[_name] = f"the tests' own {_name}, the same in every run"

from gateway import embedded  # noqa: E402
from gateway.settings import *  # noqa: E402, F403
from gateway.settings import VAR_DIR  # noqa: E402

if not os.environ.get("REDIS_URL"):
    REDIS_URL = embedded.Redis(VAR_DIR / "redis").url(WORKER)  # each parallel worker has a database of its own

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
