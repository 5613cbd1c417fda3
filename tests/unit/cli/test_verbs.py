"""A person's word on a candidate: which annotations are set, on what, and when none is."""

from typing import Any

import pytest

from andon.api.meta import ANNOTATION_ABORT, ANNOTATION_APPROVE, ANNOTATION_PROMOTE
from andon.cli.errors import CliError
from andon.cli.verbs import ABORT, APPROVE, PROMOTE, Annotations, Verb, say
from tests.unit.cli.manifests import DIGEST_1, DIGEST_2, STABLE, condition, fault_model, version


class _Cluster:
    def __init__(self, **status: Any) -> None:
        self.manifest = fault_model(**STABLE, **status)
        self.set: list[Annotations] = []

    def fault_model(self, namespace: str, name: str) -> dict[str, Any]:
        return self.manifest

    def versions(self, namespace: str, name: str) -> list[dict[str, Any]]:
        return [version(2, DIGEST_2, 0.9, 1000), version(1, DIGEST_1, 0.8, 1000)]

    def annotate(self, manifest: dict[str, Any], annotations: Annotations) -> None:
        assert manifest is self.manifest
        self.set.append(annotations)


def on_its_way() -> _Cluster:
    return _Cluster(candidate={"version": 2, "digest": DIGEST_2, "weight": 20, "step": 2})


@pytest.mark.parametrize(
    ("verb", "annotations"),
    [
        (APPROVE, {ANNOTATION_APPROVE: DIGEST_2}),
        (PROMOTE, {ANNOTATION_PROMOTE: DIGEST_2, ANNOTATION_ABORT: None}),
        (ABORT, {ANNOTATION_ABORT: DIGEST_2, ANNOTATION_PROMOTE: None}),
    ],
    ids=lambda value: value.name if isinstance(value, Verb) else "",
)
def test_the_candidates_digest_is_set(verb: Verb, annotations: dict[str, str | None]) -> None:
    cluster = on_its_way()
    assert say(verb, cluster, "press-shop", "spindle", None).startswith("Version 2 (sha256:222222222222) of spindle is")
    assert cluster.set == [annotations]


@pytest.mark.parametrize("digest", [DIGEST_2, "sha256:22", "2222"])
def test_a_digest_that_fits_is_taken(digest: str) -> None:
    cluster = on_its_way()
    say(APPROVE, cluster, "press-shop", "spindle", digest)
    assert cluster.set == [{ANNOTATION_APPROVE: DIGEST_2}]


def test_another_candidate_is_left_alone() -> None:
    cluster = on_its_way()
    with pytest.raises(CliError, match="candidate is version 2") as caught:
        say(ABORT, cluster, "press-shop", "spindle", DIGEST_1)
    assert caught.value.reason == "OtherCandidate"
    assert cluster.set == []


def test_where_nothing_is_on_its_way_nothing_is_set() -> None:
    cluster = _Cluster(conditions=[condition("Ready", "True", "RolledOut", "Version 1 serves all traffic.")])
    with pytest.raises(CliError) as caught:
        say(PROMOTE, cluster, "press-shop", "spindle", None)
    assert caught.value.reason == "NoCandidate"
    assert cluster.set == []


def test_a_version_with_other_columns_is_approved_before_it_is_a_candidate() -> None:
    cluster = _Cluster(conditions=[condition("Ready", "False", "SignatureChanged", "Version 2 has other columns.")])
    say(APPROVE, cluster, "press-shop", "spindle", None)
    assert cluster.set == [{ANNOTATION_APPROVE: DIGEST_2}]
