"""For each alert of a FaultModel: series with which it fires, and series with which it must not.

Series are written as promtool has them: `0+60x120` begins at 0 and adds 60 a minute, 120 times; `_` is no sample.
"""

from dataclasses import dataclass, field

from andon.desired.rules_alert import Gate, Subject

SUBJECT = Subject("plant", "spindle", gates=(Gate("recall", "0.60"), Gate("precision", "0.50")))

ROUTER = 'namespace="plant",faultmodel="spindle",envoy_http_conn_manager_prefix="predictions"'
CLUSTER = 'namespace="plant",faultmodel="spindle"'
OPERATOR = 'model_namespace="plant",model="spindle"'
MONITOR = 'namespace="plant",model="spindle"'

Series = dict[str, str]


@dataclass(frozen=True)
class Situation:
    """Series, when to look, and the labels with which the alert is to fire, on top of those that every one has."""

    series: Series
    at: str = "2h"
    labels: dict[str, str] = field(default_factory=dict)


def traffic(completed: str = "0+600x240", failed: str = "0x240", pod: str = "a") -> Series:
    where = f'{ROUTER},pod="{pod}"'
    return {
        f"envoy_http_downstream_rq_completed{{{where}}}": completed,
        f'envoy_http_downstream_rq_xx{{{where},envoy_response_code_class="5"}}': failed,
    }


def times(fast: str, every: str = "0+600x240", bound: str = "250") -> Series:
    return {
        **traffic(every),
        f"envoy_http_downstream_rq_time_count{{{ROUTER}}}": every,
        f'envoy_http_downstream_rq_time_bucket{{{ROUTER},le="{bound}"}}': fast,
    }


def grpc(code: int, values: str, cluster: str = "v1-grpc") -> Series:
    return {f'envoy_cluster_grpc_{code}{{{CLUSTER},envoy_cluster_name="{cluster}"}}': values}


def condition(kind: str, status: str, reason: str, values: str = "1x240") -> Series:
    return {f'andon_faultmodel_condition{{{OPERATOR},type="{kind}",status="{status}",reason="{reason}"}}': values}


def operator(metric: str, labels: str, values: str = "1x240") -> Series:
    return {f"andon_faultmodel_{metric}{{{OPERATOR},{labels}}}": values}


def monitor(metric: str, labels: str = "", values: str = "1x240") -> Series:
    return {f"andon_monitor_{metric}{{{MONITOR}{',' if labels else ''}{labels}}}": values}


def inference(failure: str, success: str = "0+600x240", reason: str = "BACKEND") -> Series:
    where = f'{CLUSTER},model="spindle",version="2"'
    return {
        f'nv_inference_request_failure{{{where},reason="{reason}"}}': failure,
        f"nv_inference_request_success{{{where}}}": success,
    }


OTHER_MODEL = {name.replace("spindle", "press"): values for name, values in traffic("0+600x240", "0+300x240").items()}

