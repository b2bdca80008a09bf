"""The kill test: servers, workers, PostgreSQL and Redis die under load; every charge that was told stands in the books.

`python -m bench.kill` is the long form of it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.fire import SETTINGS, Fire, reckon, sweep
from bench.servers import World

HARMS = ("worker", "database", "both", "redis", "worker")
CHARGES = 10  # of each kind that must succeed between two harms


@pytest.mark.deadline(300)
def test_no_acknowledged_charge_is_lost_or_doubled_when_servers_and_postgresql_are_killed(tmp_path: Path) -> None:
    with World(tmp_path / "world", **SETTINGS) as world:
        customers = world.customers(*["25"] * 10, *["0.02"] * 2)
        fire = Fire(world, world.server(workers=2), customers)
        with fire.burning():
            fire.wait_for_charges(CHARGES)
            for harm in HARMS:
                fire.harm(harm)
                fire.wait_for_charges(CHARGES)
        told = fire.told
        assert min(len(told.wholes), len(told.streams)) > CHARGES * len(HARMS)
        assert told.lost > 0
        assert "internal_error" in told.refusals
        sweep(world.postgres.url())
        assert reckon(world, told) == []
