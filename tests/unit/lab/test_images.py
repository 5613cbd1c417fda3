"""An image's tag is the hash of what goes into it."""

from pathlib import Path

import pytest

from lab import images
from lab.errors import LabError
from lab.images import Image
from lab.kind import build_command
from lab.paths import Paths

IMAGE = Image("thing", "Dockerfile")
PATHS = Paths(cache=Path("/cache"), state=Path("/state"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY source *.toml /\n")
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "a.py").write_text("a")
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


def test_copied_files_count_others_do_not(root: Path) -> None:
    before = images.reference(PATHS, IMAGE, root)
    assert before.startswith("localhost/andon/thing:")
    (root / "notes.txt").write_text("not copied")
    assert images.reference(PATHS, IMAGE, root) == before
    (root / "source" / "a.py").write_text("b")
    after = images.reference(PATHS, IMAGE, root)
    assert after != before
    (root / "extra.toml").write_text("matched by the wildcard")
    assert images.reference(PATHS, IMAGE, root) != after


def test_the_base_counts(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "Dockerfile").write_text("ARG BASE_IMAGE=debian\nFROM ${BASE_IMAGE}\n")
    first = images.reference(PATHS, IMAGE, root)
    monkeypatch.setattr("lab.base.reference", lambda: "localhost/andon/base:other")
    assert images.reference(PATHS, IMAGE, root) != first


def test_a_missing_source_is_told(root: Path) -> None:
    (root / "Dockerfile").write_text("FROM scratch\nCOPY nowhere /\n")
    with pytest.raises(LabError, match="nowhere") as caught:
        images.reference(PATHS, IMAGE, root)
    assert caught.value.reason == "CopiedFileMissing"


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LabError) as caught:
        images.chosen(["operator", "nonsense"])
    assert caught.value.reason == "UnknownImage"
    assert "triton" in caught.value.allowed


def test_every_image_of_the_project_has_its_dockerfile() -> None:
    assert {image.name for image in images.available()} == {"operator", "builder", "monitor", "triton", "envoy"}


def test_docker_builds_with_the_same_file_and_its_own_base(root: Path) -> None:
    command = build_command(IMAGE, "localhost/andon/thing:1", root)
    assert command[:2] == ["docker", "build"]
    assert f"--file={root}/Dockerfile" in command
    assert "--tag=localhost/andon/thing:1" in command
    assert command[-1] == str(root)
    assert not any(word.startswith("--build-arg") for word in command)
