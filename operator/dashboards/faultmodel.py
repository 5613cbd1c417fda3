"""The dashboard of one FaultModel. Its namespace and name are places that the operator fills in."""

from andon.desired.dashboard import MODEL, NAMESPACE, TITLE, UID
from andon.desired.rules_alert import Subject
from dashboards.panels import QUARTER, Panel, Query, Row, board

_SUBJECT = Subject(NAMESPACE, MODEL)
_RECORDED = _SUBJECT.recorded()
_OPERATOR = _SUBJECT.operator()
_MONITOR = _SUBJECT.monitor()


def faultmodel() -> str:
    """Give the dashboard as JSON."""
    return board(TITLE, UID, [_now(), _clients(), _server(), _rollout(), _inputs(), _accuracy()])


def _now() -> Row:
    return Row(
        "Now",
        [
            Panel(
                "State",
                "In one word, from the operator.",
                [Query(f"andon_faultmodel_phase{_OPERATOR}", "{{phase}}")],
                kind="states",
                width=QUARTER,
            ),
            Panel(
                "Serves",
                "1: the stable version has a ready replica, and a router is ready.",
                [
                    Query(
                        f"""max(andon_faultmodel_condition{_SUBJECT.operator('type="Available"', 'status="True"')})"""
                        " or vector(0)",
                        "serves",
                    )
                ],
                kind="number",
                width=QUARTER,
            ),
            Panel(
                "Requests each second",
                "At the router, over five minutes.",
                [Query(f"model:andon_requests:rate5m{_RECORDED}", "requests")],
                kind="number",
                unit="reqps",
                width=QUARTER,
            ),
            Panel(
                "Alerts",
                "Firing now, by name.",
                [Query(f"sum by (alertname) (ALERTS{_SUBJECT.monitor(FIRING)})", "{{alertname}}")],
                kind="number",
                width=QUARTER,
            ),
        ],
    )


FIRING = 'alertstate="firing"'


def _clients() -> Row:
    failed, every = "model_version:andon_failed_requests:rate5m", "model_version:andon_requests:rate5m"
    duration = "model_version:andon_request_duration_seconds"
    failing = f"model:andon_failed_requests:rate{{0}}{_RECORDED} / model:andon_requests:rate{{0}}{_RECORDED}"
    slow = f"model:andon_slow_requests:rate{{0}}{_RECORDED} / model:andon_requests:rate{{0}}{_RECORDED}"
    return Row(
        "What clients get",
        [
            Panel(
                "Requests by version",
                "At the router.",
                [Query(f"{every}{_RECORDED}", "version {{version}}")],
                unit="reqps",
            ),
            Panel(
                "Failed requests by version",
                "Share of requests that got no answer through no fault of the client.",
                # Without a failure there is no series of failures, and no data would look like no scrape.
                [Query(f"({failed}{_RECORDED} or {every}{_RECORDED} * 0) / {every}{_RECORDED}", "version {{version}}")],
                unit="percentunit",
            ),
            Panel(
                "99% of answers within",
                "Seen from the router.",
                [
                    Query(f"{duration}:p99_rate5m{_RECORDED}", "99%, version {{version}}"),
                    Query(f"{duration}:p50_rate5m{_RECORDED}", "50%, version {{version}}"),
                ],
                unit="s",
            ),
            Panel(
                "Use of the error budget",
                "Share of requests that failed, or were too slow, over an hour and over six.",
                [
                    Query(failing.replace("{0}", "1h"), "failed, 1 h"),
                    Query(failing.replace("{0}", "6h"), "failed, 6 h"),
                    Query(slow.replace("{0}", "1h"), "slow, 1 h"),
                    Query(slow.replace("{0}", "6h"), "slow, 6 h"),
                ],
                unit="percentunit",
            ),
        ],
    )


def _server() -> Row:
    servers = _SUBJECT.server()
    return Row(
        "Model servers",
        [
            Panel(
                "Waiting in the queue",
                "Mean wait before an execution. It grows when there are too few replicas.",
                [Query(f"model_version:andon_queue_seconds:mean_rate5m{_RECORDED}", "version {{version}}")],
                unit="s",
            ),
            Panel(
                "Computing",
                "Mean time of an execution. It grows with the model, and when the CPU is throttled.",
                [Query(f"model_version:andon_compute_seconds:mean_rate5m{_RECORDED}", "version {{version}}")],
                unit="s",
            ),
            Panel(
                "Rows each second",
                "A request may hold several.",
                [Query(f"sum by (version) (rate(nv_inference_count{servers}[5m]))", "version {{version}}")],
            ),
            Panel(
                "Failed executions",
                "By Triton's reason.",
                [
                    Query(
                        f"sum by (version, reason) (rate(nv_inference_request_failure{servers}[5m]))",
                        "version {{version}}, {{reason}}",
                    )
                ],
                unit="reqps",
            ),
        ],
    )


