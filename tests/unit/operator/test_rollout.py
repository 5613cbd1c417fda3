"""The decision itself: tables for what is told, properties for what must hold in every state."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from andon.api.conditions import Reason
from andon.api.status import BuildResult, FaultModelStatus
from andon.api.v1alpha1 import FaultModelSpec
from andon.api.versions import FaultModelVersionSpec
from andon.core.build import plan
from andon.core.observed import Identity, Observed, Preflight, Route, Router, RouterPod, Server, Version
from andon.core.rollout import decide
from tests.support.cluster import START, fault_model, succeeded

NOW = START + timedelta(hours=1)
LETTERS = "abc"


def version(number: int) -> Version:
    report = succeeded(LETTERS[number - 1])
    spec = {
        "faultModelName": "spindle",
        "version": number,
        "digest": report.digest,
        "artifact": {"uri": "x", "bytes": 1},
        "builtFrom": {"plan": "p", "inputsDigest": "i", "dataSha256": "d", "generation": 1},
        "signature": report.signature,
        "runtime": report.runtime,
        "metrics": report.metrics,
    }
    return Version(f"spindle-v{number}", FaultModelVersionSpec.model_validate(spec))


def observed(
    target: int,
    configured: dict[int, int] | None,
    live: list[dict[int, int]],
    ready: set[int],
    *,
    since: timedelta = timedelta(minutes=1),
) -> Observed:
    """Three versions are known and have servers; the build's result is `target`."""
    spec = FaultModelSpec.model_validate(fault_model()["spec"])
    bare = Observed(Identity("plant", "spindle", "uid", 1), spec, FaultModelStatus())
    record = BuildResult(
        plan=plan(bare).digest,
        outcome="Succeeded",
        reason="BuildSucceeded",
        message="",
        digest=f"sha256:{LETTERS[target - 1] * 64}",
    )
    pods = tuple(
        RouterPod(str(index), str(index), live=Route.of(weights), reaches=frozenset(weights))
        for index, weights in enumerate(live)
    )
    router = Router()
    if configured is not None:
        router = Router(Route.of(configured), NOW - timedelta(minutes=1), ready=True, pods=pods)
    return replace(
        bare,
        status=FaultModelStatus(observed_generation=1, build=record),
        versions=(version(1), version(2), version(3)),
        preflights=tuple(Preflight(n, "Passed") for n in (1, 2, 3)),
        servers=tuple(Server(n, NOW - since, ready=n in ready, ready_replicas=int(n in ready)) for n in (1, 2, 3)),
        router=router,
    )


def test_an_earlier_switch_comes_to_its_end_before_the_next_begins() -> None:
    """Pods still send everything to version 1: it must not leave the route for version 3's sake."""
    decision = decide(observed(3, {1: 0, 2: 100}, [{1: 100, 2: 0}], {1, 2, 3}), NOW)
    assert decision.route == Route.of({1: 0, 2: 100})
    assert decision.servers == (1, 2, 3)


def test_a_switch_waits_until_every_router_pod_knows_the_new_version() -> None:
    known = {1: 100, 2: 0}
    assert decide(observed(2, {1: 100}, [{1: 100}], {1, 2}), NOW).route == Route.of(known)
    assert decide(observed(2, known, [known, {1: 100}], {1, 2}), NOW).route == Route.of(known)
    assert decide(observed(2, known, [known, known], {1, 2}), NOW).route == Route.of({1: 0, 2: 100})


def test_a_switch_waits_until_the_new_version_is_reached() -> None:
    known = {1: 100, 2: 0}
    state = observed(2, known, [known], {1, 2})
    (pod,) = state.router.pods
    blind = replace(state, router=replace(state.router, pods=(replace(pod, reaches=frozenset({1})),)))
    assert decide(blind, NOW).route == Route.of(known)


def test_a_late_version_is_given_up_and_its_reason_said() -> None:
    decision = decide(observed(2, {1: 100}, [{1: 100}], {1}, since=timedelta(minutes=11)), NOW)
    assert decision.progress.reason == Reason.PROGRESS_DEADLINE_EXCEEDED
    assert decision.progress.stalled
    assert decision.failed_digests == (f"sha256:{'b' * 64}",)
    assert decision.servers == (1,)


def test_a_version_that_waits_is_looked_at_when_its_time_is_over() -> None:
    decision = decide(observed(2, {1: 100}, [{1: 100}], {1}, since=timedelta(minutes=4)), NOW)
    assert decision.progress.look_again == timedelta(minutes=6)


ROUTES = st.sampled_from([{1: 100}, {2: 100}, {1: 100, 2: 0}, {1: 0, 2: 100}, {2: 100, 3: 0}, {2: 0, 3: 100}, {3: 100}])


@given(
    target=st.integers(1, 3),
    configured=ROUTES,
    live=st.lists(ROUTES, max_size=3),
    ready=st.sets(st.integers(1, 3)),
    minutes=st.integers(0, 20),
)
def test_whatever_is_seen_nothing_that_may_serve_is_taken_away(
    target: int, configured: dict[int, int], live: list[dict[int, int]], ready: set[int], minutes: int
) -> None:
    state = observed(target, configured, live, ready, since=timedelta(minutes=minutes))
    decision = decide(state, NOW)
    assert decision.route is not None
    after = dict(decision.route.weights)
    assert sum(after.values()) == 100
    assert set(after) <= set(decision.servers), "the router knows a version whose server goes"
    serving = {version for version, weight in configured.items() if weight}
    newly = {version for version, weight in after.items() if weight} - serving
    assert newly <= ready, "traffic goes to a version that is not ready"
    dropped = set(configured) - set(after)
    may_get_requests = {version for weights in live for version, weight in weights.items() if weight} | serving
    if dropped:
        assert state.router.follows(Route.of(configured)), "a version leaves the route before its traffic has left it"
        assert not dropped & may_get_requests
    if decision.progress.complete:
        assert after == {target: 100}
        assert state.router.follows(decision.route)
    if not state.router.follows(decision.route):
        assert decision.progress.look_again is not None, "routers follow without an event: somebody must look"


@given(configured=ROUTES, live=st.lists(ROUTES, min_size=1, max_size=2), ready=st.sets(st.integers(1, 3)))
def test_the_same_state_gives_the_same_decision(
    configured: dict[int, int], live: list[dict[int, int]], ready: set[int]
) -> None:
    state = observed(2, configured, live, ready)
    assert decide(state, NOW) == decide(state, NOW)