FIRES: dict[str, list[Situation]] = {
    "FaultModelErrorBudgetBurnsFast": [
        # 5% of the requests fail, from both pods of the router together.
        Situation({**traffic(failed="0+60x240"), **traffic(pod="b")}, labels={"severity": "critical"}),
        Situation({**traffic(), **grpc(14, "0+60x240")}, labels={"severity": "critical"}),
        Situation({**traffic(), **grpc(13, "0+12x240"), **grpc(14, "0+12x240", "v2-grpc")}, at="1h10m"),
    ],
    "FaultModelErrorBudgetBurnsSlowly": [Situation(traffic("0+600x1500", "0+3x1500"), at="1d1h")],
    "FaultModelLatencyBudgetBurnsFast": [
        Situation(times("0+450x240")),
        Situation(times("0+450x240", bound="250.0")),  # as Prometheus 3 writes it
    ],
    "FaultModelLatencyBudgetBurnsSlowly": [Situation(times("0+570x1500", "0+600x1500"), at="1d1h")],
    "FaultModelUnavailable": [
        Situation(condition("Available", "False", "VersionNotReady"), "5m", {"reason": "VersionNotReady"}),
        Situation(condition("Available", "Unknown", "RouterNotReady"), "5m", {"reason": "RouterNotReady"}),
    ],
    "FaultModelVersionFails": [
        Situation(inference("0+60x240"), labels={"version": "2"}),
        Situation(inference("0+60x240", reason=""), labels={"version": "2"}),  # Triton before 24.01 names no reason
    ],
    "FaultModelNoTraffic": [Situation(traffic("7x240"))],
    "FaultModelNotScraped": [Situation(operator("version_weight", 'version="1",track="stable"', "100x240"), "30m")],
    "FaultModelCanaryHeld": [
        Situation(
            operator("held", 'version="2",reason="AwaitingApproval"'),
            "45m",
            {"version": "2", "reason": "AwaitingApproval"},
        ),
    ],
    "FaultModelRolledBack": [
        Situation(operator("phase", 'phase="RolledBack"'), "1m"),
        Situation(operator("phase", 'phase="RollingBack"'), "1m"),
    ],
    "FaultModelBuildFailed": [Situation(condition("Built", "False", "GateNotMet"), "10m", {"reason": "GateNotMet"})],
    "FaultModelArtifactDigestMismatch": [
        # Between two tries of the kubelet nothing is told for a while.
        Situation(operator("server_trouble", 'version="2",reason="DigestMismatch"', "1 _x20"), "8m", {"version": "2"}),
    ],
    "FaultModelArtifactFetchFails": [
        Situation(operator("server_trouble", 'version="2",reason="FetchFailed"'), "20m", {"version": "2"}),
    ],
    "FaultModelDrift": [Situation(monitor("drift", 'feature="Torque [Nm]"'), "20m", {"feature": "Torque [Nm]"})],
    "FaultModelSensorFault": [
        Situation(
            monitor("sensor_fault", 'feature="Torque [Nm]",kind="stuck"'),
            "20m",
            {"feature": "Torque [Nm]", "kind": "stuck"},
        ),
    ],
    "FaultModelMonitorDropsInputs": [
        Situation(
            {
                **monitor("inputs_total", "", "0+100x240"),
                **monitor("inputs_dropped_total", 'reason="queueFull"', "0+10x240"),
            }
        ),
    ],
    "FaultModelAccuracyBelowGate": [
        Situation(
            monitor("quality", 'version="1",track="stable",metric="recall",bound="upper"', "0.55x240"),
            "30m",
            {"metric": "recall", "severity": "critical"},
        ),
        Situation(
            monitor("quality", 'version="1",track="stable",metric="precision",bound="upper"', "0.49x240"),
            "30m",
            {"metric": "precision"},
        ),
    ],
    "FaultModelAccuracyLost": [
        Situation(condition("AccuracyKept", "False", "AccuracyLost"), "1m", {"severity": "critical"}),
    ],
    "FaultModelLabelsOverdue": [
        Situation(monitor("alarms_total", 'version="1",track="stable"', "0+1x1700"), "26h"),
        Situation(
            {
                **monitor("alarms_total", 'version="1",track="stable"', "0+1x3200"),
                **monitor("labels_total", 'label="1"', "0+1x60 60x3140"),  # they came, but that is long ago
            },
            "50h",
        ),
    ],
}

