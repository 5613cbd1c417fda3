"""When a live object is as desired."""

import pytest

from andon.api.v1alpha1 import Manifest
from andon.desired.difference import ANNOTATION_APPLIED, satisfies, stamped


@pytest.mark.parametrize(
    ("live", "desired"),
    [
        ({"a": 1, "added": True}, {"a": 1}),
        ({"cpu": "500m"}, {"cpu": "0.5"}),
        ({"cpu": "1"}, {"cpu": 1}),
        ({"memory": "1Gi"}, {"memory": "1024Mi"}),
        ({"list": [{"name": "x", "more": 1}]}, {"list": [{"name": "x"}]}),
        ({}, {"resources": {}}),
        ({"volume": {"emptyDir": {}}}, {"volume": {"emptyDir": {}}}),
    ],
)
def test_satisfied(live: object, desired: object) -> None:
    assert satisfies(live, desired)


@pytest.mark.parametrize(
    ("live", "desired"),
    [
        ({"a": 2}, {"a": 1}),
        ({}, {"a": 1}),
        (None, {"a": 1}),
        ({"replicas": 0}, {"replicas": 1}),
        ({"flag": True}, {"flag": False}),
        ({}, {"flag": False}),
        ({"cpu": "500m"}, {"cpu": "600m"}),
        ({"list": [1]}, {"list": [1, 2]}),
        ({"list": [1, 2, 3]}, {"list": [1, 2]}),
        ({"image": "a:1"}, {"image": "a:2"}),
    ],
)
def test_not_satisfied(live: object, desired: object) -> None:
    assert not satisfies(live, desired)


def test_the_stamp_names_the_content() -> None:
    one: Manifest = {"metadata": {"name": "x"}, "spec": {"nodeSelector": {"line": "3"}}}
    other: Manifest = {"metadata": {"name": "x"}, "spec": {}}
    stamps = [stamped(manifest)["metadata"]["annotations"][ANNOTATION_APPLIED] for manifest in (one, other, one)]
    assert stamps[0] != stamps[1]
    assert stamps[0] == stamps[2]
    assert "annotations" not in one["metadata"]
