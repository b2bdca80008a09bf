"""Everything that can go wrong with a call, as the customer is told it. Pure: no Django, no HTTP client.

    GatewayError
    ├── ClientError                    the customer, or the customer's operator, can mend it
    │   ├── 400  InvalidJson · MissingParameter · InvalidParameter · UnsupportedParameter · UnsupportedCapability
    │   │        StreamingRequired · ContextLengthExceeded · ContentPolicyViolation · InvalidMedia
    │   ├── 401  MissingApiKey · InvalidApiKey · ApiKeyDisabled
    │   ├── 402  InsufficientBalance · SpendLimitExceeded
    │   ├── 403  AccountDisabled · ModelNotAllowed · KeyScopeMismatch
    │   ├── 404  ModelNotFound · ResourceNotFound · EndpointNotSupported (405 for a wrong method)
    │   ├── 409  IdempotencyConflict · JobConflict
    │   ├── 413  RequestTooLarge
    │   └── 429  RateLimitPerKey · ConcurrencyLimit
    ├── ProviderError                  the company that answers failed; another route may not
    │   └── 502 UpstreamError · 503 UpstreamUnavailable · 504 UpstreamTimeout
    └── InternalError                  500, a fault of ours

`CODES` is the registry: 29 codes, the names of these classes, that never change their meaning. docs/errors.md has a
section for each (tested). Each dialect renders an error in its own shape; gateway/faces.py has the words for that.
"""

from __future__ import annotations

from gateway.failure import CODES as CODES
from gateway.failure import GatewayError as GatewayError


class ClientError(GatewayError):
    """The customer, or whoever runs the customer's account, can mend it."""


class ProviderError(GatewayError):
    """The company that answers failed. Nothing is charged for a call that ends so before its first token."""


class MissingApiKey(ClientError, status=401, retry="fix", keys="accepted_headers"):
    """The request carries no key at all."""

    message = "No API key was sent. Send it as `Authorization: Bearer <key>`."


class InvalidApiKey(ClientError, status=401, retry="fix", keys="key_prefix"):
    """The key is malformed or unknown."""

    message = "Invalid API key provided."


class ApiKeyDisabled(ClientError, status=401, retry="fix", keys="reason since"):
    """The key was good once: revoked, expired or switched off."""

    message = "This API key is no longer valid."


class AccountDisabled(ClientError, status=403, retry="fix", keys="reason"):
    """The organization is frozen or closed."""

    message = "API access is disabled for this account."


class ModelNotAllowed(ClientError, status=403, retry="fix", keys="model plan group"):
    """The model exists, but not for this key, its group or its plan."""

    message = "This key may not call this model."


class KeyScopeMismatch(ClientError, status=403, retry="fix", keys="key_type required_key_type group_platform endpoint"):
    """The key may not be used here: wrong type, wrong platform, or an address outside its allow-list."""

    message = "This key may not be used for this endpoint."


class InsufficientBalance(ClientError, status=402, retry="fix", keys="balance_usd required_usd held_usd"):
    """What is available does not cover what the call may cost."""

    message = "The balance does not cover this call. Top up to continue."


class SpendLimitExceeded(ClientError, status=402, retry="fix", keys="limit_usd spent_usd period resets_at"):
    """A spend limit of the key or the account is reached, whatever the balance."""

    message = "A spend limit has been reached."


class InvalidJson(ClientError, status=400, keys="position"):
    """The body is not the JSON object (or the multipart form) that it should be."""

    message = "The request body is not valid JSON."


class MissingParameter(ClientError, status=400, keys="param"):
    """A required field is absent."""

    message = "A required parameter is missing."


class InvalidParameter(ClientError, status=400, keys="param value allowed min max"):
    """A field has the wrong type or a value out of range."""

    message = "A parameter has an invalid value."


class UnsupportedParameter(ClientError, status=400, keys="param model"):
    """A good field that this model does not have, and that cannot be left out silently."""

    message = "This model does not support one of the parameters."


class UnsupportedCapability(ClientError, status=400, keys="capability model supported_models"):
    """The model cannot do this kind of work at all."""

    message = "This model cannot do what the request asks."


class StreamingRequired(ClientError, status=400, keys="max_tokens limit"):
    """A whole answer this long would be lost to proxies on the way (spec 000)."""

    message = 'An answer of this length must be streamed: set "stream": true.'


class ContextLengthExceeded(ClientError, status=400, keys="input_tokens max_tokens context_window"):
    """Prompt and answer do not fit into the model's window."""

    message = "The request is longer than the model's context window."


