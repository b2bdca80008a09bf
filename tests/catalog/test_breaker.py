"""The circuit breaker: one error is nothing, many are a break, and the way back is gradual."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from catalog.breaker import FAILURES, LONGEST_BREAK, PROBE_SECONDS, REFUSED_BREAK, SHORTEST_BREAK, Breaker


def broken(now: float = 0) -> Breaker:
    """A breaker that has just opened."""
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker.report("fault", now, "502")
    assert breaker.state == "open"
    return breaker


def test_one_error_does_not_open() -> None:
    breaker = Breaker()
    breaker.report("fault", 0)
    assert breaker.state == "closed"
    assert breaker.admits(0)


def test_as_many_as_count_open_and_old_ones_do_not_count() -> None:
    breaker = Breaker()
    for second in range(0, 31 * FAILURES, 31):
        breaker.report("fault", second)
    assert breaker.state == "closed"
    broken()


def test_failures_among_many_successes_do_not_open() -> None:
    breaker = Breaker()
    for _ in range(20):
        breaker.report("ok", 0)
    for _ in range(FAILURES):
        breaker.report("busy", 1)
    assert breaker.state == "closed"


def test_a_refusal_of_our_account_opens_at_once() -> None:
    breaker = Breaker()
    assert breaker.report("refused", 0, "401")
    assert not breaker.admits(REFUSED_BREAK - 1)
    assert breaker.reason == "401"


def test_half_open_lets_one_probe_through_at_a_time() -> None:
    breaker = broken()
    assert not breaker.admits(SHORTEST_BREAK - 1)
    assert breaker.admits(SHORTEST_BREAK)
    assert not breaker.admits(SHORTEST_BREAK)
    assert breaker.admits(SHORTEST_BREAK + PROBE_SECONDS)  # the first probe never came back


def test_a_failed_probe_breaks_for_twice_as_long_up_to_a_bound() -> None:
    breaker = broken()
    now, pause = 0, SHORTEST_BREAK
    for _ in range(8):
        now += pause
        assert breaker.admits(now)
        breaker.report("fault", now)
        pause = min(2 * pause, LONGEST_BREAK)
        assert not breaker.admits(now + pause - 1)


def test_the_return_is_gradual() -> None:
    breaker = broken()
    assert breaker.admits(SHORTEST_BREAK)
    breaker.report("ok", SHORTEST_BREAK)
    assert breaker.state == "returning"
    shares = []
    while breaker.state == "returning":
        asked = 0
        while not breaker.admits(SHORTEST_BREAK):
            asked += 1
        shares.append(asked + 1)
        breaker.report("ok", SHORTEST_BREAK)
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 8
    assert breaker.breaks == 0


def test_a_failure_while_returning_opens_again() -> None:
    breaker = broken()
    breaker.admits(SHORTEST_BREAK)
    breaker.report("ok", SHORTEST_BREAK)
    breaker.report("fault", SHORTEST_BREAK)
    assert breaker.state == "open"


def test_late_failures_of_calls_under_way_do_not_prolong_the_break() -> None:
    breaker = broken()
    for _ in range(10):
        breaker.report("fault", 1)
    assert breaker.admits(SHORTEST_BREAK)


def test_what_another_worker_found_is_believed() -> None:
    breaker = Breaker()
    breaker.adopt("502", retry_in=20, breaks=1, now=0)
    assert not breaker.admits(19)
    assert breaker.admits(20)


@given(st.lists(st.tuples(st.sampled_from(["ok", "fault", "busy", "refused"]), st.integers(0, 40)), max_size=80))
def test_whatever_happens_it_is_asked_again_some_day(story: list[tuple[str, int]]) -> None:
    breaker, now = Breaker(), 0
    for verdict, pause in story:
        now += pause
        breaker.admits(now)
        breaker.report(verdict, now)  # type: ignore[arg-type]
    later = now + LONGEST_BREAK + PROBE_SECONDS
    assert any(breaker.admits(later) for _ in range(8))


def test_success_alone_never_opens() -> None:
    breaker = Breaker()
    assert not any(breaker.report("ok", second) for second in range(100))
