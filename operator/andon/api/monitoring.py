"""`spec.monitoring`: what is watched of a model that serves."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from andon.api.analysis import Share as Points
from andon.api.drift import Drift
from andon.api.durations import Duration
from model_builder.spec import SecretReference, Spec, cel

Share = Annotated[str, Field(min_length=4, max_length=8, pattern=r"^0[.]9([5-9]|[5-9][0-9]{1,4})$")]
"""A share that can be promised: with less than 0.95 no burn rate would ever be reached."""

LatencyThreshold = Literal[
    "1ms", "5ms", "10ms", "25ms", "50ms", "100ms", "250ms", "500ms", "1s", "2500ms", "5s", "10s", "30s"
]
"""The bounds of Envoy's histogram."""

AlertName = Literal[
    "FaultModelAccuracyBelowGate",
    "FaultModelAccuracyLost",
    "FaultModelArtifactDigestMismatch",
    "FaultModelArtifactFetchFails",
    "FaultModelBuildFailed",
    "FaultModelCanaryHeld",
    "FaultModelDrift",
    "FaultModelErrorBudgetBurnsFast",
    "FaultModelErrorBudgetBurnsSlowly",
    "FaultModelLabelsOverdue",
    "FaultModelLatencyBudgetBurnsFast",
    "FaultModelLatencyBudgetBurnsSlowly",
    "FaultModelMonitorDropsInputs",
    "FaultModelNoTraffic",
    "FaultModelNotScraped",
    "FaultModelRolledBack",
    "FaultModelSensorFault",
    "FaultModelUnavailable",
    "FaultModelVersionFails",
]

Reaction = Literal["Alert", "Hold", "RollBack", "Retrain"]
REACTION_RULE = (
    "monitoring.onDrift and onAccuracyLoss need monitoring.enabled: true, since only the monitor sees either"
)

CASE_RULE = "columns needs requestId, or asset and time in its place"
TRUTH_RULE = "columns needs fault or label, one of both"
LABELS_RULE = "monitoring.labelsFrom needs monitoring.enabled: true, since the monitor reads them"

TableColumn = Annotated[str, Field(min_length=1, max_length=63)]

LabelKey = Annotated[str, Field(min_length=1, max_length=317)]
LabelValue = Annotated[str, Field(max_length=63)]


class LatencyObjective(Spec):
    """How fast how many answers are promised to be."""

    threshold: LatencyThreshold = Field(default="250ms", description="What fast is, seen from the router.")
    share: Share = Field(
        default="0.99", description='Share of the requests of 30 days that are answered as fast, such as "0.99".'
    )


class Alerts(Spec):
    """When people are called."""

    enabled: bool = Field(default=True, description="Write alerts; without them only series are recorded.")
    availability: Share = Field(
        default="0.999", description='Share of the requests of 30 days that are answered, such as "0.999".'
    )
    latency: LatencyObjective = Field(
        default_factory=LatencyObjective, description="How fast how many answers are promised to be."
    )
    minimum_failures: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="Failed or slow requests that must come together before an alert on them: one of ten says little.",
    )
    held_after: Duration = Field(default="30m", description="How long a new version may wait before that is told.")
    no_traffic_after: Duration = Field(default="1h", description="How long without a request before that is told.")
    labels_overdue_after: Duration = Field(
        default="24h", description="How long alarms may go without any label before that is told."
    )
    disabled: tuple[AlertName, ...] = Field(
        default=(), max_length=19, description="Alerts that are not written, by name."
    )


class LabelColumns(Spec):
    """Names of the columns that say what a label says; a column that is absent is a field left out."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "has(self.requestId) ? !has(self.asset) && !has(self.time) : has(self.asset) && has(self.time)",
                    CASE_RULE,
                ),
                cel("has(self.fault) != has(self.label)", TRUTH_RULE),
            ]
        }
    )

    request_id: TableColumn | None = Field(default=None, description="The id of the request; or asset and time.")
    row: TableColumn | None = Field(default=None, description="Which row of the request, 0 for the first.")
    asset: TableColumn | None = Field(default=None, description="The asset, as in the header of stickyBy.")
    time: TableColumn | None = Field(default=None, description="When the asset was asked about: a time with its zone.")
    fault: TableColumn | None = Field(default=None, description="Whether it was a fault: a boolean.")
    label: TableColumn | None = Field(default=None, description="The class, by its name in the training data.")
    selection: TableColumn | None = Field(
        default=None, description="How the case was chosen: Queue, Record or Sample. Absent: Record."
    )

    @model_validator(mode="after")
    def _say_whose_and_what(self) -> Self:
        by_asset = self.asset is not None and self.time is not None
        if (self.request_id is None) != by_asset or (by_asset is False and (self.asset or self.time)):
            raise ValueError(CASE_RULE)
        if (self.fault is None) == (self.label is None):
            raise ValueError(TRUTH_RULE)
        return self


class SecretKey(SecretReference):
    """One key of a Secret in the FaultModel's own namespace."""

    key: str = Field(
        default="url", min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$", description="Key that holds it."
    )