class ContentPolicyViolation(ClientError, status=400, keys="stage categories"):
    """Moderation refused the prompt, or the output before it was delivered."""

    message = "The request was refused by content moderation."


class InvalidMedia(ClientError, status=400, keys="param index reason"):
    """An image, video or sound that was sent or linked cannot be used."""

    message = "An attached file could not be used."


class RequestTooLarge(ClientError, status=413, keys="limit_bytes size_bytes"):
    """The body has more bytes than one request may have."""

    message = "The request body is too large."


class ModelNotFound(ClientError, status=404, keys="model suggestions"):
    """No model of this name is sold."""

    message = "This model does not exist."


class ResourceNotFound(ClientError, status=404, keys="resource id"):
    """A job, task, chat or response that is unknown, or somebody else's."""

    message = "There is nothing with this id."


class EndpointNotSupported(ClientError, status=404, keys="path method platform"):
    """Nothing is at this path, or not for this method (405), or not for keys of this platform."""

    message = "This endpoint does not exist."


class IdempotencyConflict(ClientError, status=409, keys="idempotency_key state"):
    """The Idempotency-Key belongs to another body, or its first call still runs (`state` "running")."""

    message = "This Idempotency-Key is already in use."


class JobConflict(ClientError, status=409, keys="job_id status"):
    """The job is over and cannot be changed any more."""

    message = "This job is already over."

    def __init__(self, message: str = "", *, job_id: str | None = None, job_status: str | None = None) -> None:
        super().__init__(message, job_id=job_id)
        if job_status is not None:
            self.meta["status"] = job_status


class RateLimitPerKey(
    ClientError, status=429, retry="after", keys="limit window_seconds remaining reset_at scope", wait=1
):
    """More requests than the key may make in a minute."""

    message = "Too many requests with this key."


class ConcurrencyLimit(ClientError, status=429, retry="after", keys="limit in_flight resource", wait=2):
    """Too many calls of this key are open at the same time."""

    message = "Too many calls of this key are open at the same time."


class UpstreamError(ProviderError, status=502, retry="after", keys="reason attempts charged"):
    """Every provider that could be asked failed or sent something that is no answer."""

    message = "The model's provider failed to answer."

    def __init__(
        self, message: str = "", *, status: int | None = None, retry_after: float | None = None, **meta: object
    ) -> None:
        super().__init__(message, status=status, retry_after=retry_after, **meta)
        if meta.get("reason") != "stream_broken":  # what a broken stream had delivered is charged
            self.meta.setdefault("charged", "0")


class UpstreamUnavailable(ProviderError, status=503, retry="after", keys="reason retry_after", wait=5):
    """No provider of this model can be reached, or all of them are too busy."""

    message = "The model is temporarily unavailable."

    def __init__(
        self, message: str = "", *, status: int | None = None, retry_after: float | None = None, **meta: object
    ) -> None:
        super().__init__(message, status=status, retry_after=retry_after, **meta)
        self.meta["retry_after"] = self.retry_after


class UpstreamTimeout(ProviderError, status=504, retry="after", keys="timeout_seconds"):
    """The provider did not answer in time."""

    message = "The model did not answer in time."


class InternalError(GatewayError, status=500, retry="after"):
    """A fault of ours. Nothing is charged."""

    message = "Something went wrong on our side; nothing was charged. Try again in a moment."


def doc_url(code: str, docs_url: str) -> str:
    """The page that explains a code; a long whole answer is explained by the guide that solves it (spec 000)."""
    if code == StreamingRequired.code:
        return f"{docs_url}/llm/long-generations"
    return f"{docs_url}/llm/errors#{code}"


def identification(request_id: str) -> list[tuple[str, str]]:
    """The headers by which a request is found again; Anthropic's clients read the shorter one."""
    return [("x-request-id", request_id), ("request-id", request_id)]


def headers(error: GatewayError, request_id: str, *, repeatable: bool = True) -> list[tuple[str, str]]:
    """The headers of a failed request.

    `x-should-retry` steers the SDKs, which otherwise repeat every 409, 429 and 5xx. A call that buys pictures or videos
    without an Idempotency-Key is not `repeatable`: a blind repetition may buy them twice.
    """
    found = identification(request_id)
    if error.retry_after is not None:
        found.append(("retry-after", str(error.retry_after)))
    again = error.retryable and (repeatable or error.status < 500)
    found.append(("x-should-retry", "true" if again else "false"))
    return found
