"""The dashboard of the operator itself."""

from dashboards.panels import QUARTER, Panel, Query, Row, board


def operator() -> str:
    """Give the dashboard as JSON."""
    return board("Andon: the operator", "andon-operator", [_now(), _work(), _fleet()])


def _now() -> Row:
    return Row(
        "Now",
        [
            Panel("Leads", "1: a process leads.", [Query("sum(andon_leader)", "leaders")], "number", width=QUARTER),
            Panel(
                "FaultModels",
                "That the operator looks after.",
                [Query("count(max by (model_namespace, model) (andon_faultmodel_phase))", "models")],
                "number",
                width=QUARTER,
            ),
            Panel(
                "Serve",
                "FaultModels that answer requests.",
                [Query('sum(andon_faultmodel_condition{type="Available",status="True"})', "serve")],
                "number",
                width=QUARTER,
            ),
            Panel(
                "Waiting",
                "FaultModels in the queue.",
                [Query("sum(andon_queue_depth)", "waiting")],
                "number",
                width=QUARTER,
            ),
        ],
    )


def _work() -> Row:
    took = "sum by (le) (rate(andon_reconcile_duration_seconds_bucket[5m]))"
    return Row(
        "Work",
        [
            Panel("Queue", "FaultModels that wait.", [Query("sum(andon_queue_depth)", "waiting")]),
            Panel(
                "Looks each second",
                "By how they ended.",
                [Query("sum by (result) (rate(andon_reconciles_total[5m]))", "{{result}}")],
            ),
            Panel(
                "Errors each second",
                "By reason.",
                [Query("sum by (reason) (rate(andon_reconcile_errors_total[5m]))", "{{reason}}")],
            ),
            Panel(
                "Time of a look",
                "Half of them, and 99%, end within.",
                [
                    Query(f"histogram_quantile(0.5, {took})", "50%"),
                    Query(f"histogram_quantile(0.99, {took})", "99%"),
                ],
                unit="s",
            ),
            Panel(
                "Events of watches",
                "Each second, by kind.",
                [Query("sum by (kind) (rate(andon_watch_events_total[5m]))", "{{kind}}")],
            ),
            Panel(
                "Age of watches",
                "Since the last event of a kind. A quiet cluster has none; what counts is what was missed.",
                [
                    Query("time() - max by (kind) (andon_watch_last_event_timestamp_seconds)", "{{kind}}"),
                ],
                unit="s",
            ),
            Panel(
                "Missed by watches",
                "Objects whose last change no event has told. More than 0 for long: that watch is dead.",
                [Query("max by (kind) (andon_resync_missed_objects)", "{{kind}}")],
            ),
            Panel("Leader", "1 while a process leads.", [Query("andon_leader", "{{pod}}")], "states"),
        ],
    )


def _fleet() -> Row:
    return Row(
        "FaultModels",
        [
            Panel("By state", "In one word.", [Query("sum by (phase) (andon_faultmodel_phase)", "{{phase}}")]),
            Panel(
                "Builds that ended",
                "Each hour, by reason.",
                [Query("sum by (outcome, reason) (rate(andon_builds_total[1h])) * 3600", "{{outcome}}: {{reason}}")],
            ),
            Panel(
                "Held",
                "New versions that wait, by what for.",
                [Query("sum by (reason) (andon_faultmodel_held)", "{{reason}}")],
            ),
            Panel(
                "Alerts",
                "Firing, by FaultModel.",
                [
                    Query(
                        'sum by (namespace, model, alertname) (ALERTS{alertname=~"FaultModel.*",alertstate="firing"})',
                        "{{namespace}}/{{model}}: {{alertname}}",
                    )
                ],
            ),
        ],
    )
