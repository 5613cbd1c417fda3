"""The reader's own file is looked at before anything is built."""

from pathlib import Path

import pytest

from andon.api.meta import NAME_MAX_LENGTH
from examples.demo.data import NAME_LENGTH, model_name, read
from lab.errors import LabError


def csv_file(folder: Path, text: str, name: str = "press.csv") -> Path:
    file = folder / name
    file.write_bytes(text.encode())
    return file


@pytest.mark.parametrize(
    "text",
    ["heat,fault\n1.5,0\n2.5,1\n", "\ufeffheat;fault\r\n1,5;0\r\n2,5;1\r\n", "\nheat\tfault\n1\t0\n"],
    ids=["plain", "bom, semicolon, decimal comma, CRLF", "blank line, tab"],
)
def test_the_target_is_found_in_any_dialect(tmp_path: Path, text: str) -> None:
    assert read(csv_file(tmp_path, text), "fault").target == "fault"


def test_a_misnamed_target_is_told_with_the_right_name(tmp_path: Path) -> None:
    with pytest.raises(LabError) as caught:
        read(csv_file(tmp_path, "Torque [Nm],Machine failure\n1,0\n"), "machine_failure")
    assert caught.value.reason == "TargetNotFound"
    assert caught.value.allowed == "Torque [Nm], Machine failure"
    assert "'Machine failure'" in caught.value.remedy


def test_no_target_lists_the_columns(tmp_path: Path) -> None:
    with pytest.raises(LabError) as caught:
        read(csv_file(tmp_path, ",".join(f"c{number}" for number in range(30)) + "\n"), None)
    assert caught.value.reason == "TargetMissing"
    assert caught.value.allowed.endswith("c19 and 10 more")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [("x.parquet", "PAR1", "NotCsv"), ("x.csv", "", "EmptyFile"), ("x.csv", "\xff\xfea", "EncodingError")],
)
def test_what_is_no_csv_is_refused(tmp_path: Path, name: str, content: str, reason: str) -> None:
    (tmp_path / name).write_bytes(content.encode("latin-1"))
    with pytest.raises(LabError) as caught:
        read(tmp_path / name, "fault")
    assert caught.value.reason == reason
    assert caught.value.remedy


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="is no file") as caught:
        read(tmp_path / "absent.csv", "fault")
    assert caught.value.reason == "DataMissing"


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("ai4i2020", "ai4i2020"),
        ("Press 3 (May)", "press-3-may"),
        ("2026-05", "machine-2026-05"),
        ("Maschinenstörung", "maschinenst-rung"),
        ("spindle", "my-spindle"),
        ("_", "machine"),
        ("a" * 44 + "-b", "a" * 44),
    ],
)
def test_names_of_models(stem: str, name: str) -> None:
    assert model_name(Path(f"{stem}.csv")) == name
    assert NAME_LENGTH == NAME_MAX_LENGTH
