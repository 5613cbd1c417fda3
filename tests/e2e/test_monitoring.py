"""Rules, scrape settings and dashboard of a FaultModel, in a cluster that gets their kinds only later."""

from typing import Any

from tests.e2e.conftest import ServedModel
from tests.support.kinds import monitoring_kinds_installed
from tests.support.kubectl import Kubectl, condition, eventually


def _watch(served: ServedModel, *, enabled: bool) -> None:
    patch = f'{{"spec":{{"monitoring":{{"enabled":{str(enabled).lower()}}}}}}}'
    served.plant.kubectl.run("patch", "faultmodel", served.name, "--type=merge", f"--patch={patch}")


def test_kinds_that_come_later_are_filled_in_without_a_restart(
    served_model: ServedModel, operator: Kubectl, operator_logs: None
) -> None:
    kubectl, name = served_model.plant.kubectl, served_model.name

    def said() -> tuple[str, str, str]:
        return condition(kubectl.get("faultmodel", name), "MonitoringReady")

    def pods() -> list[tuple[str, int]]:
        found: list[dict[str, Any]] = operator.find("pods", "app.kubernetes.io/component=operator")
        return [
            (one["metadata"]["uid"], sum(each["restartCount"] for each in one["status"]["containerStatuses"]))
            for one in found
        ]

    before = pods()
    _watch(served_model, enabled=True)
    try:
        eventually(lambda: said()[:2] == ("False", "PrometheusOperatorAbsent"), 60, f"no kinds; {said()}")
        assert kubectl.get("configmap", f"{name}-rules") is not None
        with monitoring_kinds_installed(kubectl):
            eventually(lambda: said()[0] == "True", 240, f"the kinds are found; {said()}")
            for kind, child in (
                ("prometheusrule", f"{name}-rules"),
                ("podmonitor", name),
                ("grafanadashboard", f"{name}-dashboard"),
            ):
                assert kubectl.get(kind, child) is not None, kind
            assert kubectl.get("configmap", f"{name}-rules") is None
            assert condition(kubectl.get("faultmodel", name), "Available")[0] == "True"
        assert pods() == before, "no restart"
    finally:
        _watch(served_model, enabled=False)
    eventually(lambda: said()[0] == "Absent", 120, f"nothing to watch; {said()}")
