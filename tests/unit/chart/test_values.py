"""Values: what is unknown, malformed or contradictory is refused, and the message names it."""

import json
from typing import Any

import pytest
import yaml

from tests.unit.chart.rendering import CHART, Manifest, refusal, render


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"replicas": 2}, "replicas"),
        ({"operator": {"replica": 2}}, "replica"),
        ({"images": {"tritn": {"tag": "x"}}}, "tritn"),
        ({"images": {"triton": {"version": "x"}}}, "version"),
        ({"store": {"s3": {"bucket": "x"}}}, "bucket"),
        ({"builder": {"resources": {"limit": {}}}}, "limit"),
        ({"operator": {"tolerations": [{"keys": "x"}]}}, "keys"),
        ({"imagePullSecrets": [{"name": "x", "key": "y"}]}, "key"),
    ],
)
def test_unknown_names_are_refused(values: Manifest, named: str) -> None:
    assert f"'{named}'" in refusal(values)


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"imageRegistry": "https://registry.plant.example"}, "/imageRegistry"),
        ({"imageRegistry": "registry.plant.example/"}, "/imageRegistry"),
        ({"imagePullSecrets": ["plant-registry"]}, "/imagePullSecrets/0"),
        ({"images": {"pullPolicy": "Sometimes"}}, "/images/pullPolicy"),
        ({"images": {"operator": {"digest": "sha256:123"}}}, "/images/operator/digest"),
        ({"images": {"triton": {"tag": ""}}}, "/images/triton"),
        ({"images": {"envoy": {"tag": "a:b"}}}, "/images/envoy"),
        ({"watchNamespaces": "press-shop"}, "/watchNamespaces"),
        ({"watchNamespaces": ["a", "a"]}, "/watchNamespaces"),
        ({"watchNamespaces": ["press-*"]}, "/watchNamespaces/0"),
        ({"store": {"s3": {"uri": "gs://x"}}}, "/store/s3/uri"),
        ({"store": {"claim": {"accessMode": "ReadOnlyMany"}}}, "/store/claim/accessMode"),
        ({"store": {"claim": {"size": "ten"}}}, "/store/claim/size"),
        ({"builder": {"deadlineSeconds": 5}}, "/builder/deadlineSeconds"),
        ({"server": {"resources": {"limits": {"memory": "1 GB"}}}}, "/server/resources/limits/memory"),
        ({"operator": {"replicas": -1}}, "/operator/replicas"),
        ({"operator": {"workers": 0}}, "/operator/workers"),
        ({"operator": {"logLevel": "TRACE"}}, "/operator/logLevel"),
        ({"crds": {"install": "yes"}}, "/crds/install"),
    ],
)
def test_malformed_values_are_refused_with_their_place(values: Manifest, place: str) -> None:
    assert f"at '{place}'" in refusal(values)


@pytest.mark.parametrize(
    ("values", "remedy"),
    [
        ({"store": {"s3": {"credentialsSecret": "s3"}}}, "set store.s3.uri"),
        ({"monitor": {"keep": {"hashColumns": ["operator"]}}}, "name of a Secret with at least 16 bytes"),
        ({"store": {"s3": {"endpoint": "https://minio.plant.example"}}}, "set store.s3.uri"),
        ({"serviceAccount": {"create": False}}, "name the service account"),
    ],
)
def test_values_that_contradict_each_other_are_refused(values: Manifest, remedy: str) -> None:
    assert remedy in refusal(values)


def objects_of(schema: Any, place: str = "") -> dict[str, Manifest]:
    found: dict[str, Manifest] = {}
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            found[place] = schema
        for key, value in schema.items():
            found |= objects_of(value, f"{place}/{key}")
    return found


def test_schema_leaves_no_object_open() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    unread = {"/properties/global"} | {
        f"/properties/operator/properties/affinity/properties/{kind}"
        for kind in ("nodeAffinity", "podAffinity", "podAntiAffinity")
    }
    still_open = {place for place, one in objects_of(schema).items() if one.get("additionalProperties", True) is True}
    assert still_open == unread


def test_schema_knows_every_value_of_the_chart() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(values) == set(schema["properties"]) - {"global"}


def test_global_values_of_a_parent_chart_are_let_through() -> None:
    assert render({"global": {"anything": 1}}) == render()
