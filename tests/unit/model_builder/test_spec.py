"""The user-facing types refuse what they do not know, and the operator can import them for nothing."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from model_builder.spec import BuildSpec, Data, Features, Source, Train, canonical
from tests.support.builder import REPOSITORY, spec, train


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"target": ""}, "at least 1 character"),
        ({"target": "fault", "targt": "x"}, "Extra inputs are not permitted"),
        ({"target": "fault", "positiveClass": 1}, "valid string"),
        ({"target": "fault", "seed": -1}, "greater than or equal to 0"),
        ({"target": "fault", "features": {"include": ["a", "a"]}}, "include names a more than once"),
        ({"target": "fault", "features": {"include": ["a"], "exclude": ["b"]}}, "not both"),
        ({"target": "fault", "features": {"allowLeakage": ["a", "a"]}}, "allowLeakage names a more than once"),
        ({"target": "fault", "groupBy": "asset", "timeColumn": "when"}, "groupBy or timeColumn, not both"),
        ({"target": "fault", "groupBy": "fault"}, "cannot be the target"),
        ({"target": "fault", "timeColumn": "when", "features": {"include": ["when"]}}, "features.include"),
        ({"target": "fault", "sampleRows": 10}, "greater than or equal to 1000"),
        ({"target": "fault", "params": {"randomForest": {"n_estimators": 0}}}, "greater than or equal to 1"),
        ({"target": "fault", "params": {"randomForest": {"nEstimators": 10}}}, "Extra inputs"),
        ({"target": "fault", "params": {"randomForest": {"class_weight": "balance"}}}, "balanced"),
        ({"target": "fault", "data": {"uri": "s3://b/k", "sha256": "A" * 64}}, "pattern"),
        ({"target": "fault", "data": {"uri": "pvc://c/d", "endpoint": "https://s3.plant"}}, "s3:// only"),
        ({"target": "fault", "data": {"uri": "s3://b/k", "endpoint": "ftp://s3.plant"}}, "pattern"),
        ({"target": "fault", "data": {"uri": "pvc://c/d", "caBundleRef": {"name": "ca"}}}, "s3:// and https:// only"),
        ({"target": "fault", "data": {"uri": "s3://b/k", "credentialsSecretRef": {"name": "a/b"}}}, "pattern"),
    ],
)
def test_wrong_fields_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Train.model_validate({"data": {"uri": "data.csv"}, **fields})


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        ({"engine": "dask"}, "needs an address"),
        ({"address": "tcp://dask:8786"}, "needs an address"),
        ({"engine": "ray", "address": "tcp://dask:8786"}, "'local' or 'dask'"),
        ({"engine": "dask", "address": "dask:8786"}, "pattern"),
        ({"engine": "dask", "address": "tcp://dask"}, "pattern"),
        ({"engine": "dask", "address": "tls://dask:8786"}, "pattern"),
        ({"engine": "dask", "address": "tcp://dask:0"}, "pattern"),
        ({"engine": "dask", "address": "tcp://us er@dask:1"}, "pattern"),
    ],
)
def test_a_cluster_has_an_address_of_one_form(compute: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        BuildSpec.model_validate({**spec().model_dump(by_alias=True), "compute": compute})


@pytest.mark.parametrize("host", ["dask-scheduler.dask.svc", "10.1.2.3", "[fd00::1]", "d"])
def test_where_it_is_computed_decides_nothing(host: str) -> None:
    compute = {"engine": "dask", "address": f"tcp://{host}:8786"}
    there = BuildSpec.model_validate({**spec().model_dump(by_alias=True), "compute": compute})
    assert canonical(there) == canonical(spec())


@pytest.mark.parametrize("name", ["", "Spindle", "-spindle", "spindle-", "1spindle", "a" * 64, "press/shop", "a..b"])
def test_wrong_names_are_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        BuildSpec.model_validate({"name": name, "source": {"train": {"data": {"uri": "x"}, "target": "y"}}})


def test_defaults_are_those_of_the_contract() -> None:
    plain = train()
    assert plain.seed == 42
    assert plain.params.random_forest.n_estimators == 100
    assert plain.features == Features()


def test_every_field_is_described() -> None:
    def walk(schema: dict[str, Any], path: str) -> None:
        for name, field in schema.get("properties", {}).items():
            assert field.get("description"), f"{path}.{name}"

    schema = BuildSpec.model_json_schema()
    for name, part in {"BuildSpec": schema, **schema["$defs"]}.items():
        walk(part, name)


def test_rules_across_fields_are_told_to_the_api_server_too() -> None:
    schema = Source.model_json_schema()["$defs"]
    messages = {
        rule["message"] for part in ("Data", "Features", "Train") for rule in schema[part]["x-kubernetes-validations"]
    }
    uri = Data.model_json_schema()["properties"]["uri"]
    messages |= {rule["message"] for rule in uri["x-kubernetes-validations"]}
    assert {"give include or exclude, not both", "caBundleRef is for s3:// and https:// only"} <= messages
    assert "give groupBy or timeColumn, not both" in messages
    assert any("'..'" in message for message in messages)


def test_canonical_leaves_out_where_the_data_lies() -> None:
    here = spec("pvc://plant-data/a.csv")
    there = spec("s3://bucket/b.csv").model_copy(update={"limits": here.limits.model_copy(update={"max_rows": 5})})
    assert canonical(here) == canonical(there)


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"target": "other"}, {"positiveClass": "0"}, {"groupBy": "asset"}, {"sampleRows": 5000}]
)
def test_canonical_keeps_what_decides_the_model(change: dict[str, Any]) -> None:
    assert canonical(spec()) != canonical(spec(**change))


def test_canonical_is_the_same_for_a_default_given_and_left_out() -> None:
    assert canonical(spec(seed=42)) == canonical(spec())


@pytest.mark.parametrize("module", ["spec", "report", "errors", "fetch", "artifact", "failure", "__main__"])
def test_light_modules_import_nothing_heavy(module: str) -> None:
    heavy = {"numpy", "sklearn", "pyarrow", "onnx", "onnxruntime", "skl2onnx", "fsspec", "s3fs", "pandas", "aiohttp"}
    code = f"import sys, model_builder.{module}; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout.split() == []
