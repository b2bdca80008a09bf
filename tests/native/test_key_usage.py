"""GET /v1/usage (spec 004): quota mode and usage statistics of the asking key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from django.utils import timezone

from accounts.models import APIKey
from tests.native.test_usage import lived_through
from tests.people import Person, colleague, newcomer
from tests.servers import LiveServer

USD = 1_000_000_000
SUMS = {
    "requests", "input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens", "total_tokens", "cost",
    "actual_cost",
}  # fmt: skip


def usage(server: LiveServer, person: Person, **parameters: Any) -> dict[str, Any]:
    answer = httpx.get(f"{server.url}/v1/usage", headers=person.headers, params=parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_key_without_limits_reads_its_wallet(server: LiveServer, alice: Person) -> None:
    lived_through(alice, datetime.now(UTC) - timedelta(seconds=5))
    lived_through(colleague(alice, "dora"), datetime.now(UTC) - timedelta(seconds=5))  # another key's
    found = usage(server, alice)
    assert (found["mode"], found["isValid"], found["unit"]) == ("unrestricted", True, "USD")
    assert found["remaining"] == found["balance"] == 24.98
    assert found["planName"]
    assert not {"status", "quota", "rate_limits", "expires_at"} & set(found)
    assert set(found["usage"]) == {"today", "total", "average_duration_ms", "rpm", "tpm"}
    assert set(found["usage"]["today"]) == set(found["usage"]["total"]) == SUMS
    assert found["usage"]["total"]["requests"] == found["usage"]["rpm"] == 1
    assert found["usage"]["tpm"] == 34
    assert found["usage"]["average_duration_ms"] == 48
    [day] = found["daily_usage"]
    assert set(day) == SUMS - {"cache_creation_tokens"} | {"cache_write_tokens", "date"}
    assert (day["input_tokens"], day["output_tokens"], day["cost"], day["actual_cost"]) == (24, 10, 0.01, 0.01)
    [model] = found["model_stats"]
    assert set(model) == SUMS | {"model", "account_cost"}
    assert model["model"] == "deepseek-v4-flash"


def test_a_key_with_a_quota_reads_what_is_left_of_it(server: LiveServer, live: str) -> None:
    carol = newcomer("carol", total_cap_nusd=2 * USD, daily_cap_nusd=USD, monthly_cap_nusd=USD + USD // 2)
    found = usage(server, carol)
    assert [window["window_start"] for window in found["rate_limits"]] == [None, None]
    assert not any("reset_at" in window for window in found["rate_limits"])
    lived_through(carol, datetime.now(UTC))
    found = usage(server, carol)
    assert (found["mode"], found["status"], found["isValid"]) == ("quota_limited", "active", True)
    assert found["quota"] == {"limit": 2, "used": 0.01, "remaining": 1.99, "unit": "USD"}
    assert (found["remaining"], found["unit"]) == (1.99, "USD")
    day, month = found["rate_limits"]
    assert (day["window"], day["limit"], day["used"], day["remaining"]) == ("1d", 1, 0.01, 0.99)
    assert (month["window"], month["limit"], month["remaining"]) == ("1mo", 1.5, 1.49)
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert datetime.fromisoformat(day["window_start"]) == midnight
    assert datetime.fromisoformat(day["reset_at"]) == midnight + timedelta(days=1)
    assert not {"balance", "planName"} & set(found)


def test_a_key_that_has_used_up_its_quota_says_so(server: LiveServer, live: str) -> None:
    dave = newcomer("dave", total_cap_nusd=USD // 100)
    lived_through(dave, datetime.now(UTC))
    found = usage(server, dave)
    assert (found["status"], found["remaining"]) == ("quota_exhausted", 0)


def test_an_expired_key_may_still_read_its_figures_and_nothing_else(server: LiveServer, live: str) -> None:
    erin = newcomer("erin", total_cap_nusd=USD, expires_at=timezone.now() + timedelta(days=3))
    found = usage(server, erin)
    assert (found["status"], found["days_until_expiry"]) == ("active", 3)
    APIKey.objects.filter(pk=erin.key.pk).update(expires_at=timezone.now() - timedelta(days=1))
    assert httpx.get(f"{server.url}/v1/models", headers=erin.headers).status_code == 401
    found = usage(server, erin)
    assert (found["status"], found["isValid"], found["days_until_expiry"]) == ("expired", True, 0)
    assert httpx.get(f"{server.url}/v1/llm/balance", headers=erin.headers).status_code == 401
    APIKey.objects.filter(pk=erin.key.pk).update(revoked_at=timezone.now())
    assert httpx.get(f"{server.url}/v1/usage", headers=erin.headers).status_code == 401


def test_days_and_dates_choose_what_is_summed(server: LiveServer, alice: Person) -> None:
    now = datetime.now(UTC)
    lived_through(alice, now, now - timedelta(days=3), now - timedelta(days=40))
    assert [day["requests"] for day in usage(server, alice)["daily_usage"]] == [1, 1]
    assert len(usage(server, alice, days=1)["daily_usage"]) == 1
    assert len(usage(server, alice, days=90)["daily_usage"]) == 3
    assert usage(server, alice)["model_stats"][0]["requests"] == 2
    day = (now - timedelta(days=40)).date().isoformat()
    assert usage(server, alice, start_date=day, end_date=day)["model_stats"][0]["requests"] == 1
    assert usage(server, alice, start_date="nonsense", end_date="32")["model_stats"][0]["requests"] == 2
    assert usage(server, alice, start_date="2030-01-01", end_date="2030-01-02")["model_stats"] == []


@pytest.mark.parametrize("days", ["0", "91", "-1", "many", "1.5", "٣"])
def test_days_out_of_range_are_refused_in_the_words_of_the_specification(
    server: LiveServer, alice: Person, days: str
) -> None:
    answer = httpx.get(f"{server.url}/v1/usage", headers=alice.headers, params={"days": days})
    assert answer.status_code == 400
    failure = answer.json()["error"]
    assert (failure["code"], failure["type"]) == ("invalid_parameter", "invalid_request_error")
    assert failure["message"] == "Invalid days, allowed range is 1-90"


def test_an_unknown_time_zone_is_refused(server: LiveServer, alice: Person) -> None:
    answer = httpx.get(f"{server.url}/v1/usage", headers=alice.headers, params={"timezone": "Mars/Base"})
    assert answer.json()["error"]["code"] == "invalid_parameter"
    assert usage(server, alice, timezone="Asia/Tokyo")["daily_usage"] == []


def test_usage_has_no_address_without_a_version(server: LiveServer, alice: Person) -> None:
    assert httpx.get(f"{server.url}/usage", headers=alice.headers).status_code == 404
