"""The fields of the native API's answers and requests, as OpenAPI describes them."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def obj(*optional: str, **properties: Schema) -> Schema:
    """An object; all its properties are there but those named as `optional`."""
    return {
        "type": "object",
        "required": [name for name in properties if name not in optional],
        "properties": properties,
    }


def array(items: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": items}


def text(description: str = "", *, nullable: bool = False) -> Schema:
    """A string."""
    return _typed("string", description, nullable)


def integer(description: str = "", *, nullable: bool = False) -> Schema:
    """A whole number."""
    return _typed("integer", description, nullable)


def number(description: str = "", *, nullable: bool = False) -> Schema:
    """A number; for money in USD, exact to 8 decimals."""
    return _typed("number", description, nullable)


def boolean(description: str = "") -> Schema:
    """True or false."""
    return _typed("boolean", description, False)


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def parameter(name: str, schema: Schema, description: str) -> Schema:
    """A query parameter, which may always be left out."""
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _typed(kind: str, description: str, may_be_null: bool) -> Schema:
    schema: Schema = {"type": [kind, "null"] if may_be_null else kind}
    if description:
        schema["description"] = description
    return schema


FIGURES = {
    "model": text("The slug that answered."),
    "request_id": text("The receipt is at /v1/llm/usage/{request_id}."),
    "tokens_used": integer("Prompt and completion together."),
    "prompt_tokens": integer("The whole prompt, cached tokens included."),
    "completion_tokens": integer("The whole answer, reasoning included."),
    "cached_tokens": integer("The part of the prompt that was read from a cache."),
    "reasoning_tokens": integer("The part of the answer that was hidden thought."),
    "cost_usd": number("What was charged."),
    "balance_usd": number("The balance afterwards; null while the books take too long.", nullable=True),
}
CHOICE = {
    "content": text(),
    "finish_reason": text("stop, length, tool_calls or content_filter."),
    "tool_calls": array({"type": "object"}),
    "reasoning_content": text("The visible part of the model's reasoning."),
}
_OPTIONAL_CHOICE = ("tool_calls", "reasoning_content")
COMPLETION = obj(
    *_OPTIONAL_CHOICE,
    "choices",
    **CHOICE,
    **FIGURES,
    choices={
        **array(obj(*_OPTIONAL_CHOICE, **CHOICE)),
        "description": "All choices, when more than one was asked for.",
    },
)
CHAT_REQUEST: Schema = {
    "type": "object",
    "required": ["messages"],
    "additionalProperties": True,
    "description": "A chat completion; every field of OpenAI's protocol may be used.",
    "properties": {
        "messages": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["role"],
                "properties": {
                    "role": {"enum": ["system", "developer", "user", "assistant", "tool", "function"]},
                    "content": {"type": ["string", "array", "null"]},
                },
            },
        },
        "model": {"type": ["string", "null"], "description": "The default model when absent."},
        "max_tokens": {
            "type": ["integer", "null"],
            "minimum": 1,
            "description": "Above 4096 the answer must be streamed.",
        },
        "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 2},
        "top_p": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "presence_penalty": {"type": ["number", "null"], "minimum": -2, "maximum": 2},
        "stream": {"type": ["boolean", "null"]},
        "usage": {
            "type": "object",
            "properties": {"include": {"type": "boolean"}},
            "description": "`include`: tell the cost inside a stream's usage.",
        },
    },
}
COMMANDS = obj(
    commands=array(
        obj(
            rank=integer("1 is the best."),
            command=text("One line for a shell."),
            description=text(),
            danger={"enum": ["safe", "caution", "dangerous"]},
            danger_note=text("What can go wrong.", nullable=True),
        )
    ),
    count=integer(),
    **FIGURES,
)
COMMANDS_REQUEST: Schema = {
    "type": "object",
    "required": ["prompt"],
    "properties": {
        "prompt": {"type": "string", "minLength": 1, "maxLength": 4000, "description": "What should happen."},
        "context": {"type": ["object", "string", "null"], "description": "Shell, system, directory: whatever helps."},
        "model": {"type": ["string", "null"], "description": "The default model when absent."},
        "max_commands": {"type": ["integer", "null"], "minimum": 1, "maximum": 10, "default": 5},
    },
}
PRICES = obj(
    "per_1m_tokens", "tiers", "per_minute", "per_1m_characters", "per_image", "per_video", "variants",
    per_1m_tokens={"type": "object", "description": "By token class. A class that is absent costs what input or output "
                   "costs.", "additionalProperties": number()},
    tiers={**array(obj(over_prompt_tokens=integer(), per_1m_tokens={"type": "object"})),
           "description": "Prices of whole requests with longer prompts."},
    per_minute=number("Of sound."),
    per_1m_characters=number("Of speech."),
    per_image=number("Each returned image."),
    per_video=number("Each delivered video in its default configuration."),
    variants={**array(obj(when={"type": "object"}, price=number())), "description": "Prices of other configurations."},
)  # fmt: skip
MODEL = obj(
    slug=text("What requests call it."),
    display_name=text(),
    vendor=text("Who made it."),
    type={"enum": ["text", "image", "video", "embedding", "audio"]},
    category=text("flagship, balanced, fast, reasoning …", nullable=True),
    description=text(),
    capabilities=array(text()),
    input_modalities=array(text()),
    output_modalities=array(text()),
    context_window=integer("Tokens.", nullable=True),
    max_input_tokens=integer(nullable=True),
    max_output_tokens=integer(nullable=True),
    lifecycle=text("Where its vendor stands: active, deprecated, retired …"),
    retires_on=text("A date.", nullable=True),
    successor=text("The slug to move to.", nullable=True),
    is_default=boolean("Whether the native API asks it when a request names no model."),
    prices=PRICES,
    discount_percent_label=number("Percent below the public price, where it is sold that way.", nullable=True),
    options={"type": "object", "description": "What can be asked of it: sizes, lengths, resolutions."},
)
KEY = nullable(obj(id=integer(), name=text(), masked=text("How the secret begins and ends.")))
LOG_FIELDS = {
    "id": text("The same as request_id."),
    "request_id": text(),
    "created_at": text("When the call began."),
    "model": text(),
    "operation": text(),
    "surface": text("Which family of addresses."),
    "streamed": boolean(),
    "status": text("completed, failed, cancelled by the client, or cut when the balance ran out."),
    "finish_reason": text(nullable=True),
    "error_code": text(nullable=True),
    "prompt_tokens": integer("The whole prompt."),
    "completion_tokens": integer("The whole answer."),
    "cached_tokens": integer(),
    "cache_write_tokens": integer(),
    "reasoning_tokens": integer(),
    "total_tokens": integer(),
    "images": integer("Returned images."),
    "usage_source": text("reported by the provider, estimated, or none."),
    "cost_usd": number("What was charged."),
    "key": KEY,
    "first_byte_ms": integer(nullable=True),
    "duration_ms": integer(),
}
LOG = obj(**LOG_FIELDS)
_SUMS = {
    "requests": integer(),
    "prompt_tokens": integer(),
    "completion_tokens": integer(),
    "cached_tokens": integer(),
    "cache_write_tokens": integer(),
    "reasoning_tokens": integer(),
    "total_tokens": integer(),
    "images": integer(),
    "cost_usd": number(),
}
SUMS = obj(**_SUMS)
SUMS_BY_MODEL = obj(model=text(), **_SUMS)
SUMS_BY_KEY = obj(key=KEY, **_SUMS)
SUMS_BY_PERIOD = obj("model", "key", date=text("Its first day."), model=text(), key=KEY, **_SUMS)
RECEIPT = obj(
    **LOG_FIELDS,
    finished_at=text(),
    user=nullable(obj(id=integer(), email=text())),
    lines={
        **array(
            obj(
                **{"class": text("A token class, per_image, per_video, per_minute or per_character.")},
                count=number(),
                unit=text(),
                unit_price_usd=number("For one unit."),
                amount_usd=number("Unrounded."),
            )
        ),
        "description": "class × count × unit price.",
    },
    other_usd=number("What of the exact cost the lines do not explain; 0 for text."),
    rise=number("The share by which a fallback raised the price: at most 0.03."),
    exact_cost_usd=number("Unrounded."),
    list_cost_usd=number("Rounded half up to 8 decimals."),
    charged_usd=number("Less than that only if the wallet did not have it."),
    price_version=nullable(obj(id=integer(), effective_from=text(), effective_to=text(nullable=True))),
    hold=nullable(obj(amount_usd=number(), state=text(), placed_at=text(), closed_at=text(nullable=True))),
    ledger_entry=nullable(
        obj(seq=integer(), posted_at=text(), delta_usd=number(), balance_after_usd=number("The balance afterwards."))
    ),
)
_KEY_SUMS = {
    "requests": integer(),
    "input_tokens": integer("Without what was read from or written to a cache."),
    "output_tokens": integer(),
    "cache_creation_tokens": integer(),
    "cache_read_tokens": integer(),
    "total_tokens": integer(),
    "cost": number("The price."),
    "actual_cost": number("What was charged."),
}
_DAY_SUMS = {
    "cache_write_tokens" if name == "cache_creation_tokens" else name: schema for name, schema in _KEY_SUMS.items()
}
KEY_USAGE = obj(
    "status", "quota", "remaining", "unit", "rate_limits", "expires_at", "days_until_expiry", "planName",
              "balance",
    mode={"enum": ["quota_limited", "unrestricted"]},
    isValid=boolean(),
    status=text("Of a limited key: active, quota_exhausted or expired."),
    quota=obj(limit=number(), used=number(), remaining=number(), unit={"const": "USD"}),
    remaining=number("Of the quota, or of the wallet."),
    unit={"const": "USD"},
    rate_limits=array(
        obj(
            "reset_at",
            window=text("1d or 1mo, of UTC."),
            limit=number("USD."),
            used=number(),
            remaining=number(),
            window_start=text("Null while unused.", nullable=True),
            reset_at=text("Only while something was used."),
        )
    ),
    expires_at=text(),
    days_until_expiry=integer(),
    planName=text(),
    balance=number("Of the wallet."),
    usage=obj(
        today=obj(**_KEY_SUMS),
        total=obj(**_KEY_SUMS),
        average_duration_ms=integer("Of the last 30 days."),
        rpm=integer("Requests in the last minute."),
        tpm=integer("Tokens in the last minute."),
    ),
    daily_usage=array(obj(date=text(), **_DAY_SUMS)),
    model_stats=array(obj(model=text(), **_KEY_SUMS, account_cost=number("What the account paid."))),
)  # fmt: skip
