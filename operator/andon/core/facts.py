"""What is so under a condition's type, and since when."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from andon.api.conditions import ConditionType
from andon.api.status import Condition, FaultModelStatus
from andon.core.observed import Observed
from andon.core.times import utc_text

Truth = Literal["True", "False", "Unknown"]


@dataclass(frozen=True)
class Fact:
    """What is to be said by one condition."""

    type: ConditionType
    status: Truth
    reason: str
    message: str


def conditions(
    before: FaultModelStatus, generation: int, facts: Iterable[Fact], now: datetime
) -> tuple[Condition, ...]:
    """Write facts as conditions, by type. One whose truth is as it was keeps its time."""
    known = {condition.type: condition for condition in before.conditions}
    return tuple(
        _condition(fact, known.get(fact.type), generation, now) for fact in sorted(facts, key=lambda fact: fact.type)
    )


def with_facts(
    status: FaultModelStatus, observed: Observed, types: Collection[ConditionType], facts: Iterable[Fact], now: datetime
) -> FaultModelStatus:
    """Give the status with these facts and nothing else under their types; the other conditions stay as they are."""
    others = (one for one in status.conditions if one.type not in types)
    told = conditions(observed.status, observed.identity.generation, facts, now)
    return status.model_copy(update={"conditions": tuple(sorted((*others, *told), key=lambda one: one.type))})


def _condition(fact: Fact, before: Condition | None, generation: int, now: datetime) -> Condition:
    same = before is not None and before.status == fact.status
    return Condition(
        type=fact.type,
        status=fact.status,
        reason=fact.reason,
        message=fact.message,
        observed_generation=generation,
        last_transition_time=before.last_transition_time if before is not None and same else utc_text(now),
    )