class PostgresLabels(Spec):
    """A table in PostgreSQL that labels are read from. It is never written."""

    url_secret_ref: SecretKey = Field(
        description=(
            "Key of a Secret in the FaultModel's namespace that holds postgresql://USER:PASSWORD@HOST/DATABASE, best of"
            " an account that may read this table and nothing else, with ?sslmode=verify-full."
        )
    )
    table: str = Field(
        min_length=1,
        max_length=127,
        pattern=r'^[^".]{1,63}([.][^".]{1,63})?$',
        description="Name of the table or view, with that of its schema before a dot.",
    )
    position: TableColumn = Field(
        description=(
            "A column that only grows: a whole number, such as an identity, or a time with its zone of the last change."
            " Rows are read in its order, from where reading ended."
        )
    )
    columns: LabelColumns = Field(description="Which column says what.")
    interval: Duration = Field(default="60s", description="Between two looks.")


class LabelsFrom(Spec):
    """Where labels are fetched, beside those that are sent."""

    postgres: PostgresLabels = Field(description="A table in PostgreSQL.")


class Damping(Spec):
    """How sure and how rare reactions are."""

    after: Duration = Field(
        default="15m",
        description="How long drift, or a loss of accuracy, has to last until something is done, and to be over.",
    )
    cooldown: Duration = Field(
        default="24h",
        description="How long after a roll-back by reaction no other follows, nor a retraining after a retraining.",
    )


class Monitoring(Spec):
    """What is watched of a model that serves."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "(has(self.enabled) && self.enabled) || ((!has(self.onDrift) || self.onDrift == 'Alert')"
                    " && (!has(self.onAccuracyLoss) || self.onAccuracyLoss == 'Alert'))",
                    REACTION_RULE,
                ),
                cel("!has(self.labelsFrom) || (has(self.enabled) && self.enabled)", LABELS_RULE),
            ]
        }
    )

    enabled: bool = Field(
        default=False,
        description=(
            "Send a copy of each request to the monitor of the namespace, which scores it with the version that serves"
            " and with the one on trial, and takes labels; it answers no client and holds none up. Write rules, scrape"
            " settings and a dashboard for Prometheus and Grafana."
        ),
    )
    sample: int = Field(
        default=100,
        ge=1,
        le=100,
        description=(
            "Per cent of the requests of which the monitor gets a copy, drawn by chance. With fewer it needs less of"
            " the machine, and evidence takes longer."
        ),
    )
    on_drift: Reaction = Field(
        default="Alert",
        description=(
            "What to do while an input has drifted. Alert: tell people. Hold: let no new version gain traffic."
            " RollBack: go back to the version before, as after a version that was built on data unlike the line's."
            " Retrain: build anew from the data as they are; never while a sensor is broken."
        ),
    )
    on_accuracy_loss: Reaction = Field(
        default="Alert",
        description=(
            "What to do while the labels of late show that the version that serves misses a gate of validation.gates,"
            " or has lost more than recallLoss. Each as for onDrift."
        ),
    )
    recall_loss: Points | None = Field(
        default=None,
        description=(
            'How much lower its live recall may be than that of the version that served before, such as "0.05"; shown'
            " by the 95% interval of the difference. None: gates alone say what a loss is."
        ),
    )
    min_positives: int = Field(
        default=30, ge=1, le=1_000_000, description="With fewer labelled faults nothing is said of accuracy."
    )
    labels_from: LabelsFrom | None = Field(
        default=None, description="Where labels are fetched. None: they are sent to the monitor."
    )
    drift: Drift = Field(default_factory=Drift, description="How inputs are looked at.")
    damping: Damping = Field(default_factory=Damping, description="How sure and how rare reactions are.")
    alerts: Alerts = Field(default_factory=Alerts, description="When people are called.")
    dashboard: bool = Field(default=True, description="Write a dashboard for Grafana.")
    labels: dict[LabelKey, LabelValue] = Field(
        default_factory=dict,
        max_length=20,
        description=(
            "Labels on top of our own for PrometheusRule, PodMonitor and dashboard, such as those that the plant's"
            " Prometheus selects by."
        ),
    )

    @model_validator(mode="after")
    def _reacts_to_what_is_seen(self) -> Self:
        if not self.enabled and {self.on_drift, self.on_accuracy_loss} != {"Alert"}:
            raise ValueError(REACTION_RULE)
        if not self.enabled and self.labels_from is not None:
            raise ValueError(LABELS_RULE)
        return self
