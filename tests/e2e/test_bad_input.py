"""Bad data in the cluster: each has its reason, says what was found and how to mend it, and serves nothing."""

from collections.abc import Iterator

import pytest

from tests.support.kubectl import Kubectl, condition
from tests.support.plants import Plant

GOOD = "heat,load,fault\n" + "".join(f"{n % 13},{n % 7},{int(n % 13 > 10)}\n" for n in range(200))

CASES: dict[str, tuple[str, dict[str, object], str, tuple[str, ...]]] = {
    "empty": ("", {}, "EmptyFile", ("empty",)),
    "header-only": ("heat,load,fault\n", {}, "NoRows", ()),
    "one-class": (GOOD.replace(",1\n", ",0\n"), {}, "OneClass", ("200",)),
    "text": (GOOD.replace("5,5,0\n", "5,hot,0\n", 1), {}, "NotANumber", ("load", "hot")),
    "checksum": (GOOD, {"sha256": "0" * 64}, "ChecksumMismatch", ("0" * 64,)),
    "duplicate": (GOOD.replace("heat,load,fault", "heat,fault,fault"), {}, "DuplicateColumn", ("fault",)),
}


@pytest.fixture(scope="module")
def kubectl(plant: Plant) -> Iterator[Kubectl]:
    """The plant's kubectl, with the files of all cases in one ConfigMap and one FaultModel for each case."""
    files = {f"{name}.csv": content for name, (content, *_) in CASES.items()}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bad-data"}, "data": files}
    models = [
        {
            "apiVersion": "andon.dev/v1alpha1",
            "kind": "FaultModel",
            "metadata": {"name": f"bad-{name}"},
            "spec": {
                "source": {"train": {"data": {"uri": f"configmap://bad-data/{name}.csv", **data}, "target": "fault"}}
            },
        }
        for name, (_, data, *_) in CASES.items()
    ]
    plant.kubectl.apply(config, *models)
    yield plant.kubectl
    plant.kubectl.run("delete", "faultmodels", *(f"bad-{name}" for name in CASES), "--ignore-not-found")


@pytest.mark.parametrize("name", CASES)
def test_bad_data_is_refused_with_its_reason(plant: Plant, kubectl: Kubectl, name: str) -> None:
    _, _, reason, said = CASES[name]
    model = plant.wait(f"bad-{name}", "Stalled", "True")
    status, found, message = condition(model, "Built")
    assert (status, found) == ("False", reason)
    for text in said:
        assert text in message
    assert condition(model, "Available")[0] == "False"
    assert "stable" not in model["status"]
    jobs = kubectl.find("jobs", f"andon.dev/faultmodel=bad-{name}")
    assert jobs[0]["status"].get("failed") == 1, "an input at fault is not tried again"


def test_a_missing_file_is_named(plant: Plant) -> None:
    plant.kubectl.apply(
        {
            "apiVersion": "andon.dev/v1alpha1",
            "kind": "FaultModel",
            "metadata": {"name": "bad-missing"},
            "spec": {"source": {"train": {"data": {"uri": "pvc://plant-data/nowhere.csv"}, "target": "fault"}}},
        }
    )
    try:
        message = condition(plant.wait("bad-missing", "Stalled", "True", reason="DataNotFound"), "Built")[2]
        assert "nowhere.csv" in message
    finally:
        plant.kubectl.run("delete", "faultmodel", "bad-missing")
