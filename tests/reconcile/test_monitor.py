"""The monitor of a namespace: made by the first FaultModel that wants it, kept by all, gone with the last."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from andon.api.drift import BOUND_RULE, ORDER_RULE, WINDOW_RULE, Drift
from andon.api.monitoring import CASE_RULE, TRUTH_RULE, LabelsFrom, Monitoring
from andon.core.observed import Identity
from andon.desired.monitor import monitor
from andon.desired.platform import Images, MonitorDatabase, Platform
from andon.errors import ForbiddenError
from model_monitor.declared import looked_at
from model_monitor.settings import MonitorSettings
from tests.support.cluster import fault_model
from tests.support.runs import KEY, PLATFORM, Run

MONITOR = "andon-monitor"


async def monitored() -> Run:
    run = Run()
    run.apply(monitoring={"enabled": True})
    await run.settle()
    return run


def owners(run: Run) -> list[str]:
    references = run.cluster.objects["Deployment", MONITOR]["metadata"]["ownerReferences"]
    return [one["name"] for one in references]


def other(run: Run, *, enabled: bool) -> dict[str, Any]:
    manifest = fault_model(monitoring={"enabled": enabled})
    manifest["metadata"]["name"] = "axis"
    return run.cluster.put(manifest)


async def test_it_is_made_with_an_account_of_its_own_and_a_claim_that_stays() -> None:
    run = await monitored()
    assert run.condition("MonitoringReady")[1] != "MonitorNotReady"
    deployment = run.cluster.objects["Deployment", MONITOR]
    pod = deployment["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == MONITOR
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    assert "ownerReferences" not in run.cluster.objects["PersistentVolumeClaim", MONITOR]["metadata"]
    assert {kind for kind, name in run.cluster.objects if name == MONITOR} == {
        "ConfigMap",
        "Deployment",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "Service",
        "ServiceAccount",
    }


async def test_with_a_database_of_the_plant_no_claim_is_made() -> None:
    run = Run(platform=replace(PLATFORM, monitor_database=MonitorDatabase("plant")))
    run.apply(monitoring={"enabled": True})
    await run.settle()
    assert ("Deployment", MONITOR) in run.cluster.objects
    assert ("PersistentVolumeClaim", MONITOR) not in run.cluster.objects


async def test_its_page_is_reached_from_the_namespace_alone() -> None:
    run = await monitored()
    spec = run.cluster.objects["NetworkPolicy", MONITOR]["spec"]
    pod = run.cluster.objects["Deployment", MONITOR]["spec"]["template"]
    assert spec["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    ports = {one["name"]: one["containerPort"] for one in pod["spec"]["containers"][0]["ports"]}
    anyone, page = spec["ingress"]
    assert "from" not in anyone
    assert {one["port"] for one in anyone["ports"]} == {ports["http"], ports["grpc"], ports["api"]}
    assert [one["port"] for one in page["ports"]] == [ports["page"]]
    assert page["from"] == [{"podSelector": {}}]


def test_its_page_can_be_opened() -> None:
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}
    platform = Platform(Images("b", "t", "e"), monitor_page_from=(peer,))
    written = monitor((Identity("press-shop", "spindle", "u", 1),), platform)
    (policy,) = [one for one in written if one["kind"] == "NetworkPolicy"]
    assert policy["spec"]["ingress"][1]["from"] == [{"podSelector": {}}, peer]


TABLE = {
    "urlSecretRef": {"name": "repairs"},
    "table": "plant.repairs",
    "position": "nr",
    "columns": {"requestId": "order", "fault": "Broken"},
}


async def test_it_is_told_where_labels_are_fetched() -> None:
    run = Run()
    run.apply(monitoring={"enabled": True, "labelsFrom": {"postgres": TABLE}})
    await run.settle()
    pod = run.cluster.objects["Deployment", MONITOR]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (told,) = [one["value"] for one in container["env"] if one["name"] == "ANDON_MONITOR_LABEL_TABLES"]
    (table,) = MonitorSettings(label_tables=json.loads(told)).label_tables
    assert (table.model, table.table, table.seconds) == ("spindle", "plant.repairs", 60.0)
    assert table.columns == {"requestId": "order", "fault": "Broken"}
    (mount,) = [one for one in container["volumeMounts"] if one["mountPath"] == str(table.url_file.parent)]
    assert mount["readOnly"]
    (volume,) = [one["secret"] for one in pod["volumes"] if one["name"] == mount["name"]]
    items = [{"key": "url", "path": table.url_file.name}]
    assert volume == {"secretName": "repairs", "items": items, "optional": True}


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({**TABLE, "columns": {"fault": "f"}}, CASE_RULE),
        ({**TABLE, "columns": {"asset": "a", "fault": "f"}}, CASE_RULE),
        ({**TABLE, "columns": {"requestId": "r", "asset": "a", "time": "t", "fault": "f"}}, CASE_RULE),
        ({**TABLE, "columns": {"requestId": "r", "time": "t", "fault": "f"}}, CASE_RULE),
        ({**TABLE, "columns": {"requestId": "r"}}, TRUTH_RULE),
        ({**TABLE, "columns": {"requestId": "r", "fault": "f", "label": "l"}}, TRUTH_RULE),
        ({**TABLE, "table": 'a"b'}, "String should match"),
    ],
)
def test_a_table_that_cannot_be_read_as_labels_is_refused(given: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(rule)):
        LabelsFrom.model_validate({"postgres": given})


def test_labels_are_fetched_only_where_the_monitor_is() -> None:
    with pytest.raises(ValidationError, match="labelsFrom needs"):
        Monitoring.model_validate({"labelsFrom": {"postgres": TABLE}})


async def test_at_rest_nothing_is_written() -> None:
    run = await monitored()
    writes = len(run.cluster.writes)
    for _ in range(3):
        await run.reconciler.reconcile(KEY)
    assert run.cluster.writes[writes:] == []


async def test_it_belongs_to_all_who_want_it_and_goes_with_the_last() -> None:
    run = await monitored()
    other(run, enabled=True)
    await run.settle()
    assert owners(run) == ["axis", "spindle"]
    run.apply(monitoring={"enabled": False})
    await run.settle()
    assert owners(run) == ["axis"]
    assert run.condition("MonitoringReady")[0] == "Absent"
    other(run, enabled=False)
    run.apply(monitoring={"enabled": True})
    await run.settle()
    assert owners(run) == ["spindle"]
    run.apply(monitoring={"enabled": False})
    await run.settle()
    assert ("Deployment", MONITOR) not in run.cluster.objects
    assert ("Service", MONITOR) not in run.cluster.objects
    assert ("PersistentVolumeClaim", MONITOR) in run.cluster.objects, "labels are dear"


async def test_while_it_is_not_ready_the_condition_says_so_and_serving_goes_on() -> None:
    run = await monitored()
    run.world.monitor_ready = False
    for _ in range(3):
        await run.turn()
    assert run.condition("MonitoringReady") == ("False", "MonitorNotReady")
    assert run.condition("Ready") == ("True", "RolledOut")
    assert await run.reconciler.reconcile(KEY) is not None, "no event tells of it"
    run.world.monitor_ready = True
    await run.settle()
    assert run.condition("MonitoringReady")[1] != "MonitorNotReady"


async def test_an_object_of_somebody_else_is_not_taken_over() -> None:
    run = Run()
    run.cluster.put({"kind": "Service", "metadata": {"name": MONITOR, "labels": {}}, "spec": {}})
    run.apply(monitoring={"enabled": True})
    await run.turn()
    await run.until(lambda: run.condition("Ready") == ("True", "RolledOut"))
    assert run.condition("MonitoringReady")[1] == "MonitorNotReady"
    assert "ownerReferences" not in run.cluster.objects["Service", MONITOR]["metadata"]


async def test_a_right_that_is_missing_holds_up_nothing_else() -> None:
    run = Run()
    allowed = run.cluster.apply

    async def forbidden(manifest: dict[str, Any]) -> None:
        if manifest["kind"] == "ServiceAccount":
            raise ForbiddenError("serviceaccounts is forbidden")
        await allowed(manifest)

    run.cluster.apply = forbidden  # type: ignore[method-assign]
    run.apply(monitoring={"enabled": True})
    await run.turn()
    await run.until(lambda: run.condition("Ready") == ("True", "RolledOut"))
    assert run.condition("MonitoringReady") == ("False", "MonitorNotReady")


async def test_models_without_monitoring_never_look_at_it() -> None:
    run = Run()
    run.apply()
    await run.settle()
    assert not any(name == MONITOR for _, name in run.cluster.objects)


async def test_what_is_declared_to_have_changed_reaches_the_monitor_in_a_file() -> None:
    run = await monitored()
    assert run.cluster.objects["ConfigMap", MONITOR]["data"] == {}
    run.annotate(rebaseline=" spindle bearing replaced ")
    run.model["metadata"]["managedFields"] = [
        {"manager": "kubectl", "fieldsV1": {"f:spec": {}}},
        {
            "manager": "argocd-controller",
            "fieldsV1": {"f:metadata": {"f:annotations": {"f:andon.dev/rebaseline": {}}}},
        },
    ]
    await run.settle()
    told = json.loads(run.cluster.objects["ConfigMap", MONITOR]["data"]["spindle"])
    by = "the annotation andon.dev/rebaseline, set by argocd-controller"
    assert told == {"reason": "spindle bearing replaced", "by": by}
    pod = run.cluster.objects["Deployment", MONITOR]["spec"]["template"]["spec"]
    (mount,) = [one for one in pod["containers"][0]["volumeMounts"] if one["name"] == "declarations"]
    assert mount["mountPath"] == "/etc/andon/declarations"
    run.model["metadata"]["annotations"].pop("andon.dev/rebaseline")
    await run.settle()
    assert run.cluster.objects["ConfigMap", MONITOR]["data"] == {}


RANGES = [{"feature": "torque", "min": 0, "max": 90.5}, {"feature": "wear", "min": 0}]


async def test_how_inputs_are_looked_at_reaches_the_monitor_in_the_same_file() -> None:
    run = await monitored()
    run.apply(monitoring={"enabled": True, "drift": {"window": {"rows": 1000, "after": "8h"}, "ranges": RANGES}})
    await run.settle()
    declared = looked_at("spindle", json.loads(run.cluster.objects["ConfigMap", MONITOR]["data"]["spindle"]))
    assert declared is not None
    assert (declared.rows, declared.minimum, declared.seconds) == (1000, 200, 8 * 3600.0)
    assert declared.ranges == {"torque": (0.0, 90.5), "wear": (0.0, float("inf"))}


async def test_a_range_of_no_input_is_told() -> None:
    run = await monitored()
    run.apply(monitoring={"enabled": True, "drift": {"ranges": [*RANGES, {"feature": "Torqe", "max": 1}]}})
    await run.settle()
    assert run.condition("MonitoringReady") == ("False", "RangeOfNoInput")
    (message,) = [one["message"] for one in run.model["status"]["conditions"] if one["type"] == "MonitoringReady"]
    assert "names Torqe, which" in message
    run.apply(monitoring={"enabled": True, "drift": {"ranges": RANGES}})
    await run.settle()
    assert run.condition("MonitoringReady")[1] != "RangeOfNoInput"


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"ranges": [{"feature": "heat"}]}, BOUND_RULE),
        ({"ranges": [{"feature": "heat", "min": 2, "max": 2}]}, ORDER_RULE),
        ({"ranges": [{"feature": "heat", "min": 2}, {"feature": "heat", "max": 3}]}, "names an input twice: heat"),
        ({"window": {"rows": 100}}, WINDOW_RULE),
        ({"window": {"minRows": 501}}, WINDOW_RULE),
    ],
)
def test_a_way_to_look_that_makes_no_sense_is_refused(given: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(rule)):
        Drift.model_validate(given)
