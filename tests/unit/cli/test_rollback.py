"""Back to a version that has held all traffic: which one, and when there is none."""

from typing import Any

import pytest

from andon.api.meta import ANNOTATION_ROLLBACK
from andon.cli.errors import CliError
from andon.cli.rollback import rollback
from andon.cli.verbs import Annotations
from tests.unit.cli.manifests import DIGEST_1, DIGEST_2, fault_model, version

DIGEST_3 = f"sha256:{'3' * 64}"


class _Cluster:
    def __init__(self, promoted: str | None, serving: int = 3) -> None:
        self.manifest = fault_model(stable={"version": serving, "digest": DIGEST_3, "weight": 100})
        self.promoted = promoted
        self.set: list[Annotations] = []

    def fault_model(self, namespace: str, name: str) -> dict[str, Any]:
        return self.manifest

    def versions(self, namespace: str, name: str) -> list[dict[str, Any]]:
        return [version(3, DIGEST_3, 0.9, 1), version(2, DIGEST_2, 0.9, 1), version(1, DIGEST_1, 0.8, 1)]

    def config_map(self, namespace: str, name: str) -> dict[str, Any] | None:
        assert name == "spindle-router"
        if self.promoted is None:
            return None
        return {"metadata": {"annotations": {"andon.dev/promoted": self.promoted}}}

    def annotate(self, manifest: dict[str, Any], annotations: Annotations) -> None:
        assert manifest is self.manifest
        self.set.append(annotations)


@pytest.mark.parametrize(
    ("promoted", "serving", "to", "digest"),
    [
        ("1,2,3", 3, None, DIGEST_2),
        ("1,3", 3, None, DIGEST_1),
        ("1,2,3", 3, 1, DIGEST_1),
        ("1,2,3", 2, None, DIGEST_3),
    ],
)
def test_the_newest_other_one_or_the_one_named(promoted: str, serving: int, to: int | None, digest: str) -> None:
    cluster = _Cluster(promoted, serving)
    assert "andon.dev/rollback-" in rollback(cluster, "press-shop", "spindle", to)
    assert cluster.set == [{ANNOTATION_ROLLBACK: digest}]


@pytest.mark.parametrize(
    ("promoted", "to", "said"),
    [
        ("3", None, "no other version"),
        (None, None, "no other version"),
        ("1,3", 2, "version 2 has never"),
        ("3,9", 9, "9"),
    ],
)
def test_where_there_is_no_way_back_nothing_is_set(promoted: str | None, to: int | None, said: str) -> None:
    cluster = _Cluster(promoted)
    with pytest.raises(CliError, match=said) as caught:
        rollback(cluster, "press-shop", "spindle", to)
    assert caught.value.reason == "NoFormerVersion"
    assert cluster.set == []
