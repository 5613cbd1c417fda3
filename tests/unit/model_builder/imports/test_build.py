"""Models from elsewhere become artifacts: proven on data, with the classes in the order of the contract."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas
import pytest
import yaml
from skl2onnx import to_onnx
from sklearn.base import ClassifierMixin
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from skops import io as skops_io

from benchmarks.compression_data import DataSet
from model_builder.build import Built, build, inputs_digest
from model_builder.categories import Rows
from model_builder.errors import Reason
from model_builder.imports.files import ModelFile, bring_model
from model_builder.progress import Silent
from model_builder.settings import Settings
from model_builder.spec import BuildSpec
from model_builder.validating import open_artifact, replay, spec_of, validate
from tests.support import hostile
from tests.support.builder import local, refused
from tests.support.exported import binary, several

CLASSIFIERS: dict[str, Callable[[], Any]] = {
    "forest": lambda: RandomForestClassifier(10, random_state=1),
    "extra": lambda: ExtraTreesClassifier(8, random_state=1),
    "tree": lambda: DecisionTreeClassifier(max_depth=5, random_state=1),
    "boosted": lambda: HistGradientBoostingClassifier(max_iter=8, random_state=1),
    "gradient": lambda: GradientBoostingClassifier(n_estimators=8, random_state=1),
    "logistic": lambda: make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()),
    "network": lambda: make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=150, random_state=1)),
}
NAMES = {2: ("fault", "sound"), 3: ("a", "b", "c")}
"""The fault comes first in scikit-learn's order of names, and second in the contract's."""


def data_set(classes: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], list[str]]:
    random = np.random.RandomState(3)
    rows = random.normal(size=(600, 4)).astype(np.float32).round(3)
    codes = np.digitize(rows[:, 0] + rows[:, 1] + random.normal(0, 0.3, 600), np.linspace(-1, 1, classes + 1)[1:-1])
    names = np.array(NAMES[classes])[codes]
    return rows, names, [f"s{index}" for index in range(4)]


def csv(rows: Any, names: Any, columns: list[str], holes: bool = True) -> str:
    random = np.random.RandomState(4)
    gaps = random.random_sample(rows.shape) < (0.04 if holes else 0)
    lines = [",".join([*columns, "state"])]
    for row, gap, name in zip(rows, gaps, names, strict=True):
        lines.append(
            ",".join(["" if hole else f"{value:.9g}" for value, hole in zip(row, gap, strict=True)] + [str(name)])
        )
    return "\n".join(lines) + "\n"


def wanted(columns: list[str], kind: str = "skops", **more: Any) -> BuildSpec:
    given = {"uri": "model", "format": kind, "data": {"uri": "data.csv"}, "target": "state", "features": columns}
    rest = {name: more.pop(name) for name in ("compression", "exports", "validation") if name in more}
    return BuildSpec.model_validate({"name": "press", "source": {"import": {**given, **more}}, **rest})


def built(spec: BuildSpec, model: bytes, table: str, folder: Path) -> tuple[Built, Path]:
    (folder / "model").write_bytes(model)
    file = ModelFile(folder / "model", hashlib.sha256(model).hexdigest(), len(model))
    return build(spec, local(folder, table), folder / "out", Silent(), imported=file), folder / "out"


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", sorted(CLASSIFIERS))
def test_skops_of_every_estimator(kind: str, classes: int, tmp_path: Path) -> None:
    rows, names, columns = data_set(classes)
    model = CLASSIFIERS[kind]().fit(rows[:300], names[:300])
    done, out = built(wanted(columns), skops_io.dumps(model), csv(rows, names, columns), tmp_path)
    signature = done.model.signature
    assert signature.classes == (("sound", "fault") if classes == 2 else NAMES[3])
    assert done.model.estimator.startswith("imported ")
    assert done.model.metrics.macro_f1 > (0.6 if classes == 2 else 0.4)
    opened = open_artifact(out)
    assert replay(opened) > 40
    said = opened.model.answer(Rows.of_numbers(rows)).scores
    order = [list(model.classes_).index(name) for name in signature.classes]
    expected = model.predict_proba(rows)[:, order]
    np.testing.assert_allclose(said, expected[:, 1:] if classes == 2 else expected, rtol=0, atol=1e-5)
    assert any("no row was fitted on here" in note for note in done.model.notes)


def in_onnx(kind: str, rows: Any, names: Any) -> bytes:
    model = CLASSIFIERS[kind]().fit(rows, names)
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    return bytes(
        to_onnx(
            model, rows[:1], options={id(last): {"zipmap": False}}, target_opset={"": 17, "ai.onnx.ml": 3}
        ).SerializeToString()
    )


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", ["forest", "logistic", "network"])
def test_onnx_of_skl2onnx(kind: str, classes: int, tmp_path: Path) -> None:
    rows, names, columns = data_set(classes)
    content = in_onnx(kind, rows[:300], names[:300])
    done, out = built(wanted(columns, "onnx"), content, csv(rows, names, columns), tmp_path)
    assert done.model.signature.classes == (("sound", "fault") if classes == 2 else NAMES[3])
    assert done.model.metrics.macro_f1 > (0.6 if classes == 2 else 0.4)
    assert done.model.estimator == "imported ONNX"
    model = onnx.load(out / "repository/press/1/model.onnx")
    assert [each.name for each in model.graph.input] == ["numeric"]
    assert [each.name for each in model.graph.output] == (
        ["score", "fault"] if classes == 2 else ["probabilities", "label"]
    )
    assert replay(open_artifact(out)) > 40


@pytest.mark.parametrize(("outputs", "end", "classes"), [(1, "Sigmoid", 2), (2, "Softmax", 2), (3, "Softmax", 3)])
@pytest.mark.parametrize("opset", [11, 13, 18])
def test_onnx_of_a_network_as_pytorch_writes_it(
    outputs: int, end: str, classes: int, opset: int, tmp_path: Path
) -> None:
    rows, names, columns = data_set(classes)
    content = hostile.mlp(4, outputs, end, opset).SerializeToString()
    done, out = built(wanted(columns, "onnx"), content, csv(rows, names, columns), tmp_path)
    assert done.model.runtime.opset == (18 if opset == 11 else opset)
    assert any("median of the data" in note for note in done.model.notes)
    golden = json.loads((out / "golden.json").read_text())["outputs"]
    scores = np.array(golden["score" if classes == 2 else "probabilities"], np.float64)
    assert np.isfinite(scores).all(), "a missing value has an answer"


@pytest.mark.parametrize("data", ["two classes", "several classes"])
@pytest.mark.parametrize("kind", ["skops", "onnx"])
def test_real_data_compressed_and_exported(data: str, kind: str, tmp_path: Path) -> None:
    given: DataSet = binary() if data == "two classes" else several()
    columns = [f"s{index}" for index in range(given.rows.shape[1])]
    order = np.random.RandomState(0).permutation(len(given.rows))
    model = RandomForestClassifier(20, random_state=0).fit(given.rows[order[::2]], given.codes[order[::2]])
    rest = order[1::2]
    content = (
        skops_io.dumps(model)
        if kind == "skops"
        else to_onnx(model, given.rows[:1], options={"zipmap": False}).SerializeToString()
    )
    compression = {"prune": {"by": "costComplexity", "keep": "0.5"}, "quantize": {"bits": 8}}
    spec = wanted(columns, kind, compression=compression, exports=["tflite", "c"])
    done, _ = built(spec, content, csv(given.rows[rest], given.codes[rest], columns), tmp_path)
    assert done.model.metrics.macro_f1 > 0.6
    assert done.model.data.missing_values > 0
    assert [each.step for each in done.model.reductions] == ["encode", "prune", "quantize"]
    assert {each.format for each in done.model.exports} == {"tflite", "c"}


def test_trees_that_are_not_understood_are_served_as_they_came(tmp_path: Path) -> None:
    rows, names, columns = data_set(2)
    model = make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0)).fit(rows[:300], names[:300])
    content = to_onnx(model, rows[:1], options={id(model.steps[-1][1]): {"zipmap": False}}).SerializeToString()
    compression = {"prune": {"by": "gini", "keep": "0.5"}}
    done, _ = built(wanted(columns, "onnx", compression=compression), content, csv(rows, names, columns), tmp_path)
    assert done.model.reductions == ()
    assert any("served as it came" in note and "Scaler before the trees" in note for note in done.model.notes)


def test_the_same_import_gives_the_same_bytes_and_another_model_another_digest(tmp_path: Path) -> None:
    rows, names, columns = data_set(2)
    content = skops_io.dumps(CLASSIFIERS["forest"]().fit(rows[:300], names[:300]))
    digests = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        digests.append(built(wanted(columns), content, csv(rows, names, columns), tmp_path / name)[0].artifact.digest)
    assert digests[0] == digests[1]
    spec = wanted(columns)
    assert inputs_digest(spec, "csv", "0", None, "1") != inputs_digest(spec, "csv", "0", None, "2")


def test_an_imported_artifact_can_be_validated(tmp_path: Path) -> None:
    rows, names, columns = data_set(2)
    content = skops_io.dumps(CLASSIFIERS["forest"]().fit(rows[:300], names[:300]))
    table = csv(rows, names, columns)
    _, out = built(wanted(columns, threshold=0.3), content, table, tmp_path)
    opened = open_artifact(out)
    assert opened.signature.threshold == 0.3
    view = validate(opened, spec_of(opened, "data.csv"), local(tmp_path, table))
    assert view.evaluation.rows == 600


def test_a_threshold_is_chosen_on_the_data(tmp_path: Path) -> None:
    rows, names, columns = data_set(2)
    content = skops_io.dumps(CLASSIFIERS["forest"]().fit(rows[:300], names[:300]))
    validation = {"decisionThreshold": {"optimize": "cost", "costs": {"missedFault": 50, "falseAlarm": 1}}}
    done, _ = built(wanted(columns, validation=validation), content, csv(rows, names, columns), tmp_path)
    assert done.model.signature.threshold is not None
    assert done.model.signature.threshold < 0.5


def test_another_version_of_scikit_learn_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, names, columns = data_set(2)
    model = CLASSIFIERS["tree"]().fit(rows[:300], names[:300])
    with monkeypatch.context() as older:
        older.setattr("sklearn.base.__version__", "1.6.0")
        content = skops_io.dumps(model)
    done, _ = built(wanted(columns), content, csv(rows, names, columns), tmp_path)
    assert any("written by scikit-learn 1.6.0" in note for note in done.model.notes)


def refusals() -> list[tuple[str, dict[str, Any], bytes, Reason, list[str]]]:
    rows, names, _ = data_set(2)
    forest = skops_io.dumps(RandomForestClassifier(3, random_state=0).fit(rows, names))
    names3 = data_set(3)[1]
    three = skops_io.dumps(RandomForestClassifier(3, random_state=0).fit(rows, names3))
    narrow = skops_io.dumps(RandomForestClassifier(3, random_state=0).fit(rows[:, :3], names))
    logits = hostile.mlp(4, 2, "Identity").SerializeToString()
    fixed = hostile.mlp(4, 1, rows=1).SerializeToString()
    return [
        ("another width", {}, narrow, Reason.MODEL_INPUTS_DIFFER, ["3 columns", "4 columns"]),
        ("other classes", {}, three, Reason.MODEL_OUTPUTS_DIFFER, ['"a"', '"fault"']),
        ("logits", {"format": "onnx"}, logits, Reason.MODEL_OUTPUTS_DIFFER, ["from 0 to 1"]),
        ("a fixed batch", {"format": "onnx"}, fixed, Reason.MODEL_INPUTS_DIFFER, ["[1, 4]", "[rows, columns]"]),
        ("another format", {"format": "onnx"}, forest, Reason.UNKNOWN_MODEL_FORMAT, ["skops", "onnx"]),
        ("other names", {"classes": ["x", "y"]}, forest, Reason.MODEL_OUTPUTS_DIFFER, ['"x"']),
        ("an order that is not the model's", {"classes": ["sound", "fault"]}, forest, Reason.MODEL_OUTPUTS_DIFFER, []),
        ("a column that is not there", {"features": ["s0", "s1", "s2", "x"]}, forest, Reason.COLUMN_NOT_FOUND, ["x"]),
    ]


@pytest.mark.parametrize(
    ("what", "more", "model", "reason", "parts"),
    refusals(),
    ids=lambda each: str(each)[:30] if isinstance(each, str) else "",
)
def test_what_does_not_fit_is_refused(
    what: str, more: dict[str, Any], model: bytes, reason: Reason, parts: list[str], tmp_path: Path
) -> None:
    rows, names, columns = data_set(2)
    given = {"uri": "model", "format": "skops", "data": {"uri": "d"}, "target": "state", "features": columns, **more}
    spec = BuildSpec.model_validate({"name": "press", "source": {"import": given}})
    with refused(reason, *parts):
        built(spec, model, csv(rows, names, columns), tmp_path)


def test_columns_in_another_order_are_refused(tmp_path: Path) -> None:
    rows, names, columns = data_set(2)
    frame = pandas.DataFrame(rows, columns=columns)
    content = skops_io.dumps(RandomForestClassifier(3, random_state=0).fit(frame, names))
    swapped = ["s1", "s0", "s2", "s3"]
    with refused(Reason.MODEL_INPUTS_DIFFER, '"s0" in place 1', '"s1" in place 1'):
        built(wanted(swapped), content, csv(rows, names, columns), tmp_path)
    built(wanted(columns), content, csv(rows, names, columns), tmp_path)


def mlmodel(folder: Path, flavors: dict[str, Any]) -> None:
    (folder / "MLmodel").write_text(yaml.safe_dump({"flavors": flavors, "model_uuid": "x"}))


@pytest.mark.parametrize(
    ("flavors", "file"),
    [
        ({"python_function": {}, "onnx": {"data": "model.onnx", "onnx_version": "1.20"}}, "model.onnx"),
        ({"sklearn": {"pickled_model": "model.skops", "serialization_format": "skops"}}, "model.skops"),
        ({"sklearn": {"pickled_model": "sub/model.skops"}}, "sub/model.skops"),
    ],
)
def test_mlflow_models_are_found_by_their_mlmodel_file(flavors: dict[str, Any], file: str, tmp_path: Path) -> None:
    rows, names, columns = data_set(2)
    folder = tmp_path / "logged"
    (folder / file).parent.mkdir(parents=True)
    model: ClassifierMixin = CLASSIFIERS["forest"]().fit(rows[:300], names[:300])
    onnx_file = file.endswith("onnx")
    (folder / file).write_bytes(in_onnx("forest", rows[:300], names[:300]) if onnx_file else skops_io.dumps(model))
    mlmodel(folder, flavors)
    spec = wanted(columns, "mlflow", uri="logged/MLmodel")
    importing = spec.source.importing
    assert importing is not None
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    found = bring_model(importing, Settings(), scratch, tmp_path)
    assert found.path.read_bytes() == (folder / file).read_bytes()
    done = build(spec, local(tmp_path, csv(rows, names, columns)), tmp_path / "out", Silent(), imported=found)
    assert done.model.metrics.macro_f1 > 0.6
    pinned = importing.model_copy(update={"sha256": "0" * 64})
    with refused(Reason.CHECKSUM_MISMATCH, found.sha256):
        bring_model(pinned, Settings(), scratch, tmp_path)


@pytest.mark.parametrize(
    ("flavors", "reason"),
    [
        ({"onnx": {"data": "../../etc/passwd"}}, Reason.EXTERNAL_DATA_REFUSED),
        ({"onnx": {"data": "/etc/passwd"}}, Reason.EXTERNAL_DATA_REFUSED),
        ({"onnx": {"data": "https://evil.example/x"}}, Reason.EXTERNAL_DATA_REFUSED),
        ({"pytorch": {"model_data": "data"}}, Reason.UNKNOWN_MODEL_FORMAT),
        ({}, Reason.UNKNOWN_MODEL_FORMAT),
        ([], Reason.MODEL_UNREADABLE),
        ({"onnx": {"data": "none.onnx"}}, Reason.DATA_NOT_FOUND),
    ],
)
def test_hostile_mlmodel_files(flavors: Any, reason: Reason, tmp_path: Path) -> None:
    mlmodel(tmp_path, flavors)
    importing = wanted(["a"], "mlflow", uri="MLmodel").source.importing
    assert importing is not None
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with refused(reason):
        bring_model(importing, Settings(), scratch, tmp_path)


def test_a_pickle_in_an_mlflow_folder_is_refused_whatever_its_name(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    rows, names, columns = data_set(2)
    content = hostile.pickled(marker, 4)
    with refused(Reason.PICKLE_REFUSED):
        built(wanted(columns, "mlflow"), content, csv(rows, names, columns), tmp_path)
    assert not marker.exists()


def test_exactly_one_source() -> None:
    with pytest.raises(ValueError, match="exactly one"):
        BuildSpec.model_validate({"name": "press", "source": {}})
    spec = wanted(["a", "b"])
    assert spec.source.train.features.include == ("a", "b")
    assert BuildSpec.model_validate_json(spec.model_dump_json(by_alias=True, exclude_defaults=True)) == spec
    assert spec.source.train.data.uri == "data.csv"
