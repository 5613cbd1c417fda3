"""Whatever happens in whatever order: what must hold does, and once it stops the rollout comes to an end."""

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from andon.core.observed import Route
from tests.support import evidence
from tests.support.cluster import succeeded
from tests.support.runs import KEY, Run

STEPS = st.lists(st.integers(1, 99), max_size=3, unique=True).flatmap(
    lambda weights: st.permutations(["pause", "approval", *("weight" for _ in weights)]).map(
        lambda order: _steps(order, sorted(weights))
    )
)
LOOKS = 2000
"""Evidence is looked at every ten seconds of the plant's time, and `maxHold` lasts two hours."""
EVENTS = st.sampled_from(
    [
        "turns",
        "hour",
        "build",
        "break",
        "mend",
        "approve",
        "promote",
        "abort",
        "suspend",
        "resume",
        "spec",
        "forget",
        "freeze",
        "thaw",
        "back",
        "stay",
        "good counts",
        "bad counts",
        "no counts",
    ]
)


def _steps(order: list[str], weights: list[int]) -> list[dict[str, Any]]:
    rising = iter(weights)
    words: dict[str, dict[str, Any]] = {"pause": {"pause": "10m"}, "approval": {"approval": {}}}
    return [words.get(one) or {"weight": next(rising)} for one in order]


ROLLOUTS = st.builds(
    lambda steps, shadow, judged, watch: {
        "steps": [*([{"shadow": "5m"}] if shadow else []), *steps],
        # Only where there is anything to judge by.
        **({"analysis": judged} if judged and (shadow or watch or any("weight" in one for one in steps)) else {}),
        **({"watch": "20m"} if watch else {}),
    },
    steps=STEPS,
    shadow=st.booleans(),
    judged=st.none()
    | st.sampled_from(
        [
            {"limits": {"errorRate": "0.05"}, "onNoData": no_data, "onExhausted": exhausted, "maxHold": "2h"}
            for no_data in ("Hold", "RollBack")
            for exhausted in ("AwaitApproval", "RollBack")
        ]
    ),
    watch=st.booleans(),
)


def _digest(letter: str) -> str:
    return f"sha256:{letter * 64}"


class _Plant:
    """A run to which things happen."""

    def __init__(self, rollout: dict[str, object]) -> None:
        self.run = Run(watch=self._watch)
        self.rollout = rollout
        self.steps: list[dict[str, Any]] = list(rollout["steps"])  # type: ignore[call-overload]
        self.counts: tuple[int, int] | None = None
        self.run.world.traffic = lambda version: (
            evidence.traffic(self.run.clock.now(), self.counts[0], failed=self.counts[1]) if self.counts else None
        )
        self.letter = "a"
        self.broken: set[int] = set()
        self.run.world.healthy = lambda version: version not in self.broken
        self.run.world.build = lambda job: succeeded(self.letter)
        self.builds = 0

    def _watch(self, run: Run) -> None:
        config = run.cluster.objects.get(("ConfigMap", "spindle-router"))
        if config is None:
            return
        route = Route.parse(config["metadata"]["annotations"]["andon.dev/weights"])
        assert sum(weight for _, weight in route.weights) == 100
        assert len(route.versions) <= 2, "more than one version on trial"
        for version in route.versions:
            assert ("Deployment", f"spindle-v{version}") in run.cluster.objects, "the router knows what does not stand"
        status = run.model.get("status", {})
        tracks = [status[name] for name in ("stable", "candidate") if status.get(name)]
        assert sum(track["weight"] for track in tracks) in (0, 100)

    async def happen(self, what: str) -> None:
        run = self.run
        if what == "turns":
            for _ in range(4):
                await run.turn()
        elif what == "hour":
            run.clock.forward(3600)
        elif what == "build":
            self.builds += 1
            self.letter = "bcdef"[self.builds % 5]
            run.annotate(retrain=str(self.builds))
        elif what == "break":
            stable = (run.model.get("status", {}).get("stable") or {}).get("version", 1)
            self.broken = set(range(1, 9)) - {stable}
        elif what == "mend":
            self.broken = set()
        elif what in ("approve", "promote", "abort"):
            run.annotate(**{what: _digest(self.letter)})
        elif what in ("suspend", "resume"):
            run.apply(rollout=self.rollout, suspend=what == "suspend")
        elif what == "spec":
            self.rollout = {**self.rollout, "steps": [{"weight": 30}, {"pause": "1h"}]}
            run.apply(rollout=self.rollout)
        elif what in ("freeze", "thaw"):
            run.freeze(what == "freeze")
        elif what == "back":
            run.annotate(rollback=_digest("a"))
        elif what == "stay":
            run.model["metadata"].get("annotations", {}).pop("andon.dev/rollback", None)
        elif what.endswith("counts"):
            self.counts = {"good": (5000, 0), "bad": (5000, 1000), "few": (20, 0), "no": None}[what.split()[0]]
        elif what == "forget":
            run.model["status"] = {}
            run.cluster.put(run.model)
        await run.turn()


async def _story(rollout: dict[str, object], events: list[str]) -> None:
    plant = _Plant(rollout)
    run = plant.run
    run.apply(rollout=plant.rollout)
    await run.settle()
    for event in events:
        await plant.happen(event)
    plant.broken, plant.counts = set(), (5000, 0)
    run.freeze(False)
    run.model["metadata"].get("annotations", {}).pop("andon.dev/rollback", None)
    run.apply(rollout=plant.rollout, suspend=False)
    run.annotate(approve=_digest(plant.letter))
    await run.settle(rounds=LOOKS)
    status = run.model["status"]
    assert status["phase"] in ("Stable", "RolledBack")
    assert status["stable"]["weight"] == 100
    assert "candidate" not in status
    assert run.servers == ["spindle-router", f"spindle-v{status['stable']['version']}"]
    writes = len(run.cluster.writes)
    for _ in range(3):
        await run.reconciler.reconcile(KEY)
    assert run.cluster.writes[writes:] == []


@settings(deadline=None, max_examples=80)
@given(rollout=ROLLOUTS, events=st.lists(EVENTS, max_size=12))
def test_once_faults_stop_every_rollout_ends_stable_or_rolled_back(
    rollout: dict[str, object], events: list[str]
) -> None:
    asyncio.run(_story(rollout, events))


async def _unknown(rollout: dict[str, object], events: list[str]) -> None:
    """No person promotes or approves, and nothing is ever known of the candidate."""
    plant = _Plant(rollout)
    run = plant.run
    run.apply(rollout=plant.rollout)
    await run.settle()
    plant.letter = "b"
    run.annotate(retrain="b")
    for event in events:
        await plant.happen(event)
        for _ in range(3):
            await run.turn()
    shares = [route.weight(2) for route in run.world.routes_seen]
    first = min((step["weight"] for step in plant.steps if "weight" in step), default=0)
    assert max(shares, default=0) <= (0 if any("shadow" in step for step in plant.steps) else first)


@settings(deadline=None, max_examples=30)
@given(
    rollout=ROLLOUTS.filter(lambda rollout: "analysis" in rollout and rollout["steps"]).filter(
        lambda rollout: any("weight" in step or "shadow" in step for step in rollout["steps"])
    ),
    events=st.lists(
        st.sampled_from(["turns", "hour", "freeze", "thaw", "no counts", "few counts", "suspend", "resume"])
    ),
)
def test_what_is_not_known_promotes_nothing(rollout: dict[str, object], events: list[str]) -> None:
    asyncio.run(_unknown(rollout, events))
