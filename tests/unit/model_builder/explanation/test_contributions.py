"""The output ``contributions`` of a model file: exact Shapley values by the graph alone, and nothing else changed."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from benchmarks.real_data import data_file
from model_builder import contributing
from model_builder.build import Built, build
from model_builder.categories import Category, Rows
from model_builder.compression.encode import REGRESSOR, TREE_ENSEMBLE, Addition, Form, encode
from model_builder.compression.ensemble import Ensemble
from model_builder.compression.fitted import from_sklearn
from model_builder.contract import CONTRIBUTIONS
from model_builder.errors import BuilderError, Reason
from model_builder.explanation.games import games_of
from model_builder.explanation.graph import contributions
from model_builder.explanation.players import indices_of
from model_builder.explanation.shapley import shapley_values
from model_builder.frontend import front_end
from model_builder.parity import Model
from model_builder.progress import Silent
from model_builder.report import Signature
from model_builder.runtime import open_session
from model_builder.spec import BuildSpec
from model_builder.validating import open_artifact, replay
from tests.support.builder import local, refused, spec
from tests.support.ensembles import ESTIMATORS, rows_beside_thresholds, rows_with_holes, sample
from tests.support.exported import binary, several, with_pairs

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def adding(players: Ints, written: Ensemble, matrix: str) -> Addition:
    games = games_of(written, players)
    return contributions(games, int(players.max()) + 1, written.outputs, matrix, {"andon.contributions": "{}"})


def check(ensemble: Ensemble, signature: Signature, rows: Rows, players: Ints, form: Form) -> None:
    """Hold a file's output against Shapley's definition, and the rest of its outputs against the file without it."""
    ensemble = ensemble.simplified()
    front = front_end(signature, rows.categories)
    plain = Model(encode(ensemble, signature, form, front=front), signature)
    model = Model(encode(ensemble, signature, form, front=front, adding=partial(adding, players)), signature)
    assert (plain.explains, model.explains) == (False, True)
    before, after = plain.answer(rows), model.answer(rows)
    assert before.scores.tobytes() == after.scores.tobytes()
    assert before.labels.tobytes() == after.labels.tobytes()
    found = model.contributions(rows)
    assert found.dtype == np.float32
    by_class = found if found.ndim == 3 else found[:, np.newaxis]
    expected = shapley_values(ensemble, rows.matrix(), players)
    scale = max(1.0, float(np.abs(expected.values).max()))
    np.testing.assert_allclose(by_class.transpose(0, 2, 1), expected.values, atol=2e-6 * scale)
    base = games_of(ensemble, players).base
    np.testing.assert_allclose(base, expected.expected, atol=1e-6)
    np.testing.assert_allclose(by_class.sum(axis=2) + base, ensemble.raw(rows.matrix()), atol=2e-6 * scale)


@pytest.mark.parametrize("form", [TREE_ENSEMBLE, REGRESSOR], ids=lambda form: form.name)
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", sorted(set(ESTIMATORS) - {"leafOnly"}))
def test_every_kind_of_trees_is_taken_apart_by_its_file(kind: str, classes: int, form: Form) -> None:
    drawn = sample(kind, classes, seed=21 + classes, missing=True)
    ensemble = from_sklearn(drawn.estimator)
    base = np.nan_to_num(drawn.features)
    rows = np.concatenate([base[:40], rows_with_holes(base[:40], 3), rows_beside_thresholds(ensemble, base, 40)])
    rows[0, 0], rows[1, 0] = np.inf, -np.inf
    check(ensemble, drawn.signature, Rows.of_numbers(rows), np.arange(ensemble.features), form)


@pytest.mark.parametrize("form", [TREE_ENSEMBLE, REGRESSOR], ids=lambda form: form.name)
def test_a_category_is_one_column_and_what_is_computed_from_two_its_own(form: Form) -> None:
    made = with_pairs()
    ensemble = made.source.ensemble
    assert isinstance(ensemble, Ensemble)
    ensemble = ensemble.simplified()
    players = indices_of(2, made.source.categories, ensemble)
    check(ensemble, made.source.signature, made.rows, players, form)


def test_several_values_of_one_category_on_one_path() -> None:
    random = np.random.RandomState(4)
    category = Category("kind", ("a", "b", "c", "d"))
    codes = random.randint(-1, 4, (400, 1)).astype(np.int16)
    rows = Rows(random.normal(size=(400, 1)).astype(np.float32), codes, (category,))
    faults = (np.isin(codes[:, 0], (1, 3)) ^ (rows.numeric[:, 0] > 0.3)).astype(int)
    ensemble = from_sklearn(RandomForestClassifier(5, max_features=None, random_state=1).fit(rows.matrix(), faults))
    signature = Signature.of(("heat",), ("0", "1"), 0.5, ("kind",))
    players = indices_of(1, (category,), ensemble)
    assert len(games_of(ensemble.simplified(), players).asks) > 1
    check(ensemble, signature, rows, players, TREE_ENSEMBLE)


@pytest.mark.parametrize("data", ["two classes", "several classes"])
@pytest.mark.parametrize("kind", ["bag", "boosted"])
def test_compressed_models_of_machines(kind: str, data: str) -> None:
    given = binary() if data == "two classes" else several()
    random = np.random.RandomState(5)
    features = np.where(random.random_sample(given.rows.shape) < 0.05, np.float32(np.nan), given.rows)
    estimator: Any = RandomForestClassifier(10, max_features=None, max_depth=6, ccp_alpha=5e-4, random_state=3)
    if kind == "boosted":
        estimator = HistGradientBoostingClassifier(max_iter=12, max_leaf_nodes=6, early_stopping=False, random_state=3)
    ensemble = from_sklearn(estimator.fit(features, given.codes))
    names = tuple(f"sensor {index}" for index in range(features.shape[1]))
    classes = tuple(f"class {index}" for index in range(given.classes))
    signature = Signature.of(names, classes, 0.4 if given.classes == 2 else None)
    check(ensemble, signature, Rows.of_numbers(features[:300]), np.arange(len(names)), TREE_ENSEMBLE)


def asked(explain: dict[str, Any], **more: Any) -> BuildSpec:
    given = spec(**more)
    return given.model_copy(update={"validation": given.validation.model_validate({"explain": explain})})


def machine(classes: int = 2) -> str:
    random = np.random.RandomState(3)
    heat, oil = random.normal(size=(2, 500)).round(3)
    kind = random.choice(["L", "M", "H", ""], 500)
    risk = 2.0 * heat - oil + (kind == "L") * 0.7 + random.normal(0, 0.4, 500)
    holes = random.random_sample(500) < 0.05
    codes = np.digitize(risk, [1.2] if classes == 2 else [-1.0, 1.2])
    lines = [f"{'' if h else a},{b},{c},{d}" for h, a, b, c, d in zip(holes, heat, oil, kind, codes, strict=True)]
    return "\n".join(["heat,oil,kind,fault", *lines]) + "\n"


def built_with(folder: Path, explain: dict[str, Any], content: str, **more: Any) -> Built:
    folder.mkdir()
    return build(asked(explain, **more), local(folder, content), folder / "out", Silent())


@pytest.mark.parametrize("classes", [2, 3])
def test_a_build_gives_and_proves_the_output_where_it_is_asked_for(tmp_path: Path, classes: int) -> None:
    content = machine(classes)
    off = built_with(tmp_path / "off", {}, content)
    on = built_with(tmp_path / "on", {"perRow": True}, content)
    facts = on.model.contributions
    assert off.model.contributions is None
    assert facts is not None
    assert facts.names == ("heat", "oil", "kind")
    assert len(facts.base) == (1 if classes == 2 else 3)
    assert facts.bytes == on.model.bytes - off.model.bytes > 0
    assert facts.max_error < 1e-6
    assert facts.max_sum_error < 1e-6
    assert on.model.signature == off.model.signature
    for name in ("holdout.csv", "baseline.json"):
        assert (tmp_path / "on/out" / name).read_bytes() == (tmp_path / "off/out" / name).read_bytes()

    golden = {each: json.loads((tmp_path / each / "out/golden.json").read_bytes()) for each in ("on", "off")}
    parts = np.array(golden["on"]["outputs"].pop(CONTRIBUTIONS))
    assert golden["on"] == golden["off"]
    said = golden["on"]["outputs"]["score"] if classes == 2 else golden["on"]["outputs"]["probabilities"]
    base = facts.base[0] if classes == 2 else np.array(facts.base)
    np.testing.assert_allclose(parts.sum(axis=-1) + base, np.array(said), atol=1e-6)

    opened = open_artifact(tmp_path / "on/out")
    assert replay(opened) == len(parts)
    card = (tmp_path / "on/out/card.md").read_text()
    assert "in the order `heat`, `oil`, `kind`" in card
    assert "contributions" not in (tmp_path / "off/out/card.md").read_text()
    config = (tmp_path / "on/out/repository/spindle/config.pbtxt").read_text()
    assert f"dims: [ {'3' if classes == 2 else '3, 3'} ]" in config.partition('name: "contributions"')[2]
    session = open_session((tmp_path / "on/out/repository/spindle/1/model.onnx").read_bytes())
    told = json.loads(session.get_modelmeta().custom_metadata_map["andon.contributions"])
    assert told == {"names": list(facts.names), "base": list(facts.base), "unit": "score", "method": "shapley"}


def test_a_changed_contribution_is_found_by_a_replay(tmp_path: Path) -> None:
    built_with(tmp_path / "on", {"perRow": True}, machine())
    opened = open_artifact(tmp_path / "on/out")
    opened.golden["outputs"][CONTRIBUTIONS][4][1] += 1e-3
    with pytest.raises(BuilderError) as caught:
        replay(opened)
    assert caught.value.reason is Reason.GOLDEN_SAMPLES_DIFFER


def test_the_same_build_gives_the_same_file(tmp_path: Path) -> None:
    one, two = (built_with(tmp_path / name, {"perRow": True}, machine()) for name in ("one", "two"))
    assert one.artifact.digest == two.artifact.digest


def test_boosted_trees_tell_log_odds(tmp_path: Path) -> None:
    params = {"histGradientBoosting": {"max_iter": 10, "max_leaf_nodes": 6}}
    on = built_with(tmp_path / "on", {"perRow": True}, machine(), estimators=["histGradientBoosting"], params=params)
    assert on.model.contributions is not None
    assert on.model.contributions.unit == "log-odds"


@pytest.mark.parametrize("estimator", ["logisticRegression", "mlp"])
def test_a_model_without_trees_is_refused(tmp_path: Path, estimator: str) -> None:
    with refused(Reason.EXPLANATION_UNSUPPORTED, "has no trees", estimator):
        built_with(tmp_path / "on", {"perRow": True}, machine(), estimators=[estimator], params={})


def test_a_forest_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contributing, "MOST_SLOTS", 100)
    with refused(Reason.EXPLANATION_UNSUPPORTED, "too large", "leaves, of which one looks at 3 columns"):
        built_with(tmp_path / "on", {"perRow": True}, machine())


def test_a_file_that_takes_scores_apart_wrongly_is_never_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(ensemble: Ensemble, players: Ints) -> Any:
        games = games_of(ensemble, players)
        return replace(games, values=games.values * 1.001)

    monkeypatch.setattr(contributing, "games_of", wrong)
    with refused(Reason.PARITY_FAILED, "takes scores apart otherwise"):
        built_with(tmp_path / "on", {"perRow": True}, machine())


@pytest.mark.skipif(data_file("ai4i2020/ai4i2020.csv") is None, reason="the real data of AI4I 2020 is not at hand")
def test_the_real_machine_with_its_category(tmp_path: Path) -> None:
    source = data_file("ai4i2020/ai4i2020.csv")
    assert source is not None
    compression = {"prune": {"by": "costComplexity", "keep": "0.1"}}
    given = asked(
        {"perRow": True},
        target="Machine failure",
        features={"exclude": ["UDI", "Product ID", "TWF", "HDF", "PWF", "OSF", "RNF"]},
    )
    given = BuildSpec.model_validate({**given.model_dump(by_alias=True), "compression": compression})
    built = build(given, local(tmp_path, source.read_bytes()), tmp_path / "out", Silent())
    assert built.model.contributions is not None
    assert built.model.contributions.names[-1] == "Type"
    assert built.model.contributions.max_error < 1e-6
    assert built.model.contributions.max_sum_error < 1e-6
