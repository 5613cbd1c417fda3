"""The CRDs in the chart: the generated ones, byte for byte, and kept when the chart goes."""

import pytest
import yaml

from lab.paths import REPOSITORY
from tests.unit.chart.rendering import CHART, of_kind, render

GENERATED = {path.name: path for path in sorted((REPOSITORY / "crds").glob("*.yaml"))}


def test_copies_are_complete() -> None:
    copies = {path.name for path in (CHART / "files" / "crds").iterdir()}
    assert copies == set(GENERATED)
    assert len(copies) == 2


@pytest.mark.parametrize("name", GENERATED)
def test_copy_is_what_was_generated(name: str) -> None:
    copy = CHART / "files" / "crds" / name
    assert copy.read_bytes() == GENERATED[name].read_bytes(), "stale: run `make generate`"


@pytest.mark.parametrize("name", GENERATED)
def test_rendering_changes_nothing_but_labels_and_annotations(name: str) -> None:
    original = yaml.safe_load(GENERATED[name].read_text())
    (rendered,) = [
        crd
        for crd in of_kind(render(), "CustomResourceDefinition")
        if crd["metadata"]["name"] == original["metadata"]["name"]
    ]
    assert rendered["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert rendered["spec"] == original["spec"]
    assert {**rendered, "metadata": None} == {**original, "metadata": None}


def test_left_out_where_somebody_else_installs_them() -> None:
    assert of_kind(render({"crds": {"install": False}}), "CustomResourceDefinition") == []
