"""The OpenAPI side of the native API and of `GET /v1/usage`: every parameter, field and refusal of each operation."""

from __future__ import annotations

from typing import Any

from gateway.api import fields_native as fields
from gateway.api.fields_native import array, integer, number, obj, text

Described = dict[str, Any]

ERROR = obj(
    exception=integer("The HTTP status."),
    data={"type": "null"},
    message=text("For people; may change."),
    error=obj(
        message=text(),
        type=text("The family, e.g. `invalid_request_error`."),
        param=text(nullable=True),
        code=text("Stable; branch on this."),
        doc_url=text("The page that explains the code."),
        meta={"type": "object", "description": "Figures of this code; money is a decimal string."},
    ),
    status_code=integer("The HTTP status."),
    request_id=text("Quote it to support."),
)
REFUSALS = {
    400: "The request is malformed, or this model cannot do what it asks.",
    401: "The API key is missing, unknown or switched off.",
    402: "The balance or a spend limit does not cover the call.",
    403: "The account is disabled, or the key may not call this.",
    404: "No such model, request or address.",
    405: "The address takes another method.",
    409: "The job is over, or the Idempotency-Key is in use.",
    413: "The body is too large.",
    429: "Too many requests; wait for Retry-After.",
    500: "A fault of ours.",
    502: "The provider failed.",
    503: "No provider of this model can be reached right now.",
    504: "The provider took too long.",
}
READING = (400, 401, 403, 404, 405, 429, 500)  # what an operation can refuse with that reaches no model
PAGE = [
    fields.parameter("limit", {"type": "integer", "minimum": 1, "maximum": 1000}, "Items on a page."),
    fields.parameter("offset", {"type": "integer", "minimum": 0}, "Items to leave out before the page."),
]
ZONE = fields.parameter("timezone", {"type": "string", "default": "UTC"}, "An IANA name; what days and dates mean.")
FILTERS = [
    fields.parameter("model", {"type": "string"}, "Only calls of this model."),
    fields.parameter("key", {"type": "integer", "minimum": 1}, "Only calls with the key of this id."),
    fields.parameter(
        "status", {"enum": ["completed", "failed", "cancelled", "cut", "refused"]}, "Only calls that ended so."
    ),
    fields.parameter("from", {"type": "string"}, "A date, or a time with its offset: not earlier."),
    fields.parameter("to", {"type": "string"}, "A date, which is included, or a time, which is not."),
    ZONE,
]

OPERATIONS: dict[tuple[str, str], tuple[str, Described]] = {}


def add(
    method: str,
    path: str,
    summary: str,
    data: Described,
    *,
    request: Described | None = None,
    parameters: list[Described] | None = None,
    public: bool = False,
    enveloped: bool = True,
    status: int = 200,
) -> None:
    """Describe one operation: `data` is what the envelope of its success holds."""
    body = obj(exception={"const": 0}, data=data, message=text()) if enveloped else data
    content: Described = {"application/json": {"schema": body}}
    if path.endswith("/chat/completions"):
        content["text/event-stream"] = {"schema": {"type": "string", "description": "OpenAI's events, and [DONE]."}}
    statuses = tuple(REFUSALS) if request is not None or method == "POST" else READING
    operation: Described = {
        "security": [] if public else [{"bearer": []}, {"apiKey": []}],
        "parameters": parameters or [],
        "responses": {
            status: {"description": "The answer.", "content": content},
            **{
                refusal: {
                    "description": REFUSALS[refusal],
                    "content": {"application/json": {"schema": ERROR if enveloped else {"type": "object"}}},
                }
                for refusal in statuses
                if not (public and refusal in (401, 403))
            },
        },
    }
    if request is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": request}}}
    OPERATIONS[method, path] = (summary, operation)


add(
    "POST",
    "/v1/llm/chat/completions",
    "Create a chat completion in the native envelope",
    fields.COMPLETION,
    request=fields.CHAT_REQUEST,
)
add(
    "POST",
    "/v1/llm/generate-commands",
    "Turn plain words into ranked shell commands",
    fields.COMMANDS,
    request=fields.COMMANDS_REQUEST,
)
add(
    "GET",
    "/v1/llm/models",
    "List the text models that this key may call",
    obj(
        models=array(text("A slug.")),
        default_model=text("Asked when a request names no model; null if not this key.", nullable=True),
        total=integer("How many there are."),
    ),
    parameters=PAGE,
)
add(
    "GET",
    "/v1/llm/models/catalog",
    "List every model on sale with its prices; needs no key",
    obj(
        models=array(fields.MODEL),
        total=integer("How many pass the filters."),
        limit=integer(),
        offset=integer(),
        currency={"const": "USD"},
        default_model=text(),
    ),
    parameters=[
        *PAGE,
        fields.parameter("type", {"enum": ["text", "image", "video", "embedding", "audio"]}, "Only this type."),
        fields.parameter("vendor", {"type": "string"}, "Only models of this vendor."),
        fields.parameter("search", {"type": "string"}, "Words that slug, name or vendor must contain."),
    ],
    public=True,
)
add(
    "GET",
    "/v1/llm/balance",
    "Show the balance",
    obj(
        balance_usd=number("What is in the wallet."),
        available_usd=number("What new calls may use."),
        held_usd=number("What is set aside for calls in flight."),
        currency={"const": "USD"},
    ),
)
add(
    "GET",
    "/v1/llm/usage/history",
    "List the calls of the organization, the latest first",
    obj(logs=array(fields.LOG), total=integer("How many pass the filters."), limit=integer(), offset=integer()),
    parameters=[*PAGE, *FILTERS],
)
add(
    "GET",
    "/v1/llm/usage/breakdown",
    "Sum usage up by day, week or month, by model and by key",
    obj(
        period=text(),
        by=text(nullable=True),
        timezone=text(),
        **{"from": text("The beginning."), "to": text("The end, not included.")},
        breakdown=array(fields.SUMS_BY_PERIOD),
        total_rows=integer("Rows of `breakdown` on all pages."),
        by_model=array(fields.SUMS_BY_MODEL),
        by_key=array(fields.SUMS_BY_KEY),
        total=fields.SUMS,
        limit=integer(),
        offset=integer(),
    ),
    parameters=[
        fields.parameter("period", {"enum": ["daily", "weekly", "monthly"], "default": "daily"}, "What a row spans."),
        fields.parameter("by", {"enum": ["model", "key"]}, "Split each period by this."),
        *PAGE,
        *FILTERS,
    ],
)
add(
    "GET",
    "/v1/llm/usage/{request_id}",
    "Show the itemised receipt of one call",
    fields.RECEIPT,
)
add(
    "GET",
    "/v1/usage",
    "Show what this key may spend, has spent and has used",
    fields.KEY_USAGE,
    parameters=[
        fields.parameter(
            "days", {"type": "integer", "minimum": 1, "maximum": 90, "default": 30}, "How many days `daily_usage` has."
        ),
        fields.parameter("start_date", {"type": "string"}, "The first day of `model_stats`."),
        fields.parameter("end_date", {"type": "string"}, "Its last day, which is included."),
        ZONE,
    ],
    enveloped=False,
)
