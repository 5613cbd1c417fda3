"""The benchmark of the monitor runs a real one, and tells what that counted."""

from __future__ import annotations

import itertools
from pathlib import Path

from rich.console import Console

from benchmarks import monitor


def test_what_was_sent_is_scored_and_told(tmp_path: Path) -> None:
    made = monitor.versions(tmp_path, ("quality",))
    found = monitor.sustain(made, tmp_path / "run", 3, monitor.SLICES, 0.3)
    assert found.scored > 0
    assert found.dropped == 0
    assert found.memory > 50_000_000, "no Python with ONNX Runtime is smaller"
    sent = monitor.Sent(2.0, [0.001, 0.002, 0.003, 0.004])
    with (tmp_path / "log").open("w") as log:
        console = Console(width=monitor.WIDTH, record=True, file=log)
        monitor.show([found], {"with copies": [sent, sent, sent]}, console)
    text = console.export_text()
    assert f"{found.scored * 3:,.0f}" in text
    assert "with copies" in text
    assert "4.00" in text


def test_every_request_has_a_name_of_its_own(tmp_path: Path) -> None:
    made = monitor.Versions(tmp_path, "sha256:old", "sha256:new")
    requests = list(itertools.islice(iter(monitor.Requests(made, 2, "run")), 100))
    assert len(set(requests)) == 100
    assert b"x-andon-versions: 1=sha256:old,2=sha256:new\r\n" in requests[0]


def test_copies_are_a_matter_of_the_route() -> None:
    def route(mirror: int | None) -> object:
        made = monitor.envoy_configuration(1, 2, mirror)
        manager = made["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        return manager["route_config"]["virtual_hosts"][0]["routes"][0]["route"]

    assert route(None) == {"cluster": "server"}
    assert route(3) == {"cluster": "server", "request_mirror_policies": [{"cluster": "monitor"}]}
