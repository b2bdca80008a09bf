"""The registry of errors: 29 codes that never change their meaning, each with a page."""

import json
import re
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from gateway import errors, faces
from gateway.errors import CODES, ClientError, GatewayError, InternalError, ProviderError
from gateway.failure import LONGEST_LIST, LONGEST_MESSAGE, LONGEST_TEXT, TYPES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

# code: HTTP status, whether to try again, keys of `meta`. What stands here has been promised to customers.
PROMISED: dict[str, tuple[int, str, str]] = {
    "missing_api_key": (401, "fix", "accepted_headers"),
    "invalid_api_key": (401, "fix", "key_prefix"),
    "api_key_disabled": (401, "fix", "reason since"),
    "account_disabled": (403, "fix", "reason"),
    "model_not_allowed": (403, "fix", "model plan group"),
    "key_scope_mismatch": (403, "fix", "key_type required_key_type group_platform endpoint"),
    "insufficient_balance": (402, "fix", "balance_usd required_usd held_usd"),
    "spend_limit_exceeded": (402, "fix", "limit_usd spent_usd period resets_at"),
    "invalid_json": (400, "no", "position"),
    "missing_parameter": (400, "no", "param"),
    "invalid_parameter": (400, "no", "param value allowed min max"),
    "unsupported_parameter": (400, "no", "param model"),
    "unsupported_capability": (400, "no", "capability model supported_models"),
    "streaming_required": (400, "no", "max_tokens limit"),
    "context_length_exceeded": (400, "no", "input_tokens max_tokens context_window"),
    "content_policy_violation": (400, "no", "stage categories"),
    "invalid_media": (400, "no", "param index reason"),
    "request_too_large": (413, "no", "limit_bytes size_bytes"),
    "model_not_found": (404, "no", "model suggestions"),
    "resource_not_found": (404, "no", "resource id"),
    "endpoint_not_supported": (404, "no", "path method platform"),
    "idempotency_conflict": (409, "no", "idempotency_key state"),
    "job_conflict": (409, "no", "job_id status"),
    "rate_limit_per_key": (429, "after", "limit window_seconds remaining reset_at scope"),
    "concurrency_limit": (429, "after", "limit in_flight resource"),
    "upstream_error": (502, "after", "reason attempts charged"),
    "upstream_unavailable": (503, "after", "reason retry_after"),
    "upstream_timeout": (504, "after", "timeout_seconds"),
    "internal_error": (500, "after", ""),
}
EVERY_CODE = sorted(CODES)


def test_the_registry_is_exactly_what_was_promised() -> None:
    assert {code: (cls.status, cls.retry, " ".join(cls.keys)) for code, cls in CODES.items()} == PROMISED
    assert len(CODES) == 29


def test_every_type_follows_from_the_status() -> None:
    assert {cls().type for cls in CODES.values()} == set(TYPES.values())
    assert errors.EndpointNotSupported(status=405).type == "not_found_error"


def test_only_the_customer_s_own_errors_are_client_errors() -> None:
    for cls in CODES.values():
        assert issubclass(cls, ClientError) == (cls.status < 500)
        assert issubclass(cls, ProviderError) == (cls.status in (502, 503, 504))
    assert not issubclass(InternalError, ClientError | ProviderError)


def test_the_registry_drags_neither_django_nor_an_http_client_in() -> None:
    heavy = ("django", "aiohttp", "redis")
    program = f"import sys, gateway.errors, gateway.faces; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("code", EVERY_CODE)
def test_every_code_has_a_page_with_its_status_its_keys_and_a_true_example(code: str) -> None:
    cls = CODES[code]
    page = (DOCS / "errors" / f"{code}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# `{code}`\n")
    assert f"| {cls.status}" in page
    assert f"`{cls().type}`" in page
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(cls.keys)
    example = json.loads(re.findall(r"```json\n(.*?)```", page, re.DOTALL)[0])
    assert example["status_code"] == cls.status
    assert example["request_id"].startswith("req_")
    error = example["error"]
    assert (error["code"], error["type"]) == (code, cls().type)
    assert error["doc_url"] == errors.doc_url(code, "https://tollgate.example/docs")
    assert set(error["meta"]) <= set(cls.keys)
    assert all(isinstance(value, str) for key, value in error["meta"].items() if key.endswith("_usd"))
    assert error["param"] == error["meta"].get("param")


def test_the_index_has_a_section_for_every_code_in_order_and_no_page_is_an_orphan() -> None:
    index = (DOCS / "errors.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\w+_\w+)$", index, re.MULTILINE) == list(CODES)
    assert {path.stem for path in (DOCS / "errors").glob("*.md")} == set(CODES)
    for code in CODES:
        assert f"(errors/{code}.md)" in index
        assert f"(#{code})" in index
    assert (DOCS / "long-generations.md").exists(), "streaming_required leads there"


def test_the_links_between_the_pages_lead_somewhere() -> None:
    for page in (
        DOCS / "errors.md",
        DOCS / "rate-limits.md",
        DOCS / "long-generations.md",
        *(DOCS / "errors").glob("*.md"),
    ):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} → {target}"


