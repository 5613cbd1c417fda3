"""`spec.rollout.analysis`: what a candidate must show before it gets more traffic."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from andon.api.durations import Duration, ShortDuration
from model_builder.spec import Spec, cel

Share = Annotated[str, Field(min_length=3, max_length=8, pattern="^0[.]([0-9]{0,5}[1-9][0-9]{0,5})$")]
"""A decimal number above 0 and below 1, as a string, since other clients write numbers in other ways."""

LIMITS_RULE = "give at least one limit"

MONITOR_RULE = (
    "rollout.analysis.limits on disagreement, recallLoss and falseAlarmGain need monitoring.enabled: true, since only"
    " the monitor compares two versions on the same inputs"
)
ROUTER_RULE = (
    "rollout.analysis.limits on errorRate and latency need rollout.traffic.provider Envoy, whose router counts requests"
)


def _asked(*limits: str) -> str:
    given = " || ".join(f"has(self.rollout.analysis.limits.{limit})" for limit in limits)
    return f"has(self.rollout) && has(self.rollout.analysis) && ({given})"


_MONITORED = "has(self.monitoring) && has(self.monitoring.enabled) && self.monitoring.enabled"
_ROUTED = "!has(self.rollout.traffic) || self.rollout.traffic.provider == 'Envoy'"
SPEC_RULES = [
    cel(f"!({_asked('disagreement', 'recallLoss', 'falseAlarmGain')}) || ({_MONITORED})", MONITOR_RULE),
    cel(f"!({_asked('errorRate', 'latency')}) || ({_ROUTED})", ROUTER_RULE),
]
"""Rules over the whole spec: a limit that nobody could judge is refused."""


class LatencyLimit(Spec):
    """How long answers may take, measured at the router."""

    limit: ShortDuration = Field(description="How long a request may take, such as 50ms.")
    share: Share = Field(
        default="0.01",
        description='Most of the requests that may take longer; "0.01" limits the 99th percentile.',
    )


class AnalysisLimits(Spec):
    """What a candidate must keep. Each is shown by bounds that hold however often one looks."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "has(self.errorRate) || has(self.latency) || has(self.disagreement) || has(self.recallLoss)"
                    " || has(self.falseAlarmGain)",
                    LIMITS_RULE,
                )
            ]
        }
    )

    error_rate: Share | None = Field(
        default=None, description='Most of its requests that may fail, or be answered with NaN, such as "0.01".'
    )
    latency: LatencyLimit | None = Field(default=None, description="How long its answers may take.")
    disagreement: Share | None = Field(
        default=None,
        description=(
            'Most of the inputs that it may answer otherwise than the version that serves, such as "0.02".'
            " Needs monitoring.enabled."
        ),
    )
    recall_loss: Share | None = Field(
        default=None,
        description='How much lower its recall may be, such as "0.05". Needs monitoring.enabled, and labels.',
    )
    false_alarm_gain: Share | None = Field(
        default=None,
        description=(
            'How much higher its share of false alarms among sound cases may be, such as "0.01".'
            " Needs monitoring.enabled, and labels."
        ),
    )

    @property
    def needs_monitor(self) -> bool:
        """Whether any of them is judged by what the monitor sees."""
        return any(limit is not None for limit in (self.disagreement, self.recall_loss, self.false_alarm_gain))

    @property
    def needs_router(self) -> bool:
        """Whether any of them is judged by what the router counts."""
        return self.error_rate is not None or self.latency is not None

    @property
    def needs_labels(self) -> bool:
        """Whether any of them is judged by labels."""
        return self.recall_loss is not None or self.false_alarm_gain is not None

    @model_validator(mode="after")
    def _one_at_least(self) -> Self:
        if not self.needs_monitor and not self.needs_router:
            raise ValueError(LIMITS_RULE)
        return self


class Analysis(Spec):
    """What a candidate must show before it gets more traffic.

    A limit that is shown to be broken rolls it back at once; shown to be kept, it lets a step end; anything else holds.
    """

    limits: AnalysisLimits = Field(description="What it must keep.")
    min_requests: int = Field(default=200, ge=1, le=1_000_000_000, description="With fewer requests nothing passes.")
    min_positives: int = Field(
        default=30,
        ge=1,
        le=1_000_000,
        description="With fewer faults, labelled or to be expected, no limit on recallLoss passes.",
    )
    label_delay: Duration | None = Field(
        default=None, description="How late labels come, such as 8h. Missing labels are no trouble before that."
    )
    on_no_data: Literal["Hold", "RollBack"] = Field(
        default="Hold",
        description=(
            "What to do while counts or the monitor are missing: hold the candidate where it is, or take it off the"
            " line. That is no failure of the candidate."
        ),
    )
    max_hold: Duration = Field(
        default="24h",
        description="How long a step may last beyond its own time, and beyond labelDelay, while evidence is lacking.",
    )
    on_exhausted: Literal["AwaitApproval", "RollBack"] = Field(
        default="AwaitApproval",
        description=(
            "What to do when that time is over: show a person the evidence and wait for andon.dev/approve, or take the"
            " candidate off the line. Nothing passes by waiting."
        ),
    )
