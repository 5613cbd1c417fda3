"""The operator hands an import on to the builder, and mounts what its two addresses name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from andon.api.status import FaultModelStatus
from andon.api.v1alpha1 import FaultModelSpec
from andon.core.build import plan
from andon.core.observed import Identity, Observed
from andon.desired.build_job import build_config, build_job
from model_builder.specfile import parse_spec
from tests.support.runs import PLATFORM

IMPORT = {
    "uri": "s3://models/press/model.onnx",
    "format": "onnx",
    "endpoint": "https://minio.plant.example:9000",
    "credentialsSecretRef": {"name": "models"},
    "data": {"uri": "pvc://plant-data/labelled.csv"},
    "target": "fault",
    "features": ["torque", "wear"],
}


def spec(**more: Any) -> FaultModelSpec:
    return FaultModelSpec.model_validate({"source": {"import": {**IMPORT, **more}}})


def test_the_source_is_one_of_two() -> None:
    assert spec().source.importing is not None
    with pytest.raises(ValidationError, match="exactly one of train and import"):
        FaultModelSpec.model_validate(
            {"source": {"import": IMPORT, "train": {"data": {"uri": "pvc://a/b"}, "target": "x"}}}
        )
    with pytest.raises(ValidationError, match="exactly one of train and import"):
        FaultModelSpec.model_validate({"source": {}})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"features": []}, "at least 1 item"),
        ({"features": ["a", "a"]}, "names one more than once"),
        ({"features": ["fault"]}, "features names the target"),
        ({"format": "pickle"}, "onnx"),
        ({"threshold": 1.5}, "less than 1"),
        ({"uri": "https://models.example/m.onnx"}, "s3:// only"),
    ],
)
def test_what_makes_no_sense_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        spec(**change)


def test_the_builder_gets_the_plan_and_both_addresses() -> None:
    identity = Identity("plant", "spindle", "uid-1", 1)
    planned = plan(Observed(identity, spec(sha256="a" * 64), FaultModelStatus()))
    handed = json.loads(build_config(identity, planned)["data"]["build.json"])
    assert parse_spec(handed) == planned.spec
    job = build_job(identity, planned, PLATFORM)
    pod = job["spec"]["template"]["spec"]
    container = pod["containers"][0]
    values = {each["name"]: each.get("value") for each in container["env"]}
    assert values["ANDON_MODEL_CREDENTIALS"] == "/data/model-credentials"
    assert "ANDON_CREDENTIALS" not in values
    paths = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
    volumes = {each["name"]: each for each in pod["volumes"]}
    assert volumes[paths["/data/model-credentials"]]["secret"]["secretName"] == "models"
    assert volumes[paths["/data/pvc/plant-data"]]["persistentVolumeClaim"]["claimName"] == "plant-data"


def test_the_builder_gets_the_cluster_to_compute_on() -> None:
    compute = {"engine": "dask", "address": "tcp://dask.dask.svc:8786"}
    asked = FaultModelSpec.model_validate({"source": {"import": IMPORT}, "compute": compute})
    identity = Identity("plant", "spindle", "uid-1", 1)
    planned = plan(Observed(identity, asked, FaultModelStatus()))
    handed = json.loads(build_config(identity, planned)["data"]["build.json"])
    assert handed["compute"] == compute
    # Another address has to be tried, though it makes no other model.
    assert planned.digest != plan(Observed(identity, spec(), FaultModelStatus())).digest


def test_another_model_is_another_plan() -> None:
    identity = Identity("plant", "spindle", "uid-1", 1)
    digests = {
        plan(Observed(identity, each, FaultModelStatus())).digest
        for each in (spec(), spec(sha256="b" * 64), spec(features=["wear", "torque"]), spec(threshold=0.4))
    }
    assert len(digests) == 4
