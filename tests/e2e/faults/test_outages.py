"""Parts of the cluster go down in the middle of a rollout: requests are answered, and the rollout comes to its end."""

from collections.abc import Iterator
from typing import Any

import pytest

from andon.api.v1alpha1 import Manifest
from tests.support.installation import install_chart
from tests.support.kubectl import Kubectl, condition, eventually
from tests.support.outages import ApiServer, kill_operator, no_monitor
from tests.support.workshop import Workshop, imported

pytestmark = pytest.mark.fault

NAME = "mill"
ANALYSIS = {"limits": {"errorRate": "0.05", "disagreement": "0.2"}, "minRequests": 100}


def _model(model: str, steps: list[dict[str, Any]], analysis: dict[str, Any] | None = None, **rollout: Any) -> Manifest:
    wanted = {"steps": steps, "analysis": analysis or ANALYSIS, **rollout}
    return imported(NAME, model, rollout=wanted, monitoring={"enabled": True})


def _phase(model: Manifest) -> str:
    return str(model["status"]["phase"])


@pytest.fixture(scope="module")
def shared(shop: Workshop) -> Iterator[Workshop]:
    """The workshop with a good version of the mill's model on the line."""
    shop.plant.kubectl.apply(_model("good", [{"weight": 20}]))
    shop.plant.wait(NAME, "Ready", "True")
    shop.monitored(NAME)
    yield shop
    shop.plant.kubectl.run("delete", "faultmodel", NAME)


@pytest.fixture
def mill(shared: Workshop) -> Workshop:
    """The same, at rest."""
    shared.plant.wait(NAME, "Ready", "True")
    shared.monitored(NAME)
    return shared


def _candidate(mill: Workshop, model: Manifest, known: dict[str, list[tuple[float, bool]]]) -> int:
    """Have a candidate made; give its number, once what it answers is known."""
    before = mill.plant.model(NAME)["status"]["stable"]["version"]
    mill.plant.kubectl.apply(model)
    mill.plant.until(NAME, lambda one: one["status"].get("candidate") is not None, "a candidate")
    number = int(mill.plant.model(NAME)["status"]["candidate"]["version"])
    assert number > before
    mill.plant.until_ready_pod(f"andon.dev/faultmodel={NAME},andon.dev/version={number}")
    known[str(number)] = mill.known(NAME, number)
    return number


def _killing_at_each_turn(mill: Workshop, operator: Kubectl) -> list[str]:
    """Kill the operator whenever the phase is another one, until the rollout is through; give the phases."""
    met: list[str] = []

    def through() -> bool:
        model = mill.plant.model(NAME)
        if _phase(model) not in met:
            met.append(_phase(model))
            kill_operator(operator)
        return condition(model, "Ready")[0] == "True"

    eventually(through, 600, "the rollout is through", pause=0.1)
    return met


def test_killed_at_the_turn_of_each_phase_it_comes_to_the_same_end(mill: Workshop, operator: Kubectl) -> None:
    plant = mill.plant
    before = plant.model(NAME)["status"]["stable"]["version"]
    # Shadow and watch outlast the operator's return, so that the next one still finds and tells them.
    steps: list[dict[str, Any]] = [{"shadow": "60s"}, {"weight": 20}, {"pause": "5s"}, {"weight": 60}, {"pause": "5s"}]
    candidate = _model("good-7", steps, watch="60s")
    with mill.asking(NAME, before) as (tally, known):
        plant.kubectl.apply(candidate)
        eventually(lambda: _phase(plant.model(NAME)) == "Building", 60, "a build", pause=0.1)
        kill_operator(operator)
        number = _candidate(mill, candidate, known)
        met = _killing_at_each_turn(mill, operator)
        model = plant.wait(NAME, "Ready", "True")
        plant.until_gone("deployment", f"{NAME}-v{before}")
    assert {"Shadow", "Paused", "Watching", "Stable"} <= set(met), met
    assert model["status"]["stable"]["version"] == number
    assert set(tally.versions) == {str(before), str(number)}
    assert len(plant.kubectl.find("faultmodelversions", f"andon.dev/faultmodel={NAME}")) == number


def test_the_api_server_starts_anew_in_mid_canary(mill: Workshop) -> None:
    server = ApiServer()
    if not server.ours:
        pytest.skip("only the lab's API server can be taken down by a test")
    plant = mill.plant
    before = plant.model(NAME)["status"]["stable"]["version"]
    steps: list[dict[str, Any]] = [{"weight": 20}, {"pause": "15s"}, {"weight": 60}]
    with mill.asking(NAME, before) as (tally, known):
        number = _candidate(mill, _model("good-6", [{"shadow": "5s"}, *steps]), known)
        plant.until(NAME, lambda model: _phase(model) == "Paused", "20% for the candidate")
        server.restart()
        model = plant.wait(NAME, "Ready", "True")
    assert model["status"]["stable"]["version"] == number
    assert set(tally.versions) == {str(before), str(number)}


def test_without_the_monitor_nothing_is_promoted(mill: Workshop) -> None:
    plant = mill.plant
    before = plant.model(NAME)["status"]["stable"]["version"]
    analysis = {**ANALYSIS, "minRequests": 1000, "maxHold": "30s"}
    with mill.asking(NAME, before) as (tally, known):
        number = _candidate(mill, _model("good-5", [{"shadow": "5s"}, {"weight": 20}], analysis), known)
        plant.until(NAME, lambda model: _phase(model) == "Shadow", "a shadow")
        with no_monitor(plant):
            held = plant.until(NAME, lambda model: _phase(model) == "AwaitingEvidence", "it is held")
            assert condition(held, "Ready")[1] == "AwaitingEvidence"
            asked = plant.until(NAME, lambda model: _phase(model) == "AwaitingApproval", "a person is asked")
            assert condition(asked, "Ready")[1] == "EvidenceExhausted"
            assert asked["status"]["stable"]["version"] == before
            verdicts = {one["name"]: one["verdict"] for one in asked["status"]["evidence"]["metrics"]}
            assert (verdicts["errorRate"], verdicts["disagreement"]) == ("Pass", "Inconclusive"), verdicts
            assert set(tally.versions) == {str(before)}
        model = plant.wait(NAME, "Ready", "True")
    assert model["status"]["stable"]["version"] == number


def test_without_the_prometheus_that_is_to_count_nothing_is_promoted(mill: Workshop, images: dict[str, str]) -> None:
    plant = mill.plant
    before = plant.model(NAME)["status"]["stable"]["version"]
    analysis = {"limits": {"errorRate": "0.05"}, "minRequests": 100, "maxHold": "10s"}
    install_chart(images, prometheus={"address": "http://prometheus.nowhere:9090"})
    try:
        with mill.asking(NAME, before) as (tally, known):
            number = _candidate(mill, _model("good-4", [{"shadow": "5s"}, {"weight": 20}], analysis), known)
            asked = plant.until(NAME, lambda model: _phase(model) == "AwaitingApproval", "a person is asked")
            assert condition(asked, "Ready")[1] == "EvidenceExhausted"
            assert set(tally.versions) == {str(before)}
            install_chart(images)
            model = plant.wait(NAME, "Ready", "True")
        assert model["status"]["stable"]["version"] == number
    finally:
        install_chart(images)
