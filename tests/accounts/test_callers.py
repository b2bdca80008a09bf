"""What a caller may do: limits from key, organization and plan; models and platforms from key and group; networks."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from django.core.exceptions import ValidationError

from accounts import keys
from accounts.models import APIKey, KeyGroup, Organization

pytestmark = pytest.mark.django_db


def caller_with(acme: Organization, **wishes: object) -> keys.Caller:
    return keys.recognise(keys.issue(acme, **wishes)[1])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key_rpm", "organization_limits", "plan", "expected"),
    [
        (None, (None, None), "popular", (120, 40)),
        (None, (None, None), "free", (10, 5)),
        (None, (None, None), "enterprise", (None, None)),
        (None, (500, None), "popular", (500, 40)),
        (None, (None, 7), "enterprise", (None, 7)),
        (30, (None, None), "popular", (30, 30)),
        (30, (500, 600), "enterprise", (30, 30)),
    ],
)
def test_the_keys_own_limit_wins_over_the_organizations_and_that_over_the_plans(
    acme: Organization,
    key_rpm: int | None,
    organization_limits: tuple[int | None, int | None],
    plan: str,
    expected: tuple[int | None, int | None],
) -> None:
    acme.plan = type(acme.plan).objects.get(slug=plan)
    acme.chat_rpm, acme.image_rpm = organization_limits
    acme.save()
    caller = caller_with(acme, rpm=key_rpm)
    assert caller.plan == plan
    assert (caller.chat_rpm, caller.image_rpm) == expected


def test_a_key_carries_its_caps_and_its_wish_for_logs(acme: Organization) -> None:
    caller = caller_with(acme, daily_cap_nusd=1, monthly_cap_nusd=2**62, log_bodies=True)
    assert (caller.daily_cap_nusd, caller.monthly_cap_nusd, caller.total_cap_nusd) == (1, 2**62, None)
    assert caller.log_bodies


def test_a_key_without_lists_may_call_everything(acme: Organization) -> None:
    caller = caller_with(acme)
    assert caller.may_call("gpt-5.1", "openai")
    assert caller.may_call("claude-opus-4-7", "anthropic")
    assert (caller.platforms, caller.models) == (None, ())


def test_a_keys_own_list_narrows_it(acme: Organization) -> None:
    caller = caller_with(acme, models=["gpt-5.1", "gpt-5.1", "vendor/model:free"])
    assert caller.may_call("gpt-5.1", "openai")
    assert caller.may_call("vendor/model:free", "openai")
    assert not caller.may_call("gpt-5", "openai")
    assert not caller.may_call("GPT-5.1", "openai")


def test_a_group_narrows_its_keys_by_platform_and_by_model(acme: Organization) -> None:
    group = KeyGroup.objects.create(
        slug="claude", name="Claude", platforms=["anthropic"], models=["claude-opus-4-7", "claude-haiku-4-5"]
    )
    caller = caller_with(acme, group=group)
    assert caller.group == "claude"
    assert caller.may_call("claude-opus-4-7", "anthropic")
    assert not caller.may_call("claude-sonnet-4-5", "anthropic")
    assert not caller.may_call("claude-opus-4-7", "openai")


def test_a_group_for_a_platform_allows_all_of_its_models(acme: Organization) -> None:
    caller = caller_with(acme, group=KeyGroup.objects.create(slug="g", name="G", platforms=["gemini", "openai"]))
    assert caller.may_call("gemini-3-pro", "gemini")
    assert caller.may_call("gpt-5.1", "openai")
    assert not caller.may_call("claude-opus-4-7", "anthropic")


def test_a_model_must_be_in_the_keys_list_and_in_the_groups(acme: Organization) -> None:
    group = KeyGroup.objects.create(slug="two", name="Two", models=["gpt-5.1", "gpt-5"])
    caller = caller_with(acme, group=group, models=["gpt-5", "claude-opus-4-7"])
    assert caller.may_call("gpt-5", "openai")
    assert not caller.may_call("gpt-5.1", "openai")
    assert not caller.may_call("claude-opus-4-7", "openai")


def test_lists_without_a_common_model_allow_none(acme: Organization) -> None:
    group = KeyGroup.objects.create(slug="one", name="One", models=["gpt-5.1"])
    caller = caller_with(acme, group=group, models=["gpt-5"])
    assert not caller.may_call("gpt-5", "openai")
    assert not caller.may_call("gpt-5.1", "openai")


def test_networks_are_kept_as_networks(acme: Organization) -> None:
    wishes = ["203.0.113.7", " 10.0.0.0/8 ", "2001:db8::/32", "2001:DB8:0::/32"]
    caller = caller_with(acme, networks=wishes)
    assert APIKey.objects.get().networks == ["203.0.113.7/32", "10.0.0.0/8", "2001:db8::/32"]
    assert caller.networks == (ip_network("203.0.113.7/32"), ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))
    assert ip_address("10.200.3.4") in caller.networks[1]
    assert ip_address("203.0.113.8") not in caller.networks[0]


@pytest.mark.parametrize(
    ("network", "complaint"),
    [
        ("10.1.2.3/8", "the network is 10.0.0.0/8"),
        ("2001:db8::1/32", "the network is 2001:db8::/32"),
        ("10.0.0.0/33", "is not an IP address or network"),
        ("300.1.1.1", "is not an IP address or network"),
        ("localhost", "is not an IP address or network"),
        ("", "This field cannot be blank"),
        ("167772160", "is not an IP address or network"),
    ],
)
def test_what_is_not_a_network_is_refused_with_what_was_meant(acme: Organization, network: str, complaint: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        keys.issue(acme, networks=["203.0.113.0/24", network])
    assert complaint in str(refusal.value)
    assert not APIKey.objects.exists()
