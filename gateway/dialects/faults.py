"""What a provider's complaint is: its code and type first, because providers choose their statuses freely."""

from __future__ import annotations

import re

from gateway.canonical import Fault

LONGEST_MESSAGE = 500  # characters of a provider's explanation that a customer may see

BY_STATUS = {
    400: "bad_request",
    401: "auth",
    402: "billing",
    403: "auth",
    404: "not_found",
    405: "not_found",
    408: "timeout",
    413: "too_large",
    415: "bad_request",
    422: "bad_request",
    429: "rate_limited",
    498: "rate_limited",
    503: "overloaded",
    504: "timeout",
    524: "timeout",
    529: "overloaded",
}

BY_CODE = {
    "arrearage": "billing",
    "authentication_error": "auth",
    "billing_error": "billing",
    "billing_hard_limit_reached": "billing",
    "bio_policy": "content_policy",
    "content_filter": "content_policy",
    "content_policy_violation": "content_policy",
    "context_length_exceeded": "context_length",
    "credit_balance_exhausted": "billing",
    "data_inspection_failed": "content_policy",
    "datainspectionfailed": "content_policy",
    "empty_image_file": "invalid_media",
    "exceed_context_size_error": "context_length",
    "failed_to_download_image": "invalid_media",
    "image_content_policy_violation": "content_policy",
    "image_file_not_found": "invalid_media",
    "image_file_too_large": "invalid_media",
    "image_parse_error": "invalid_media",
    "image_too_large": "invalid_media",
    "image_too_small": "invalid_media",
    "insufficient_quota": "billing",
    "invalid_api_key": "auth",
    "invalid_authentication_error": "auth",
    "invalid_prompt": "content_policy",
    "invalidapikey": "auth",
    "ip_not_authorized": "auth",
    "misalignment_policy_violation": "content_policy",
    "model_not_found": "not_found",
    "moderation_blocked": "content_policy",
    "not_found_error": "not_found",
    "overloaded_error": "overloaded",
    "permission_error": "auth",
    "rate_limit_error": "rate_limited",
    "rate_limit_exceeded": "rate_limited",
    "rate_limit_reached_error": "rate_limited",
    "request_too_large": "too_large",
    "server_error": "server",
    "server_is_overloaded": "overloaded",
    "service_unavailable_error": "overloaded",
    "slow_down": "rate_limited",
    "timeout_error": "timeout",
    "unsupported_country_region_territory": "auth",
    "unsupported_image_media_type": "invalid_media",
    "unsupported_parameter": "unsupported_parameter",
    "unsupported_value": "unsupported_parameter",
}

BY_START = (
    ("throttling", "rate_limited"),
    ("invalid_image", "invalid_media"),
    ("invalid_base64_image", "invalid_media"),
)
BY_END = (("_spend_limit_exceeded", "billing"), ("_usage_limit_exceeded", "billing"))

# Sentences of providers that give no code for a prompt that is too long.
_TOO_LONG = re.compile(
    r"maximum context length|context (?:window|length|size)|prompt is too long|too many (?:input )?tokens"
    r"|input token count.{0,40}exceeds",
    re.IGNORECASE,
)
_STATUS = re.compile("[45][0-9][0-9]")
_ADDRESS = re.compile(r"https?://\S+|www\.\S+|\S+@\S+\.\S+")
_IDENTIFIER = re.compile(
    r"\(?\b(?:(?:request|trace|log)[ _-]?id\b:?\s*[\"']?[\w-]+"
    r"|(?:req|org|proj|chatcmpl|resp|msg|sk|user|acct)[-_][\w-]{8,})[\"']?\)?",
    re.IGNORECASE,
)


def fault(status: int, *, message: str = "", codes: tuple[object, ...] = (), param: object = None) -> Fault:
    """A Fault from what a provider said.

    `codes` are its code, type and status words, the most telling first. `status` is the HTTP status, or 0 inside a
    stream; a code that is itself an HTTP status then stands in for it.
    """
    words = [str(code) for code in codes if isinstance(code, str | int) and not isinstance(code, bool) and code != ""]
    kind = next((kind for word in words if (kind := _by_word(word.lower()))), None)
    if status < 400:
        status = next(
            (int(word) for word in words if len(word) == 3 and word.isdecimal() and "400" <= word <= "599"), 0
        )
    if kind is None:
        kind = BY_STATUS.get(status)
    if kind is None and status == 0 and "invalid_request_error" in words:
        kind = "bad_request"
    if kind is None:
        kind = "bad_request" if 400 <= status < 500 and status not in (409, 499) else "server"
    if kind == "bad_request" and _TOO_LONG.search(message):
        kind = "context_length"
    return Fault(kind, scrubbed(message), words[0][:100] if words else None, param if isinstance(param, str) else None)


def scrubbed(message: str) -> str:
    """A provider's words without addresses, identifiers and keys, on one line, of bearable length."""
    text = _IDENTIFIER.sub("", _ADDRESS.sub("", message[: 4 * LONGEST_MESSAGE]))
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + "…"


def _by_word(word: str) -> str | None:
    if word in BY_CODE:
        return BY_CODE[word]
    for start, kind in BY_START:
        if word.startswith(start):
            return kind
    for end, kind in BY_END:
        if word.endswith(end):
            return kind
    return None