SILENT: dict[str, list[Situation]] = {
    "FaultModelErrorBudgetBurnsFast": [
        Situation(traffic(failed="0+0.3x240")),
        Situation({**traffic(), **OTHER_MODEL}),
        Situation({**traffic(), **grpc(3, "0+300x240")}),  # the client's own mistake: invalid argument
        Situation(traffic("0+1x240", "0+1x3 3x237"), at="1h"),  # three failures among few requests
        Situation(traffic("0x240")),  # no request, so nothing failed
        Situation(traffic(failed="0+60x60 3600x180"), at="2h30m"),  # over since more than an hour
    ],
    "FaultModelErrorBudgetBurnsSlowly": [Situation(traffic("0+600x1500", "0+0.5x1500"), at="1d1h")],
    "FaultModelLatencyBudgetBurnsFast": [
        Situation(times("0+595x240")),
        Situation(times("0+450x240", bound="100")),  # another bound than the one promised
    ],
    "FaultModelLatencyBudgetBurnsSlowly": [Situation(times("0+597x1500", "0+600x1500"), at="1d1h")],
    "FaultModelUnavailable": [
        Situation(condition("Available", "True", "Serving"), "10m"),
        Situation(condition("Available", "False", "NothingServes"), "10m"),  # before the first version
        Situation(condition("Available", "False", "VersionNotReady", "1x1 stale"), "6m"),
    ],
    "FaultModelVersionFails": [
        Situation(inference("0+60x240", reason="OTHER")),  # requests that no model could answer
        Situation(inference("0+1x240")),
    ],
    "FaultModelNoTraffic": [
        Situation(traffic()),
        Situation(traffic("0x200 0+60x40"), "3h30m"),
        Situation(traffic("7x240"), "30m"),
    ],
    "FaultModelNotScraped": [
        Situation({**operator("version_weight", 'version="1",track="stable"', "100x240"), **traffic()}, "30m"),
        Situation(operator("phase", 'phase="Building"'), "30m"),  # no router is to be there yet
    ],
    "FaultModelCanaryHeld": [
        Situation(operator("held", 'version="2",reason="Paused"', "1x10 _x60"), "45m"),
        Situation({'andon_faultmodel_held{model_namespace="other",model="spindle"}': "1x240"}, "45m"),
    ],
    "FaultModelRolledBack": [Situation(operator("phase", 'phase="Canary"'), "10m")],
    "FaultModelBuildFailed": [
        Situation(condition("Built", "True", "BuildSucceeded"), "10m"),
        Situation(condition("Built", "Unknown", "BuildRunning"), "10m"),
    ],
    "FaultModelArtifactDigestMismatch": [
        Situation(operator("server_trouble", 'version="2",reason="FetchFailed"'), "20m"),
    ],
    "FaultModelArtifactFetchFails": [
        Situation(operator("server_trouble", 'version="2",reason="Other"'), "20m"),
        Situation(operator("server_trouble", 'version="2",reason="FetchFailed"', "1x2 _x60"), "30m"),
    ],
    "FaultModelDrift": [Situation(monitor("drift", 'feature="Torque [Nm]"', "0x240"), "20m")],
    "FaultModelSensorFault": [Situation(monitor("sensor_fault", 'feature="a",kind="stuck"', "0x240"), "20m")],
    "FaultModelMonitorDropsInputs": [Situation(monitor("inputs_total", "", "0+100x240"))],
    "FaultModelAccuracyBelowGate": [
        Situation(
            {
                **monitor("quality", 'version="1",track="stable",metric="recall",bound="upper"', "0.61x240"),
                # Of an estimate that is low by chance the upper bound speaks, and of the candidate the rollout does.
                **monitor("quality", 'version="1",track="stable",metric="recall",bound="value"', "0.40x240"),
                **monitor("quality", 'version="2",track="candidate",metric="recall",bound="upper"', "0.10x240"),
                **monitor("quality", 'version="1",track="stable",metric="f1",bound="upper"', "0.10x240"),
            },
            "30m",
        ),
    ],
    "FaultModelAccuracyLost": [
        Situation(condition("AccuracyKept", "True", "NoLossShown"), "10m"),
        Situation(condition("AccuracyKept", "Unknown", "NotEnoughData"), "10m"),
        Situation(condition("InputsSteady", "False", "Drifted"), "10m"),
    ],
    "FaultModelLabelsOverdue": [
        Situation(monitor("inputs_total", "", "0+1x1700"), "26h"),  # no alarm, so nothing to inspect
        Situation(
            {
                **monitor("alarms_total", 'version="1",track="stable"', "0+1x1700"),
                **monitor("labels_total", 'label="0"', "0+1x1700"),
            },
            "26h",
        ),
    ],
}
