"""Artifacts are whole or absent, and a changed byte is named with both digests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_builder.artifact import digest_hex, digest_of, manifest, read_manifest, verify, write_artifact
from model_builder.errors import BuilderError, Reason
from model_builder.settings import Settings
from model_builder.store import FolderStore, Store, artifact_path, open_store
from tests.support.builder import object_server, refused

FILES = {"repository/m/1/model.onnx": b"model", "repository/m/config.pbtxt": b"config", "card.md": b"card"}


def test_the_manifest_is_sorted_and_the_digest_is_its_hash(tmp_path: Path) -> None:
    artifact = write_artifact(FILES, tmp_path / "out")
    content = (tmp_path / "out" / "manifest.json").read_bytes()
    assert artifact.digest == digest_of(content)
    assert artifact.bytes == sum(map(len, FILES.values())) + len(content)
    assert list(json.loads(content)["files"]) == sorted(FILES)
    assert json.loads(content)["format"] == 1
    assert manifest(dict(reversed(FILES.items()))) == content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_an_earlier_artifact_is_replaced_whole(tmp_path: Path) -> None:
    write_artifact({**FILES, "old.txt": b"old"}, tmp_path)
    write_artifact(FILES, tmp_path)
    assert not (tmp_path / "old.txt").exists()
    assert (tmp_path / "card.md").read_bytes() == b"card"


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_anything_else_is_left_alone(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "place"
    if kind == "folder":
        place.mkdir()
        (place / "thesis.txt").write_text("mine")
    else:
        place.write_text("mine")
    with refused(Reason.OUTPUT_NOT_EMPTY, "is no artifact"):
        write_artifact(FILES, place)
    assert (place / "thesis.txt" if kind == "folder" else place).read_text() == "mine"


@pytest.mark.parametrize("digest", ["", "sha256:", "sha256:" + "g" * 64, "md5:" + "a" * 64, "a" * 64, "sha256:../../x"])
def test_what_is_no_digest_is_refused(digest: str) -> None:
    with refused(Reason.INVALID_SPEC, "is no digest"):
        digest_hex(digest)


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd"])
def test_a_manifest_that_leads_out_is_refused(path: str) -> None:
    content = manifest({path: b""})
    with refused(Reason.DIGEST_MISMATCH, "outside of the artifact"):
        read_manifest(content, digest_of(content))


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Store, Path]]:
    if request.param == "folder":
        yield FolderStore(tmp_path / "store"), tmp_path / "store"
        return
    (tmp_path / "objects" / "plant").mkdir(parents=True)
    with object_server(tmp_path / "objects") as server:
        secret = tmp_path / "secret"
        secret.mkdir()
        (secret / "accessKeyId").write_text(server.access_key + "\n")
        (secret / "secretAccessKey").write_text(server.secret_key + "\n")
        settings = Settings(store="s3://plant/andon/", store_endpoint=server.endpoint, store_credentials=secret)
        yield open_store(settings), tmp_path / "objects" / "plant" / "andon"


def test_a_store_keeps_verifies_and_repairs(store: tuple[Store, Path], tmp_path: Path) -> None:
    kept, root = store
    artifact = write_artifact(FILES, tmp_path / "out")
    place = artifact_path(artifact.digest)

    def content() -> dict[str, bytes]:
        return verify(artifact.digest, lambda path: kept.read(f"{place}/{path}"))

    with refused(Reason.ARTIFACT_NOT_FOUND, kept.uri(place)):
        content()
    kept.publish(tmp_path / "out", artifact.digest)
    assert content() == FILES
    kept.publish(tmp_path / "out", artifact.digest)
    assert content() == FILES

    damaged = root / place / "repository/m/1/model.onnx"
    damaged.write_bytes(b"m0del")
    with refused(Reason.DIGEST_MISMATCH, "model.onnx", digest_of(b"m0del"), digest_of(b"model")):
        content()
    kept.publish(tmp_path / "out", artifact.digest)
    assert content() == FILES

    (root / place / "manifest.json").write_bytes(b"{}")
    with refused(Reason.DIGEST_MISMATCH, "manifest.json", digest_of(b"{}"), artifact.digest):
        content()

    kept.write("builds/a.json", b"one")
    kept.write("builds/a.json", b"two")
    assert kept.read("builds/a.json") == b"two"
    assert [path.name for path in root.rglob("*") if ".tmp" in path.name] == []


def test_an_interrupted_copy_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = write_artifact(FILES, tmp_path / "out")
    kept = FolderStore(tmp_path / "store")

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("model_builder.store._write_through", full)
    with refused(Reason.STORE_UNAVAILABLE, "the store is full"):
        kept.publish(tmp_path / "out", artifact.digest)
    with refused(Reason.STORE_UNAVAILABLE, "the store is full"):
        kept.write("builds/a.json", b"one")
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []


def test_a_store_that_cannot_be_written_may_be_tried_again(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the folder should be")
    with pytest.raises(BuilderError) as caught:
        FolderStore(tmp_path / "store").write("builds/a.json", b"one")
    assert caught.value.reason is Reason.STORE_UNAVAILABLE
    assert caught.value.exit_code == 1
