"""What REDIS_URL may say."""

import pytest

from gateway.redis_address import BadAddress, parse


def test_the_address_is_read_as_redis_py_and_celery_read_it() -> None:
    plain = parse("redis://cache.internal")
    assert (plain.host, plain.port, plain.database, plain.tls()) == ("cache.internal", 6379, 0, None)
    assert plain.greeting() == [("PING",)]
    full = parse("rediss://us%65r:p%40ss@[::1]:7000/12?ssl_cert_reqs=CERT_NONE")
    assert (full.host, full.port, full.secure, full.verify) == ("::1", 7000, True, "none")
    assert full.greeting() == [("AUTH", "user", "p@ss"), ("SELECT", 12), ("PING",)]
    local = parse("unix://:pass@/run/a%20b/redis.sock?db=4")
    assert (local.path, local.database, local.password) == ("/run/a b/redis.sock", 4, "pass")
    assert parse("redis://host?db=2").database == 2


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://host",
        "redis://host/abc",
        "redis://host/-1",
        "redis://host:99999",
        "redis://host:port",
        "unix://relative.sock",
        "rediss://host?ssl_cert_reqs=perhaps",
    ],
)
def test_an_address_that_cannot_be_is_refused_without_quoting_its_password(url: str) -> None:
    with pytest.raises(BadAddress) as refused:
        parse(url.replace("host", ":geheim@host"))
    assert "geheim" not in str(refused.value)


def test_neither_the_log_nor_a_repr_shows_the_password() -> None:
    address = parse("redis://user:geheim@host/1")
    assert "geheim" not in f"{address} {address!r}"