def _rollout() -> Row:
    every = f"sum(rate(andon_monitor_rows_total{_MONITOR}[15m]))"
    return Row(
        "Rollout",
        [
            Panel(
                "Share of the traffic",
                "As the operator has it written down.",
                [Query(f"andon_faultmodel_version_weight{_OPERATOR}", "version {{version}}, {{track}}")],
                unit="percent",
                maximum=100,
            ),
            Panel(
                "Waits for",
                "Why a new version goes no further.",
                [Query(f"andon_faultmodel_held{_OPERATOR}", "version {{version}}: {{reason}}")],
                kind="states",
            ),
            Panel(
                "Alarms",
                "Share of rows that a version calls a fault.",
                [
                    Query(
                        f"sum by (version, track) (rate(andon_monitor_alarms_total{_MONITOR}[15m]))"
                        f" / ignoring(version, track) group_left() {every}",
                        "version {{version}}, {{track}}",
                    )
                ],
                unit="percentunit",
            ),
            Panel(
                "Disagreement",
                "Share of rows that stable and candidate answer differently.",
                [Query(f"sum(rate(andon_monitor_disagreements_total{_MONITOR}[15m])) / {every}", "disagreement")],
                unit="percentunit",
            ),
        ],
    )


def _inputs() -> Row:
    return Row(
        "Inputs",
        [
            Panel(
                "Drift (PSI)",
                "Distance of each input from what it was when the model was built. What counts is the test beside it.",
                [Query(f"andon_monitor_drift_psi{_MONITOR}", "{{feature}}")],
            ),
            Panel(
                "Drifted",
                "1 while an input is held to have drifted, false alarms allowed for.",
                [Query(f"andon_monitor_drift{_MONITOR}", "{{feature}}")],
                kind="states",
            ),
            Panel(
                "Sensor faults",
                "1 while the values of an input cannot be right.",
                [Query(f"andon_monitor_sensor_fault{_MONITOR} == 1", "{{feature}}: {{kind}}")],
                kind="states",
            ),
            Panel(
                "Mirrored requests",
                "Seen, and left out, by the monitor.",
                [
                    Query(f"sum(rate(andon_monitor_inputs_total{_MONITOR}[5m]))", "seen"),
                    Query(
                        f"sum by (reason) (rate(andon_monitor_inputs_dropped_total{_MONITOR}[5m]))",
                        "left out: {{reason}}",
                    ),
                ],
                unit="reqps",
            ),
        ],
    )


def _accuracy() -> Row:
    def quality(metric: str) -> list[Query]:
        where = _SUBJECT.monitor(f'metric="{metric}"')
        return [Query(f"andon_monitor_quality{where}", "version {{version}}, {{track}}, {{bound}}")]

    delay = f"sum by (le) (rate(andon_monitor_label_delay_seconds_bucket{_MONITOR}[1d]))"
    return Row(
        "Accuracy, by the labels that came",
        [
            Panel(
                "Recall",
                "Faults that were found. lower and upper: 95% interval.",
                quality("recall"),
                unit="percentunit",
                maximum=1,
            ),
            Panel(
                "Precision",
                "Alarms that were right. lower and upper: 95% interval.",
                quality("precision"),
                unit="percentunit",
                maximum=1,
            ),
            Panel(
                "Labels",
                "Labels each hour, and the share of alarms that have one.",
                [
                    Query(f"sum by (label) (rate(andon_monitor_labels_total{_MONITOR}[1h])) * 3600", "label {{label}}"),
                    Query(f"andon_monitor_label_coverage_ratio{_MONITOR}", "coverage"),
                ],
            ),
            Panel(
                "Delay of labels",
                "Half of the labels, and nine of ten, come within.",
                [
                    Query(f"histogram_quantile(0.5, {delay})", "50%"),
                    Query(f"histogram_quantile(0.9, {delay})", "90%"),
                ],
                unit="s",
            ),
        ],
    )
