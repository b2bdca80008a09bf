"""All settings of Tollgate, read once from the environment. docs/settings.md lists every one of them (tested)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from gateway import env, kept_secrets

BASE_DIR = Path(__file__).resolve().parent.parent

# --- The place we run in ------------------------------------------------------------------------
PRODUCTION = env.boolean("PRODUCTION")  # refuses to start without real secrets
DEBUG = env.boolean("DEBUG") and not PRODUCTION
VAR_DIR = Path(env.text("VAR_DIR", str(BASE_DIR / "var")))  # everything that Tollgate writes to disk
PUBLIC_URL = env.text("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")  # how the world reaches us
DOCS_URL = env.text("DOCS_URL", f"{PUBLIC_URL}/docs").rstrip("/")  # base of every error's doc_url
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", ["*"] if not PRODUCTION else [urlsplit(PUBLIC_URL).hostname or ""])


# --- Secrets ------------------------------------------------------------------------------------
# Outside production a secret that is not given is made once, at random, and kept in var/secrets.env.
def _secret(name: str) -> str:
    value = env.secret(name)
    if PRODUCTION and len(value) < 32:
        raise ImproperlyConfigured(f"{name} must be set to at least 32 characters of randomness in production.")
    return value or kept_secrets.recall(VAR_DIR, name)


SECRET_KEY = _secret("SECRET_KEY")  # signs sessions and forms
API_KEY_PEPPER = _secret("API_KEY_PEPPER")  # keys the hash of API keys
CREDENTIAL_KEY = _secret("CREDENTIAL_KEY")  # encrypts provider credentials; several, newest first, while it is changed

# --- Django ---------------------------------------------------------------------------------------
ROOT_URLCONF = "gateway.urls"
ASGI_APPLICATION = "gateway.asgi.application"
INSTALLED_APPS = [
    "daphne",  # `runserver` speaks ASGI
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "accounts",
    "catalog",
    "billing",
    "chats",
    "gateway",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "gateway.notices.simulated",
            ]
        },
    }
]
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Behind TLS (PUBLIC_URL says so) cookies travel on nothing else, and forms are taken from that address alone.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https://")
CSRF_TRUSTED_ORIGINS = ["{0.scheme}://{0.netloc}".format(urlsplit(PUBLIC_URL))]
APPEND_SLASH = False  # a webhook or an SDK must never meet a redirect
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
DATA_UPLOAD_MAX_MEMORY_SIZE = None  # bodies are bounded by MAX_BODY_BYTES at the door

# --- Background work ------------------------------------------------------------------------------
CELERY_TIMEZONE = "UTC"
CELERY_TASK_IGNORE_RESULT = True  # what a task found out is in the database
CELERY_TASK_ACKS_LATE = True  # a task may run twice, never not at all
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_ROUTES = {"gateway.run_job": {"queue": "jobs"}}  # they take minutes, and have workers of their own
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": "tollgate-tasks:"}

# --- Logs -----------------------------------------------------------------------------------------
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))  # to standard error
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": []},  # it has its own, for e-mail, by default
        "django.request": {"level": "ERROR"},  # a customer's mistake is not an operator's event
        "httpx": {"level": "WARNING"},  # it would write down every address it calls
        "httpx2": {"level": "WARNING"},
    },
}

# --- Accounts ---------------------------------------------------------------------------------------
API_KEY_PREFIX = env.text("API_KEY_PREFIX", "tollgate_")  # how new keys begin; older ones keep working
DEFAULT_PLAN = env.text("DEFAULT_PLAN", "popular")  # slug of the plan that new organizations get

# --- Models -----------------------------------------------------------------------------------------
DEFAULT_MODEL = env.text("DEFAULT_MODEL", "claude-haiku-4-5")  # of the native API, when a request names none

# --- Calls ------------------------------------------------------------------------------------------
FAST_LANE = env.boolean("FAST_LANE", True)  # serve model calls before Django's handler (docs/decisions/003)
MAX_BODY_BYTES = env.integer("MAX_BODY_BYTES", 32 * 1024 * 1024, minimum=1024)  # of one request
MAX_ANSWER_BYTES = env.integer("MAX_ANSWER_BYTES", 64 * 1024 * 1024, minimum=1024)  # of one whole provider answer
MAX_ERROR_BYTES = env.integer("MAX_ERROR_BYTES", 64 * 1024, minimum=1024)  # of a provider's explanation
MAX_ATTEMPTS = env.integer("MAX_ATTEMPTS", 3, minimum=1)  # endpoints tried for one call
BREAK_SECONDS = env.integer("BREAK_SECONDS", 10, minimum=1)  # an endpoint that failed too often rests so long at first
CALL_BUDGET_SECONDS = env.integer("CALL_BUDGET_SECONDS", 300, minimum=1)  # for a whole answer, all attempts together
STREAM_FIRST_BYTE_SECONDS = env.integer("STREAM_FIRST_BYTE_SECONDS", 120, minimum=1)  # until a stream's status line
COUNT_SECONDS = env.integer("COUNT_SECONDS", 30, minimum=1)  # for a provider to count the tokens of a prompt
STREAM_IDLE_SECONDS = env.integer("STREAM_IDLE_SECONDS", 300, minimum=1)  # silence inside a stream before we give up
KEEPALIVE_SECONDS = env.integer("KEEPALIVE_SECONDS", 15, minimum=1)  # silence before a comment keeps the line open
UPSTREAM_CONNECT_SECONDS = env.integer("UPSTREAM_CONNECT_SECONDS", 10, minimum=1)  # to reach a provider
UPSTREAM_USES_PROXY_ENVIRONMENT = env.boolean("UPSTREAM_USES_PROXY_ENVIRONMENT")  # honour HTTPS_PROXY and friends

# --- Idempotency keys -------------------------------------------------------------------------------
IDEMPOTENCY_HOURS = env.integer("IDEMPOTENCY_HOURS", 24, minimum=1)  # an answer can be asked for again so long
IDEMPOTENCY_LOCK_SECONDS = env.integer("IDEMPOTENCY_LOCK_SECONDS", 60, minimum=1)  # without a sign of life: taken over
IDEMPOTENCY_MAX_ANSWER_BYTES = env.integer(
    "IDEMPOTENCY_MAX_ANSWER_BYTES", 4 * 1024 * 1024, minimum=0
)  # larger: not kept

# --- Jobs -------------------------------------------------------------------------------------------
JOB_SECONDS = env.integer("JOB_SECONDS", 1800, minimum=1)  # the longest that one may work
JOB_LEASE_SECONDS = env.integer("JOB_LEASE_SECONDS", 30, minimum=1)  # without a sign of life another worker takes it
JOB_ATTEMPTS = env.integer("JOB_ATTEMPTS", 3, minimum=1)  # workers that may die with a job before it is given up
JOB_RETENTION_HOURS = env.integer("JOB_RETENTION_HOURS", 168, minimum=1)  # a result can be read for so long
MAX_OPEN_JOBS = env.integer("MAX_OPEN_JOBS", 100, minimum=1)  # of one organization, waiting or at work

# --- Holds ------------------------------------------------------------------------------------------
HOLD_OUTPUT_TOKENS = env.integer("HOLD_OUTPUT_TOKENS", 4096, minimum=16)  # output that a hold covers; a stream's step
HOLD_SECONDS = env.integer("HOLD_SECONDS", 900, minimum=1)  # a hold lives this long unless its call renews it
PLACE_PATIENCE_SECONDS = env.integer("PLACE_PATIENCE_SECONDS", 5, minimum=1)  # for a lost database, before a call
SETTLE_PATIENCE_SECONDS = env.integer("SETTLE_PATIENCE_SECONDS", 15, minimum=1)  # and after it

# --- Limits -----------------------------------------------------------------------------------------
MAX_OPEN_CALLS_PER_KEY = env.integer("MAX_OPEN_CALLS_PER_KEY", 200, minimum=0)  # at the same time; 0 is unlimited
TRUSTED_PROXY_HOPS = env.integer("TRUSTED_PROXY_HOPS", 0, minimum=0)  # proxies of ours that add to X-Forwarded-For

# --- Responses --------------------------------------------------------------------------------------
RESPONSE_RETENTION_DAYS = env.integer("RESPONSE_RETENTION_DAYS", 30, minimum=1)  # stored responses are kept this long
MAX_BACKGROUND_RESPONSES = env.integer("MAX_BACKGROUND_RESPONSES", 50, minimum=1)  # of an organization, unfinished
SOCKETS_PER_KEY = env.integer("SOCKETS_PER_KEY", 64, minimum=1)  # WebSockets of one key at the same time
SOCKET_FIRST_SECONDS = env.integer("SOCKET_FIRST_SECONDS", 30, minimum=1)  # for the first message of a WebSocket
SOCKET_IDLE_SECONDS = env.integer("SOCKET_IDLE_SECONDS", 300, minimum=1)  # between a response and the next message
SOCKET_MESSAGE_BYTES = env.integer("SOCKET_MESSAGE_BYTES", 64 * 1024 * 1024, minimum=1024)  # of one message

# --- Books ------------------------------------------------------------------------------------------
USAGE_MONTHS_AHEAD = env.integer("USAGE_MONTHS_AHEAD", 3, minimum=1)  # partitions of usage records made ahead of time
USAGE_RETENTION_MONTHS = env.integer("USAGE_RETENTION_MONTHS", 0, minimum=0)  # whole months kept; 0 = for ever
HOLD_RETENTION_DAYS = env.integer("HOLD_RETENTION_DAYS", 90, minimum=2)  # closed holds are kept this long

# --- PostgreSQL and Redis -------------------------------------------------------------------------
DATABASE_URL = env.secret("DATABASE_URL")  # postgresql://user:password@host:port/name; embedded when empty
REDIS_URL = env.secret("REDIS_URL")  # redis://[:password@]host:port/0; embedded when empty
if not DATABASE_URL or not REDIS_URL:
    if PRODUCTION:
        raise ImproperlyConfigured(
            "DATABASE_URL and REDIS_URL must be set in production; the embedded ones are for trying out."
        )
    from gateway import embedded

    DATABASE_URL = DATABASE_URL or embedded.database_url(VAR_DIR)
    REDIS_URL = REDIS_URL or embedded.redis_url(VAR_DIR)


def _database(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured("DATABASE_URL must start with postgresql://; PostgreSQL is the only database.")
    options: dict[str, object] = {}
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    host = unquote(query.pop("host", "")) or (unquote(parts.hostname) if parts.hostname else "")
    options.update({name: unquote(value) for name, value in query.items()})
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


DATABASES = {"default": _database(DATABASE_URL)}
