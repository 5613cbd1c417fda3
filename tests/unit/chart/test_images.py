"""Image references: defaults, overrides, and a registry of the plant's own."""

import re

import pytest
import yaml

from lab.paths import REPOSITORY
from tests.unit.chart.rendering import CHART, Manifest, container, environment, render

NAMES = ("operator", "builder", "monitor", "triton", "envoy")
DIGEST = "sha256:" + "0123456789abcdef" * 4


def images(values: Manifest | None = None) -> dict[str, str]:
    manifests = render(values)
    told = environment(manifests)
    return {
        "operator": container(manifests)["image"],
        **{name: told[f"ANDON_{name.upper()}_IMAGE"] for name in NAMES if name != "operator"},
    }


def test_our_images_carry_the_version_of_the_chart() -> None:
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    assert images()["operator"] == f"andon/operator:{version}"
    assert images()["builder"] == f"andon/builder:{version}"


def test_default_triton_is_official_and_has_the_holes_before_25_07_closed() -> None:
    release = re.fullmatch(r"nvcr\.io/nvidia/tritonserver:(\d\d)\.(\d\d)-py3", images()["triton"])
    assert release is not None
    assert (int(release[1]), int(release[2])) >= (25, 7)


def test_default_envoy_is_distroless_and_pinned() -> None:
    release = re.fullmatch(r"docker\.io/envoyproxy/envoy:distroless-v1\.(\d+)\.\d+", images()["envoy"])
    assert release is not None
    assert int(release[1]) >= 34


@pytest.mark.parametrize("registry", ["registry.plant.example:5000/andon", "localhost"])
def test_registry_override_rewrites_every_image(registry: str) -> None:
    before, after = images(), images({"imageRegistry": registry})
    assert set(after) == set(NAMES)
    for name in NAMES:
        repository = re.sub(r"^(nvcr\.io|docker\.io)/", "", before[name])
        assert after[name] == f"{registry}/{repository}"


@pytest.mark.parametrize("name", NAMES)
def test_each_image_can_be_named(name: str) -> None:
    values = {"images": {name: {"registry": "registry.plant.example", "repository": "x/y", "tag": "z"}}}
    assert images(values) == {**images(), name: "registry.plant.example/x/y:z"}


@pytest.mark.parametrize("name", NAMES)
def test_digest_takes_the_place_of_the_tag(name: str) -> None:
    before = images()[name]
    after = images({"images": {name: {"digest": DIGEST}}})[name]
    assert after == f"{before.rpartition(':')[0]}@{DIGEST}"


def test_list_of_images_in_the_docs_is_complete() -> None:
    text = (REPOSITORY / "docs" / "install.md").read_text()
    for reference in images().values():
        assert f"`{reference}`" in text
