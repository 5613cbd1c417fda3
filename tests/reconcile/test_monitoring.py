"""Rules, scrape settings and dashboards come and go with their kinds, and never stand in the way of serving."""

from typing import Any

import pytest

from andon.errors import ForbiddenError, UnavailableError
from tests.support.runs import Run

ALL = frozenset({"PrometheusRule", "PodMonitor", "GrafanaDashboard"})
ON: dict[str, Any] = {"monitoring": {"enabled": True, "labels": {"release": "prometheus"}}}


def ready(run: Run) -> dict[str, str] | None:
    return next((one for one in run.model["status"]["conditions"] if one["type"] == "MonitoringReady"), None)


def names(run: Run, kind: str) -> list[str]:
    return [one["metadata"]["name"] for one in run.cluster.of(kind)]


async def serving(kinds: frozenset[str], **spec: Any) -> Run:
    run = Run()
    run.cluster.kinds = kinds
    run.apply(**spec)
    await run.settle()
    assert run.model["status"]["phase"] == "Stable"
    return run


async def test_without_the_kinds_rules_lie_in_a_config_map() -> None:
    run = await serving(frozenset(), **ON)
    condition = ready(run)
    assert condition is not None
    assert (condition["status"], condition["reason"]) == ("False", "PrometheusOperatorAbsent")
    assert {"spindle-rules", "spindle-dashboard"} <= set(names(run, "ConfigMap"))
    assert not any(run.cluster.of(kind) for kind in ALL)


async def test_with_the_kinds_all_is_in_place() -> None:
    run = await serving(ALL, **ON)
    condition = ready(run)
    assert condition is not None
    assert (condition["status"], condition["reason"]) == ("True", "MonitoringInPlace")
    assert names(run, "PrometheusRule") == ["spindle-rules"]
    assert names(run, "PodMonitor") == ["spindle"]
    assert names(run, "GrafanaDashboard") == ["spindle-dashboard"]
    assert "spindle-rules" not in names(run, "ConfigMap")
    for kind in ALL:
        meta = run.cluster.of(kind)[0]["metadata"]
        assert meta["labels"]["release"] == "prometheus"
        assert meta["ownerReferences"][0]["uid"] == run.model["metadata"]["uid"]


async def test_kinds_that_appear_are_filled_in() -> None:
    run = await serving(frozenset(), **ON)
    run.cluster.kinds = ALL
    await run.settle()
    assert names(run, "PrometheusRule") == ["spindle-rules"]
    assert "spindle-rules" not in names(run, "ConfigMap")
    condition = ready(run)
    assert condition is not None
    assert condition["status"] == "True"


async def test_at_rest_nothing_is_written() -> None:
    run = await serving(ALL, **ON)
    before = len(run.cluster.writes)
    await run.settle()
    assert run.cluster.writes[before:] == []


async def test_switched_off_all_of_it_goes() -> None:
    run = await serving(ALL, **ON)
    run.apply(monitoring={"enabled": False})
    await run.settle()
    assert not any(run.cluster.of(kind) for kind in ALL)
    assert "spindle-dashboard" not in names(run, "ConfigMap")
    assert ready(run) is None


async def test_what_was_changed_by_hand_is_mended() -> None:
    run = await serving(ALL, **ON)
    rule = run.cluster.objects["PrometheusRule", "spindle-rules"]
    rule["spec"]["groups"] = []
    await run.settle()
    assert run.cluster.objects["PrometheusRule", "spindle-rules"]["spec"]["groups"]


@pytest.mark.parametrize("error", [ForbiddenError("may not list"), UnavailableError("no answer")])
@pytest.mark.parametrize("method", ["find", "apply", "optional_kinds"])
async def test_trouble_with_them_is_told_and_serving_goes_on(
    error: Exception, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run()
    run.cluster.kinds = ALL
    through = getattr(run.cluster, method)

    async def refuse(*arguments: Any) -> Any:
        first = arguments[0] if arguments else None
        kind = first["kind"] if isinstance(first, dict) else first
        if method == "optional_kinds" or kind in ALL:
            raise error
        return await through(*arguments)

    monkeypatch.setattr(run.cluster, method, refuse)
    run.apply(**ON)
    await run.settle()
    assert run.model["status"]["phase"] == "Stable"
    condition = ready(run)
    assert condition is not None
    assert (condition["status"], condition["reason"]) == ("False", "MonitoringFailed")
    monkeypatch.undo()
    await run.settle()
    condition = ready(run)
    assert condition is not None
    assert condition["status"] == "True"


async def test_an_object_of_somebody_else_is_left_alone() -> None:
    run = Run()
    run.cluster.kinds = ALL
    theirs = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor", "metadata": {"name": "spindle"}}
    run.cluster.put({**theirs, "spec": {"theirs": True}})
    run.apply(**ON)
    await run.settle()
    assert run.cluster.objects["PodMonitor", "spindle"]["spec"] == {"theirs": True}
    condition = ready(run)
    assert condition is not None
    assert "NameTaken" in condition["message"]
    assert run.model["status"]["phase"] == "Stable"
