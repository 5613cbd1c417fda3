"""Addresses: what is allowed where, and what each one names."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_builder.errors import Reason
from model_builder.settings import Settings
from model_builder.uri import locate
from tests.support.builder import refused

CLUSTER = Settings(in_cluster=True)
LAPTOP = Settings()


@pytest.mark.parametrize(
    ("uri", "reason", "part"),
    [
        ("file:///data/a.csv", Reason.FORBIDDEN_URI, "a local path"),
        ("FILE:///data/a.csv", Reason.FORBIDDEN_URI, "a local path"),
        ("/data/a.csv", Reason.FORBIDDEN_URI, "pvc://CLAIM/PATH"),
        ("a.csv", Reason.FORBIDDEN_URI, "a local path"),
        ("pvc://claim/../../etc/passwd", Reason.FORBIDDEN_URI, "leaves its folder"),
        ("pvc://claim/%2e%2e/x.csv", Reason.FORBIDDEN_URI, "leaves its folder"),
        ("configmap://../x", Reason.FORBIDDEN_URI, "leaves its folder"),
        ("pvc://claim", Reason.UNSUPPORTED_URI, "names no file"),
        ("pvc://claim/", Reason.UNSUPPORTED_URI, "names no file"),
        ("pvc:///a.csv", Reason.UNSUPPORTED_URI, "names no file"),
        ("pvc://Claim_1/a.csv", Reason.UNSUPPORTED_URI, "Claim_1"),
        ("s3://bucket", Reason.UNSUPPORTED_URI, "names no file"),
        ("http://host/a.csv", Reason.UNSUPPORTED_URI, "https://HOST/PATH"),
        ("gs://bucket/a.csv", Reason.UNSUPPORTED_URI, 'scheme "gs"'),
        ("https://user:word@host/a.csv", Reason.UNSUPPORTED_URI, "user name"),
        ("https:///a.csv", Reason.UNSUPPORTED_URI, "no host"),
        ("https://host:port/a.csv", Reason.UNSUPPORTED_URI, "no URL"),
    ],
)
def test_refused_in_a_cluster(uri: str, reason: Reason, part: str) -> None:
    with refused(reason, part):
        locate(uri, CLUSTER)


def test_another_machines_file_is_refused() -> None:
    with refused(Reason.UNSUPPORTED_URI, "another machine"):
        locate("file://nas/a.csv", LAPTOP)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("pvc://plant-data/a/b.csv", "/data/pvc/plant-data/a/b.csv"),
        ("configmap://rows/a.csv", "/data/configmap/rows/a.csv"),
    ],
)
def test_mounted(uri: str, path: str) -> None:
    assert locate(uri, CLUSTER).path == Path(path)


def test_local_paths_start_at_the_manifest() -> None:
    assert locate("a.csv", LAPTOP, Path("/plant")).path == Path("/plant/a.csv")
    assert locate("/b/a.csv", LAPTOP, Path("/plant")).path == Path("/b/a.csv")
    assert locate("file:///b/a%20b.csv", LAPTOP, Path("/plant")).path == Path("/b/a b.csv")


def test_objects_keep_their_key() -> None:
    location = locate("s3://plant/press shop/a%20b.parquet?x", CLUSTER)
    assert (location.bucket, location.key) == ("plant", "press shop/a%20b.parquet?x")


def test_a_query_is_no_suffix() -> None:
    assert locate("https://host/a.CSV?token=x.parquet", CLUSTER).suffix == ".csv"


def test_a_link_out_of_the_volume_is_refused(tmp_path: Path) -> None:
    claim = tmp_path / "claim"
    claim.mkdir()
    (tmp_path / "secret.csv").write_text("a,b\n")
    (claim / "link.csv").symlink_to(tmp_path / "secret.csv")
    with refused(Reason.FORBIDDEN_URI, "leads out of its volume"):
        locate("pvc://claim/link.csv", Settings(in_cluster=True, pvc_root=tmp_path))


def test_a_link_within_the_volume_is_followed(tmp_path: Path) -> None:
    """A mounted ConfigMap is made of links."""
    claim = tmp_path / "rows"
    (claim / "..data").mkdir(parents=True)
    (claim / "..data" / "a.csv").write_text("a,b\n")
    (claim / "a.csv").symlink_to("..data/a.csv")
    found = locate("configmap://rows/a.csv", Settings(in_cluster=True, configmap_root=tmp_path)).path
    assert found is not None
    assert found.read_text() == "a,b\n"