def test_a_code_leads_to_its_section_and_a_long_whole_answer_to_the_guide() -> None:
    assert errors.doc_url("model_not_found", "https://x/docs") == "https://x/docs/llm/errors#model_not_found"
    assert errors.doc_url("streaming_required", "https://x/docs") == "https://x/docs/llm/long-generations"


@pytest.mark.parametrize("code", EVERY_CODE)
def test_every_error_speaks_for_itself_without_arguments(code: str) -> None:
    error = CODES[code]()
    assert error.message
    assert str(error) == error.message
    assert error.message.endswith((".", "true."))


@pytest.mark.parametrize(
    ("asked", "told"), [(0, 1), (-5, 1), (0.2, 1), (1, 1), (1.01, 2), (59.5, 60), (120, 120), (121, 120), (10**9, 120)]
)
def test_retry_after_is_a_whole_number_from_1_to_120(asked: float, told: int) -> None:
    error = errors.RateLimitPerKey(retry_after=asked)
    assert error.retry_after == told
    assert ("retry-after", str(told)) in errors.headers(error, "req_1")


def test_429_and_503_always_say_how_long_to_wait() -> None:
    for cls in CODES.values():
        said = dict(errors.headers(cls(), "req_1"))
        assert ("retry-after" in said) == (cls.status in (429, 503)), cls.code


@pytest.mark.parametrize("code", EVERY_CODE)
def test_sdks_are_told_to_repeat_only_what_can_succeed(code: str) -> None:
    error = CODES[code]()
    said = dict(errors.headers(error, "req_1"))
    assert said["x-should-retry"] == ("true" if error.status == 429 or error.status >= 500 else "false")
    assert said["x-request-id"] == said["request-id"] == "req_1"


def test_a_purchase_of_pictures_is_not_repeated_blindly() -> None:
    for cls in CODES.values():
        said = dict(errors.headers(cls(), "req_1", repeatable=False))
        assert said["x-should-retry"] == ("true" if cls.status == 429 else "false")


def test_a_provider_s_error_costs_nothing_unless_a_stream_broke_off() -> None:
    assert errors.UpstreamError(reason="bad_response").meta["charged"] == "0"
    assert "charged" not in errors.UpstreamError(reason="stream_broken").meta


def test_an_unavailable_model_says_in_meta_what_the_header_says() -> None:
    error = errors.UpstreamUnavailable(reason="overloaded", retry_after=7.2)
    assert error.meta == {"reason": "overloaded", "retry_after": 8}
    assert error.retry_after == 8


def test_meta_leaves_out_what_does_not_apply_and_writes_values_as_json_can() -> None:
    moment = datetime(2026, 11, 2, 12, 30, tzinfo=timezone(timedelta(hours=3)))
    error = errors.InvalidParameter(
        param="n", value=Decimal("0.00000001"), allowed={3, 1, 2}, min=None, max=UUID(int=1), since=moment
    )
    assert error.meta == {
        "param": "n",
        "value": "0.00000001",
        "allowed": [1, 2, 3],
        "max": "00000000-0000-0000-0000-000000000001",
        "since": "2026-11-02T09:30:00Z",
    }
    assert error.param == "n"
    assert errors.JobConflict(job_id="job_1", job_status="completed").meta == {"job_id": "job_1", "status": "completed"}


def nested(depth: int) -> Any:
    value: Any = "leaf"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "hostile",
    [
        float("nan"),
        float("-inf"),
        10**5000,
        -(10**5000),
        "\ud800 lone surrogate",
        "x" * 1_000_000,
        ["y" * 1_000_000] * 1000,
        {"\udfff": {"a": {"b": {"c": {"d": 1}}}}},
        nested(100_000),
        b"bytes",
        object(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_value_that_a_customer_sends_can_break_the_rendering_of_an_error(hostile: Any) -> None:
    error = errors.InvalidParameter(f"wrong: {hostile if isinstance(hostile, str) else ''}", param="x", value=hostile)
    text = json.dumps([error.message, error.meta], allow_nan=False, ensure_ascii=False).encode()
    assert len(text) < LONGEST_MESSAGE + LONGEST_LIST * (LONGEST_TEXT + 10) * 4


def test_anthropic_s_and_google_s_clients_get_their_own_words_for_every_status() -> None:
    for cls in CODES.values():
        status, word = faces.anthropic_face(cls())
        assert status == (529 if cls.status == 503 else cls.status)
        assert word.endswith(("_error", "_large"))
        status, name, reason = faces.gemini_face(cls())
        assert status == cls.status
        assert name.isupper()
        assert reason == ("API_KEY_INVALID" if cls.status == 401 else cls.code.upper())
    wrong_method = errors.EndpointNotSupported(status=405)
    assert faces.anthropic_face(wrong_method) == (405, "invalid_request_error")
    assert faces.gemini_face(wrong_method)[:2] == (405, "UNIMPLEMENTED")
    assert faces.gemini_face(errors.StreamingRequired())[1] == "FAILED_PRECONDITION"
    assert faces.gemini_face(errors.UpstreamTimeout())[1] == "DEADLINE_EXCEEDED"
    assert set(faces.ANTHROPIC) == set(faces.GEMINI) == set(TYPES)


def test_a_branch_of_the_family_is_not_a_code() -> None:
    assert not {GatewayError, ClientError, ProviderError} & set(CODES.values())
