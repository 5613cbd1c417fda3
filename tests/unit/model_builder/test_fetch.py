"""Fetching for Triton: every digest is checked before anything is laid out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from model_builder.artifact import digest_of, write_artifact
from model_builder.errors import Reason
from model_builder.fetch import fetch
from model_builder.report import BuildReport
from model_builder.store import FolderStore, artifact_path
from tests.support.builder import REPOSITORY, refused

FILES = {
    "repository/spindle/1/model.onnx": b"model",
    "repository/spindle/config.pbtxt": b"config",
    "card.md": b"card",
}


@pytest.fixture
def stored(tmp_path: Path) -> tuple[FolderStore, str]:
    artifact = write_artifact(FILES, tmp_path / "out")
    store = FolderStore(tmp_path / "store")
    store.publish(tmp_path / "out", artifact.digest)
    return store, artifact.digest


def test_layout(stored: tuple[FolderStore, str], tmp_path: Path) -> None:
    store, digest = stored
    for _ in range(2):
        fetch(store.read, digest, "spindle", 7, tmp_path / "models")
        found = {
            path.relative_to(tmp_path / "models").as_posix(): path.read_bytes()
            for path in (tmp_path / "models").rglob("*")
            if path.is_file()
        }
        assert found == {"spindle/7/model.onnx": b"model", "spindle/config.pbtxt": b"config"}
        assert [path.name for path in (tmp_path / "models").iterdir()] == ["spindle"]


@pytest.mark.parametrize("path", sorted([*FILES, "manifest.json"]))
def test_a_changed_byte_anywhere_stops_it(stored: tuple[FolderStore, str], tmp_path: Path, path: str) -> None:
    store, digest = stored
    file = tmp_path / "store" / artifact_path(digest) / path
    right = digest_of(file.read_bytes())
    changed = file.read_bytes()[:-1] + b"X"
    file.write_bytes(changed)
    with refused(Reason.DIGEST_MISMATCH, path, right, digest_of(changed)):
        fetch(store.read, digest, "spindle", 1, tmp_path / "models")
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("path", sorted([*FILES, "manifest.json"]))
def test_a_missing_file_stops_it(stored: tuple[FolderStore, str], tmp_path: Path, path: str) -> None:
    store, digest = stored
    (tmp_path / "store" / artifact_path(digest) / path).unlink()
    with refused(Reason.ARTIFACT_NOT_FOUND, path):
        fetch(store.read, digest, "spindle", 1, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_another_name_is_refused(stored: tuple[FolderStore, str], tmp_path: Path) -> None:
    with refused(Reason.ARTIFACT_NOT_FOUND, "no model press", '"spindle"'):
        fetch(stored[0].read, stored[1], "press", 1, tmp_path / "models")


def run(tmp_path: Path, digest: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "ANDON_STORE": str(tmp_path / "store"),
        "ANDON_TERMINATION_LOG": str(tmp_path / "termination-log"),
    }
    command = [sys.executable, "-m", "model_builder", "fetch", "--digest", digest, "--name", "spindle"]
    command += ["--version", "2", "--out", str(tmp_path / "models")]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=REPOSITORY, check=False)


def test_the_command(stored: tuple[FolderStore, str], tmp_path: Path) -> None:
    done = run(tmp_path, stored[1])
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "models/spindle/2/model.onnx").read_bytes() == b"model"
    (tmp_path / "store" / artifact_path(stored[1]) / "card.md").write_bytes(b"changed")
    done = run(tmp_path, stored[1])
    assert done.returncode == 3
    told = json.loads(done.stderr)
    assert told["reason"] == "DigestMismatch"
    assert told["found"] == digest_of(b"changed")
    assert told["allowed"] == digest_of(b"card")
    assert BuildReport.model_validate_json((tmp_path / "termination-log").read_text()).reason == "DigestMismatch"
