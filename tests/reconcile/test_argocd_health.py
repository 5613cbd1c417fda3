"""What Argo CD would say of a FaultModel in each state: its check in Lua 5.1, on what the real reconciler wrote."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa.lua51 import LuaRuntime

from tests.support.cluster import failed, succeeded
from tests.support.live import drifting
from tests.support.runs import Run

FOLDER = Path(__file__).parents[2] / "docs/argocd"
CHECK = (FOLDER / "health.lua").read_text()
STEPS: list[dict[str, Any]] = [{"weight": 20}, {"pause": "5m"}, {"approval": {}}]
DIGEST_B = f"sha256:{'b' * 64}"


def health(model: dict[str, Any]) -> tuple[str, str]:
    """Run the check as Argo CD does: the object is the global `obj`, numbers are Lua's, and a table comes back."""
    lua = LuaRuntime(unpack_returned_tuples=True, register_eval=False)
    lua.globals().obj = lua.table_from(copy.deepcopy(model), recursive=True)
    answer = lua.execute(CHECK)
    return answer.status, answer.message


async def _on_the_line(**spec: Any) -> Run:
    run = Run()
    run.apply(**{"rollout": {"steps": STEPS}, **spec})
    await run.settle()
    run.world.build = lambda job: succeeded("b")
    return run


async def _until_reason(run: Run, reason: str) -> None:
    await run.until(lambda: run.condition("Ready")[1] == reason)


def test_an_object_that_nobody_has_looked_at_is_progressing() -> None:
    fresh = {"metadata": {"generation": 1}, "status": {"observedGeneration": -1}}
    assert health(fresh)[0] == health({"metadata": {"generation": 1}})[0] == "Progressing"


async def test_the_way_to_the_line() -> None:
    run = Run()
    run.apply()
    await run.turn()
    assert run.condition("Ready") == ("Unknown", "Pending")
    assert health(run.model)[0] == "Progressing"
    await run.until(lambda: run.model["status"]["phase"] == "Building")
    assert health(run.model)[0] == "Progressing"
    await run.settle()
    assert health(run.model) == ("Healthy", "Version 1 serves all traffic.")


async def test_a_generation_that_is_ahead_is_progressing_whatever_was_before() -> None:
    run = await _on_the_line()
    assert health(run.model)[0] == "Healthy"
    run.model["metadata"]["generation"] += 1
    assert health(run.model)[0] == "Progressing"


@pytest.mark.parametrize("reason", ["Paused", "AwaitingApproval"])
async def test_a_step_that_waits_is_suspended(reason: str) -> None:
    run = await _on_the_line()
    run.annotate(retrain="1")
    await _until_reason(run, reason)
    state, message = health(run.model)
    assert state == "Suspended"
    assert message.startswith("Step ")


@pytest.mark.parametrize(
    ("reason", "rollout"),
    [
        ("AwaitingEvidence", {"analysis": {"limits": {"errorRate": "0.05"}}, "steps": [{"weight": 20}]}),
        ("Watching", {"watch": "1h"}),
    ],
)
async def test_what_waits_for_evidence_is_suspended(reason: str, rollout: dict[str, Any]) -> None:
    run = await _on_the_line(rollout=rollout)
    run.annotate(retrain="1")
    await _until_reason(run, reason)
    assert health(run.model)[0] == "Suspended"


async def test_a_window_that_is_closed_is_suspended() -> None:
    windows = [{"kind": "Allow", "cron": "0 14 * * *", "duration": "1h"}]
    run = await _on_the_line(rollout={"windows": windows})
    run.annotate(retrain="1")
    await _until_reason(run, "WaitingForWindow")
    assert health(run.model)[0] == "Suspended"


async def test_a_suspended_spec_is_suspended_while_something_waits_and_healthy_where_nothing_does() -> None:
    run = await _on_the_line()
    run.apply(rollout={"steps": STEPS}, suspend=True)
    await run.settle()
    assert health(run.model)[0] == "Healthy"
    run.annotate(retrain="1")
    await run.settle()
    assert health(run.model)[0] == "Suspended"


async def test_a_canary_on_its_way_is_progressing() -> None:
    run = await _on_the_line(rollout={"steps": [{"weight": 20}]})
    run.annotate(retrain="1")
    await run.until(lambda: (run.model["status"].get("candidate") or {}).get("weight") == 20)
    assert health(run.model)[0] == "Progressing"


@pytest.mark.parametrize("how", ["breaks down", "is called off"])
async def test_what_was_rolled_back_is_degraded(how: str) -> None:
    run = await _on_the_line()
    run.annotate(retrain="1")
    await _until_reason(run, "Paused")
    if how == "breaks down":
        run.world.healthy = lambda version: version == 1
    else:
        run.annotate(abort=DIGEST_B)
    await run.settle()
    assert run.condition("Available")[0] == "True"
    assert health(run.model)[0] == "Degraded"


def _see_drift(run: Run) -> None:
    digest = run.model["status"]["stable"]["digest"]
    run.world.live = lambda: drifting(digest)


async def test_drift_alone_is_healthy_and_what_it_holds_suspended() -> None:
    run = await _on_the_line(monitoring={"enabled": True, "onDrift": "Hold", "damping": {"after": "1m"}})
    _see_drift(run)
    await run.until(lambda: "No new version gains traffic" in str(run.model["status"]))
    assert health(run.model)[0] == "Healthy"
    run.annotate(retrain="1")
    await _until_reason(run, "HeldByDrift")
    assert health(run.model)[0] == "Suspended"


async def test_a_line_that_was_given_back_by_a_reaction_is_degraded() -> None:
    watched = {"enabled": True, "onDrift": "RollBack", "damping": {"after": "1m"}}
    run = await _on_the_line(rollout={}, monitoring=watched)
    run.annotate(retrain="1")
    await run.settle()
    _see_drift(run)
    await run.until(lambda: run.model["status"]["phase"] == "RolledBack")
    state, message = health(run.model)
    assert state == "Degraded"
    assert "Drifted: torque" in message


async def test_a_build_that_failed_is_degraded_and_says_why() -> None:
    run = Run()
    run.world.build = lambda job: failed()
    run.apply()
    await run.settle()
    state, message = health(run.model)
    assert state == "Degraded"
    assert "column fault is missing" in message


async def test_what_serves_no_more_is_degraded() -> None:
    run = await _on_the_line()
    run.world.healthy = lambda version: False
    await run.settle()
    assert run.condition("Ready")[0] == "False"
    state, message = health(run.model)
    assert (state, message.startswith("No replica of version 1 is ready")) == ("Degraded", True)


def test_the_config_map_has_the_check_as_it_is() -> None:
    patch = yaml.safe_load((FOLDER / "argocd-cm.yaml").read_text())
    assert patch == {"data": {"resource.customizations.health.andon.dev_FaultModel": CHECK}}
