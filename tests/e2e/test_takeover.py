"""A new version takes over, or does not, and clients never notice."""

import numpy as np

from tests.e2e.conftest import ServedModel, wait_for_operator
from tests.support.kubectl import Kubectl, condition
from tests.support.load import load
from tests.support.plants import fault_model

ROW = np.array([298.9, 309.1, 2861, 4.6, 143], dtype=np.float32)


def _host(served: ServedModel) -> str:
    return f"{served.name}.{served.namespace}.svc.cluster.local"


def test_clients_see_no_failed_request_while_a_new_version_takes_over(served_model: ServedModel) -> None:
    plant = served_model.plant
    before = plant.model(served_model.name)["status"]["stable"]["version"]
    changed = fault_model(served_model.name, "pvc://plant-data/machine.csv")
    changed["spec"]["compression"] = {
        "prune": {"by": "costComplexity", "keep": "0.5"},
        "quantize": {"bits": 8, "what": "leaves"},
    }
    with load(_host(served_model), served_model.name, ROW) as tallies:
        plant.kubectl.apply(changed)
        plant.wait(served_model.name, "Ready", "True")
        plant.until_gone("deployment", f"{served_model.name}-v{before}")
        plant.until_no_pods(f"andon.dev/faultmodel={served_model.name},andon.dev/version={before}")
    status = plant.model(served_model.name)["status"]
    after = status["stable"]["version"]
    assert float(status["artifact"]["reduction"]) > 10
    assert after == before + 1
    for tally in tallies:
        assert tally.failures == [], f"{tally.name}: {len(tally.failures)} of {tally.answers}"
        assert set(tally.versions) == {str(before), str(after)}, tally
        assert tally.answers > 50


def test_a_spec_that_fails_its_build_leaves_what_serves(served_model: ServedModel) -> None:
    plant = served_model.plant
    before = plant.model(served_model.name)["status"]["stable"]
    with load(_host(served_model), served_model.name, ROW) as tallies:
        plant.kubectl.apply(fault_model(served_model.name, "pvc://plant-data/machine.csv", target="Machine failed"))
        plant.wait(served_model.name, "Ready", "False", reason="TargetNotFound")
    model = plant.model(served_model.name)
    assert model["status"]["stable"] == before
    assert condition(model, "Available")[0] == "True"
    assert condition(model, "Stalled")[0] == "True"
    message = condition(model, "Built")[2]
    assert "Machine failed" in message
    assert "Machine failure" in message, "the message should name what is there instead"
    assert all(not tally.failures for tally in tallies)
    plant.kubectl.apply(fault_model(served_model.name, "pvc://plant-data/machine.csv"))
    plant.wait(served_model.name, "Ready", "True")


def test_serving_goes_on_without_the_operator(served_model: ServedModel, operator: Kubectl) -> None:
    plant = served_model.plant
    operator.run("scale", "deployment/andon-operator", "--replicas=0")
    wait_for_operator(operator, 0)
    try:
        router = f"andon.dev/faultmodel={served_model.name},app.kubernetes.io/component=router"
        plant.kubectl.run("delete", "pod", "--selector", router, "--wait=false")
        plant.until_ready_pod(router)
        with load(_host(served_model), served_model.name, ROW) as tallies:
            plant.until(served_model.name, lambda _: all(tally.answers > 20 for tally in tallies), "answers")
        assert all(not tally.failures for tally in tallies), tallies
    finally:
        operator.run("scale", "deployment/andon-operator", "--replicas=1")
        wait_for_operator(operator, 1)
