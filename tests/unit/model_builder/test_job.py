"""The Job: builds once, keeps reports, tells the operator, and never leaves half an artifact."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from model_builder.build import build
from model_builder.errors import Reason
from model_builder.failure import as_builder_error
from model_builder.job import already_built, run_job
from model_builder.record import BuildRecord
from model_builder.report import BuildReport
from model_builder.settings import Settings
from model_builder.store import FolderStore, artifact_path
from tests.support.builder import fault_csv, object_server, spec


@dataclass
class Pod:
    root: Path
    settings: Settings

    def write(self, content: str = "", **train: Any) -> None:
        (self.root / "claim").mkdir(exist_ok=True)
        (self.root / "claim" / "rows.csv").write_text(content or fault_csv())
        plan = spec(train.pop("uri", "pvc://claim/rows.csv"), **train)
        self.settings.build_spec.write_text(plan.model_dump_json(by_alias=True))

    def run(self) -> tuple[int, BuildReport]:
        code = run_job(self.settings)
        assert self.settings.termination_log is not None
        return code, BuildReport.model_validate_json(self.settings.termination_log.read_text())

    @property
    def kept(self) -> dict[str, BuildReport]:
        files = (self.root / "store" / "builds").glob("*.json")
        return {f"sha256:{file.stem}": BuildReport.model_validate_json(file.read_text()) for file in files}


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    return Pod(
        tmp_path,
        Settings(
            in_cluster=True,
            pvc_root=tmp_path,
            build_spec=tmp_path / "build.json",
            store=str(tmp_path / "store"),
            termination_log=tmp_path / "termination-log",
        ),
    )


def test_a_build_is_stored_and_told(pod: Pod, capsys: pytest.CaptureFixture[str]) -> None:
    pod.write()
    code, report = pod.run()
    assert (code, report.outcome, report.reason) == (0, "Succeeded", "Built")
    assert report.digest is not None
    place = pod.root / "store" / artifact_path(report.digest)
    assert report.uri == place.as_uri()
    assert (place / "repository/spindle/1/model.onnx").stat().st_size == report.bytes
    assert pod.kept == {report.build_inputs_digest: report}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["step"] for line in lines if line["step"] != "note"] == [
        "fetch", "read", "check", "train", "export", "prove", "judge", "explain", "write", "store", "done",
    ]  # fmt: skip
    assert all(line["model"] == "spindle" and line["time"].endswith("Z") for line in lines)


def test_the_same_inputs_are_not_built_again(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    pod.write()
    _, first = pod.run()

    def never(*_: object) -> None:
        raise AssertionError("built again")

    monkeypatch.setattr("model_builder.job.build", never)
    code, second = pod.run()
    assert (code, second.outcome, second.reason) == (0, "Succeeded", "AlreadyBuilt")
    assert (second.digest, second.metrics, second.signature) == (first.digest, first.metrics, first.signature)


@pytest.mark.parametrize("damage", ["model", "manifest", "folder", "report"])
def test_a_damaged_artifact_is_built_again_to_the_same_bytes(pod: Pod, damage: str) -> None:
    pod.write()
    _, first = pod.run()
    assert first.digest is not None
    assert first.build_inputs_digest is not None
    place = pod.root / "store" / artifact_path(first.digest)
    if damage == "model":
        (place / "repository/spindle/1/model.onnx").write_bytes(b"damaged")
    elif damage == "manifest":
        (place / "manifest.json").unlink()
    elif damage == "folder":
        place.rename(place.with_name("elsewhere"))
    else:
        (pod.root / "store" / "builds" / f"{first.build_inputs_digest.removeprefix('sha256:')}.json").write_text("{")
    code, second = pod.run()
    assert (code, second.reason, second.digest) == (0, "Built", first.digest)
    assert already_built(FolderStore(pod.root / "store"), first.build_inputs_digest) is not None


def test_a_failed_build_keeps_its_report_and_does_not_block_the_next(pod: Pod) -> None:
    pod.write("heat,load,fault\n1,2,0\n1,x,0\n2,3,0\n3,4,0\n4,5,1\n", positiveClass="1")
    code, report = pod.run()
    assert (code, report.outcome, report.reason) == (3, "Failed", "NotANumber")
    assert 'row 3, column "load": "x"' in report.message
    assert report.remedy
    assert report.data_sha256
    assert pod.kept == {report.build_inputs_digest: report}
    assert not (pod.root / "store" / "artifacts").exists()
    pod.write()
    assert pod.run()[0] == 0


def test_a_refused_models_report_is_kept_whole_and_told_in_short(pod: Pod) -> None:
    pod.write()
    plan = json.loads(pod.settings.build_spec.read_text())
    plan["validation"]["gates"] = [{"metric": "accuracy", "min": "1"}]
    pod.settings.build_spec.write_text(json.dumps(plan))
    code, report = pod.run()
    assert (code, report.reason) == (3, "GateNotMet")
    assert pod.settings.termination_log is not None
    assert "evaluation" not in pod.settings.termination_log.read_text()
    (file,) = (pod.root / "store" / "builds").glob("*.json")
    kept = BuildRecord.model_validate_json(file.read_text())
    assert (kept.name, kept.reason) == ("spindle", "GateNotMet")
    assert kept.model is not None
    assert kept.model.explanation is not None
    assert [each.verdict for each in kept.model.gates] == ["missed"]


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("file:///data/rows.csv", "ForbiddenUri"),
        ("rows.csv", "ForbiddenUri"),
        ("pvc://claim/gone.csv", "DataNotFound"),
        ("pvc://claim/rows.xlsx", "UnknownFormat"),
        ("https://169.254.169.254/latest/meta-data/rows.csv", "ForbiddenUri"),
    ],
)
def test_data_that_cannot_be_had_is_the_inputs_fault(pod: Pod, uri: str, reason: str) -> None:
    pod.write(uri=uri)
    code, report = pod.run()
    assert (code, report.outcome, report.reason) == (3, "Failed", reason)
    assert pod.kept == {report.build_inputs_digest: report}


@pytest.mark.parametrize(
    ("content", "part"),
    [("{", "cannot be read"), ('{"name": "x"}', "source"), ("[]", "one FaultModel"), (None, "build.json")],
)
def test_a_plan_that_is_none(pod: Pod, content: str | None, part: str) -> None:
    if content is not None:
        pod.settings.build_spec.write_text(content)
    code, report = pod.run()
    assert (code, report.reason) == (3, "InvalidSpec")
    assert part in report.message


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), "OutOfMemory"),
        (OSError(28, "No space left on device"), "DiskFull"),
        (RuntimeError("a defect"), "InternalError"),
    ],
)
def test_what_is_not_the_inputs_fault_may_be_tried_again(
    pod: Pod, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def broken(*_: object) -> None:
        raise error

    pod.write()
    monkeypatch.setattr("model_builder.job.build", broken)
    code, report = pod.run()
    assert (code, report.outcome, report.reason) == (1, "Failed", reason)
    assert as_builder_error(error).retry
    monkeypatch.setattr("model_builder.job.build", build)
    assert pod.run()[0] == 0


def test_a_store_that_is_away_is_told(pod: Pod) -> None:
    pod.write()
    (pod.root / "store").write_text("no folder")
    code, report = pod.run()
    assert (code, report.reason) == (1, Reason.STORE_UNAVAILABLE.value)


def test_an_object_store_works_too(pod: Pod, tmp_path: Path) -> None:
    (tmp_path / "objects" / "plant").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    with object_server(tmp_path / "objects") as server:
        (tmp_path / "secret" / "accessKeyId").write_text(server.access_key)
        (tmp_path / "secret" / "secretAccessKey").write_text(server.secret_key)
        # Not "in a cluster" here, because there a store on loopback is refused.
        pod.settings = Settings(
            pvc_root=tmp_path,
            build_spec=pod.settings.build_spec,
            store="s3://plant/models",
            store_endpoint=server.endpoint,
            store_credentials=tmp_path / "secret",
            termination_log=pod.settings.termination_log,
        )
        pod.write()
        code, report = pod.run()
        assert (code, report.reason) == (0, "Built")
        assert report.digest is not None
        assert report.uri == f"s3://plant/models/{artifact_path(report.digest)}"
        assert pod.run()[1].reason == "AlreadyBuilt"
    assert pod.run()[1].reason == "StoreUnavailable"
