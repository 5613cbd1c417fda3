"""`spec.rollout`: how a new version reaches the line."""

from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from andon.api.analysis import Analysis
from andon.api.durations import Duration
from andon.api.traffic import Traffic
from model_builder.spec import Spec, cel

_CRON_FIELDS = (
    "[0-5]?[0-9]",
    "[01]?[0-9]|2[0-3]",
    "0?[1-9]|[12][0-9]|3[01]",
    "0?[1-9]|1[0-2]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC",
    "[0-7]|SUN|MON|TUE|WED|THU|FRI|SAT",
)


def _cron_pattern() -> str:
    fields = []
    for value in _CRON_FIELDS:
        item = rf"([*]|({value})(-({value}))?)(/[1-9][0-9]?)?"
        fields.append(f"{item}(,{item})*")
    return f"^{' '.join(fields)}$"


CRON_PATTERN = _cron_pattern()
"""Five fields: minute, hour, day of the month, month, day of the week."""
STEP_RULE = "give exactly one of shadow, weight, pause and approval"
WEIGHTS_RULE = "weights must grow from step to step"
SHADOW_RULE = "a shadow step comes before the first weight: with requests of its own a candidate needs no copies"
EVIDENCE_RULE = "analysis needs a step with shadow or weight, or watch: else the candidate gets no request to judge by"
APPROVALS_RULE = "give one approval at most: an approval is for an artifact, and holds for all of its steps"


class Approval(Spec):
    """A person has to approve the candidate, by the annotation `andon.dev/approve` with its digest."""


class Step(Spec):
    """One step of a canary."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "[has(self.shadow), has(self.weight), has(self.pause), has(self.approval)]"
                    ".filter(given, given).size() == 1",
                    STEP_RULE,
                )
            ]
        }
    )

    shadow: Duration | None = Field(
        default=None,
        description=(
            "Send the candidate a copy of each request for so long, such as 10m, and its answers to nobody. Analysis"
            " then has its errors and latency, and with monitoring.enabled how it answers the same inputs."
        ),
    )
    weight: int | None = Field(default=None, ge=1, le=99, description="Per cent of the requests for the candidate.")
    pause: Duration | None = Field(default=None, description="How long to wait, such as 10m.")
    approval: Approval | None = Field(default=None, description="Wait until a person approves the candidate.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(one is not None for one in (self.shadow, self.weight, self.pause, self.approval)) != 1:
            raise ValueError(STEP_RULE)
        return self


class Window(Spec):
    """A time in which versions may gain traffic, or must not."""

    kind: Literal["Allow", "Deny"] = Field(
        description="Whether versions may gain traffic in it. Deny goes before Allow."
    )
    cron: str = Field(
        min_length=9,
        max_length=128,
        pattern=CRON_PATTERN,
        description="When it opens: minute, hour, day of the month, month, day of the week, such as 0 14 * * 6.",
    )
    duration: Duration = Field(description="How long it is open, such as 4h.")
    time_zone: str = Field(
        default="UTC",
        min_length=1,
        max_length=64,
        pattern="^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$",
        description="IANA time zone of the cron expression, such as Europe/Berlin.",
    )


class Rollout(Spec):
    """How a new version reaches the line."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "!has(self.analysis) || has(self.watch)"
                    " || (has(self.steps) && self.steps.exists(s, has(s.shadow) || has(s.weight)))",
                    EVIDENCE_RULE,
                )
            ]
        }
    )

    traffic: Traffic = Field(default_factory=Traffic, description="By what requests reach a version.")
    steps: tuple[Step, ...] = Field(
        default=(),
        max_length=20,
        description=(
            "Steps of the canary, in their order, before a new version gets all traffic; none: it gets all at once."
            " Weights must grow; one approval at most. The first version of all and one that held all traffic before"
            " go without."
        ),
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "self.filter(s, has(s.weight)).map(s, s.weight).isSorted() && self.filter(s, has(s.weight))"
                    ".all(s, self.exists_one(other, has(other.weight) && other.weight == s.weight))",
                    WEIGHTS_RULE,
                ),
                cel("self.filter(s, has(s.approval)).size() <= 1", APPROVALS_RULE),
                cel(
                    "self.map(s, has(s.weight) ? 2 : has(s.shadow) ? 1 : 0).filter(kind, kind > 0).isSorted()",
                    SHADOW_RULE,
                ),
            ]
        },
    )
    windows: tuple[Window, ...] = Field(
        default=(),
        max_length=20,
        description=(
            "When a new version may gain traffic: in an Allow window, where there is one, and in no Deny window."
            " They never hold a version that loses traffic, nor the first version of all."
        ),
    )
    analysis: Analysis | None = Field(
        default=None,
        description=(
            "What a candidate must show before it gets more traffic. None: steps go by time and by approvals alone."
        ),
    )
    watch: Duration | None = Field(
        default=None,
        description=(
            "How long after its promotion the version before is kept ready, such as 1h. A version that breaks down or"
            " breaks a limit of analysis until then is rolled back by itself. None: the version before goes at once."
        ),
    )
    progress_deadline: Duration = Field(
        default="10m",
        description="A version that is not ready by then is given up, and what serves goes on. Such as 10m.",
    )

    @model_validator(mode="after")
    def _steps_fit(self) -> Self:
        weights = [step.weight for step in self.steps if step.weight is not None]
        if weights != sorted(set(weights)):
            raise ValueError(WEIGHTS_RULE)
        if sum(step.approval is not None for step in self.steps) > 1:
            raise ValueError(APPROVALS_RULE)
        kinds = [2 if step.weight is not None else 1 for step in self.steps if step.weight or step.shadow]
        if kinds != sorted(kinds):
            raise ValueError(SHADOW_RULE)
        if self.analysis is not None and self.watch is None and not kinds:
            raise ValueError(EVIDENCE_RULE)
        return self
