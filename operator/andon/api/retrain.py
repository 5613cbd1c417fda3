"""`spec.retrain`: when a model is built anew from the data as they are then."""

from pydantic import Field

from andon.api.rollout import CRON_PATTERN
from model_builder.spec import Spec, cel

RETRAIN_RULE = (
    "retrain, and Retrain in monitoring.onDrift and onAccuracyLoss, need source.train with data that is not pinned by"
    " sha256: else nothing new could be read"
)

_REACTS = " || ".join(
    f"(has(self.monitoring.{field}) && self.monitoring.{field} == 'Retrain')" for field in ("onDrift", "onAccuracyLoss")
)
SPEC_RULES = [
    cel(
        f"!(has(self.retrain) || (has(self.monitoring) && ({_REACTS})))"
        " || (has(self.source.train) && !has(self.source.train.data.sha256))",
        RETRAIN_RULE,
    )
]
"""Rules over the whole spec."""


class Retrain(Spec):
    """When the data is read again and a version is built of them, which takes the whole rollout like any other.

    Where the data is as it was nothing is built. Times that are missed, as while the operator is down, while another
    rollout is under way or while a sensor is broken, are made up for by one build.
    """

    schedule: str = Field(
        min_length=9,
        max_length=128,
        pattern=CRON_PATTERN,
        description="When: minute, hour, day of the month, month, day of the week, such as 0 3 * * 0.",
    )
    time_zone: str = Field(
        default="UTC",
        min_length=1,
        max_length=64,
        pattern="^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$",
        description="IANA time zone of the schedule, such as Europe/Berlin.",
    )
