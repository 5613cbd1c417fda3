"""A failure says which step it was, why, where to look and what to do."""

from pathlib import Path

import pytest

from examples.demo.story import Story, farewell, tell
from lab.cluster import Lab
from lab.errors import LabError
from lab.existing import Existing
from lab.images import Image
from lab.kind import Kind
from lab.paths import Paths


class Broken:
    """A cluster that comes up, and has no image."""

    def __init__(self, interrupted: bool = False) -> None:
        self.interrupted = interrupted

    def up(self, gateway: bool) -> None:
        if self.interrupted:
            raise KeyboardInterrupt

    def down(self) -> None:
        raise AssertionError("the demo takes nothing down")

    def show(self) -> bool:
        return True

    def load(self, image: Image) -> str:
        raise LabError("CommandFailed", "buildah ended with 1", remedy="free some disk space")

    def references(self) -> dict[str, str]:
        return {}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(cache=tmp_path / "cache", state=tmp_path / "state")


def test_a_failed_step_is_named(paths: Paths) -> None:
    with pytest.raises(LabError) as caught:
        tell(paths, Broken(), None, None)
    error = caught.value
    assert error.reason == "CommandFailed"
    assert error.message.startswith("step 2 of 6, Images of")
    assert error.message.endswith("buildah ended with 1")
    assert error.remedy.startswith("free some disk space\n")
    assert "run the same command again" in error.remedy


def test_where_to_look_is_said(paths: Paths) -> None:
    story = Story(paths, Broken(), None)
    with (
        pytest.raises(LabError, match="look at:\n  lab/andon status spindle -n press-shop\n"),
        story.chapter("A FaultModel", *story.model_logs()),
    ):
        raise LabError("OneClass", "the target holds one class only")


def test_an_interrupted_demo_says_that_it_goes_on(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        tell(paths, Broken(interrupted=True), None, None)
    assert caught.value.code == 130
    assert "Stopped in step 1 of 6" in capsys.readouterr().err


def test_a_target_without_data_is_refused(paths: Paths) -> None:
    with pytest.raises(LabError, match="DATA is not"):
        tell(paths, Broken(), None, "fault")


def test_how_to_remove_it_fits_the_cluster(paths: Paths) -> None:
    assert "make lab-down" in farewell(Lab(paths))
    assert "CLUSTER=kind make lab-down" in farewell(Kind(paths))
    assert "lab-down" not in farewell(Existing(paths))
    assert "lab/helm uninstall andon -n andon-system" in farewell(Existing(paths))
