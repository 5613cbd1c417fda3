"""The table and the verdict of the router benchmark."""

import io
import urllib.request
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import routers
from benchmarks.router import table, verdict
from benchmarks.servers import Server
from benchmarks.serving import Result, Results
from tests.support.envoy import INFER, Backend

RATES = {
    ("direct", 1): 2000.0,
    ("Envoy", 1): 1500.0,
    ("bare Envoy", 1): 1600.0,
    ("direct", 8): 4000.0,
    ("Envoy", 8): 2600.0,
    ("bare Envoy", 8): 2700.0,
}


def _results(*, wrk: bool, bare: float = 1600.0) -> Results:
    return {
        key: Result(rates=[rate], latencies=[1 / rate] * 10, wrk=[rate / 2] if wrk else [])
        for key, rate in (RATES | {("bare Envoy", 1): bare}).items()
    }


@pytest.mark.parametrize("wrk", [True, False])
def test_each_way_stands_beside_the_direct_one(wrk: bool) -> None:
    out = io.StringIO()
    Console(file=out, width=120).print(table(_results(wrk=wrk)))
    line = next(line for line in out.getvalue().splitlines() if "Envoy" in line and "2,600" in line)
    assert "65%" in line
    assert "+0.13" in line
    assert ("1,300" in line) == wrk


def test_the_verdict_names_the_aims_and_what_bare_envoy_costs() -> None:
    said = verdict(_results(wrk=True))
    assert "65% of direct (aim: 60% or more; bare: 68%)" in said
    assert "+0.17 ms at the median (aim: 0.2 ms or less; bare: +0.12 ms)" in said


@pytest.mark.parametrize(
    ("one", "eight", "missed"), [(1600.0, 2700.0, False), (1000.0, 2700.0, True), (1600.0, 2300.0, True)]
)
def test_an_aim_that_bare_envoy_misses_is_said_to_be_out_of_reach(one: float, eight: float, missed: bool) -> None:
    results = _results(wrk=True, bare=one) | {
        ("bare Envoy", 8): Result(rates=[eight], latencies=[1 / eight] * 10, wrk=[eight / 2])
    }
    assert ("Bare Envoy misses an aim too" in verdict(results)) == missed


def test_bare_envoy_forwards_and_adds_nothing_of_the_operators(tmp_path: Path) -> None:
    backend = Backend()
    backend.start()
    try:
        direct = Server("direct", backend.ports["http"], INFER, "label", 0)
        with routers.bare_envoy(direct, tmp_path / "bare") as way:
            with urllib.request.urlopen(f"http://127.0.0.1:{way.port}{INFER}", data=b"{}") as answer:
                assert answer.status == 200
            assert way.name == routers.BARE
    finally:
        backend.stop()
    got = backend.got[-1]
    assert got.path == INFER
    assert not {name for name in got.headers if name.startswith(("x-andon", "x-request-id", "x-envoy"))}
