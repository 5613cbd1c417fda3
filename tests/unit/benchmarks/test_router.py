"""The table and the verdict of the router benchmark."""

import io

import pytest
from rich.console import Console

from benchmarks.router import table, verdict
from benchmarks.serving import Result, Results


def _results(*, wrk: bool) -> Results:
    rates = {("direct", 1): 2000.0, ("Envoy", 1): 1500.0, ("direct", 8): 4000.0, ("Envoy", 8): 2600.0}
    return {
        key: Result(rates=[rate], latencies=[1 / rate] * 10, wrk=[rate / 2] if wrk else [])
        for key, rate in rates.items()
    }


@pytest.mark.parametrize("wrk", [True, False])
def test_each_way_stands_beside_the_direct_one(wrk: bool) -> None:
    out = io.StringIO()
    Console(file=out, width=120).print(table(_results(wrk=wrk)))
    line = next(line for line in out.getvalue().splitlines() if "Envoy" in line and "2,600" in line)
    assert "65%" in line
    assert "+0.13" in line
    assert ("1,300" in line) == wrk


def test_the_verdict_names_the_aims() -> None:
    said = verdict(_results(wrk=True))
    assert "65% of direct (aim: 60% or more)" in said
    assert "+0.17 ms at the median (aim: 0.2 ms or less)" in said
