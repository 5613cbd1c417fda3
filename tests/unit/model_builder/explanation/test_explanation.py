"""What a build says of its model's reasons is so: strongest first, in the right direction, errors that are errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_builder.build import Built, build
from model_builder.explanation.players import Player
from model_builder.explanation.sentences import tell, tell_of_classes
from model_builder.progress import Silent
from tests.support.builder import local, spec


def machine(rows: int = 600, seed: int = 3, classes: int = 2) -> str:
    """Draw rows whose fault follows from heat and, the other way, from oil; noise tells nothing, kind a little."""
    random = np.random.RandomState(seed)
    heat, oil, noise = random.normal(size=(3, rows)).round(3)
    kind = random.choice(["L", "M", "H"], rows)
    risk = 2.0 * heat - 1.0 * oil + (kind == "L") * 0.5 + random.normal(0, 0.4, rows)
    codes = np.digitize(risk, [1.2] if classes == 2 else [-1.0, 1.2])
    lines = [",".join(map(str, cells)) for cells in zip(noise, oil, heat, kind, codes, strict=True)]
    return "\n".join(["noise,oil,heat,kind,fault", *lines]) + "\n"


def explained(folder: Path, content: str, **more: Any) -> Built:
    return build(spec(**more), local(folder, content), folder / "out", Silent())


@pytest.mark.parametrize("estimator", ["randomForest", "histGradientBoosting", "logisticRegression", "mlp"])
def test_the_strongest_column_comes_first_and_in_its_direction(tmp_path: Path, estimator: str) -> None:
    more: dict[str, Any] = {"estimators": [estimator]}
    if estimator != "randomForest":
        more["params"] = {}
    built = explained(tmp_path, machine(), **more)
    facts = built.model.explanation
    assert facts is not None
    assert facts.method == ("shapley" if "o" in estimator and estimator[0] in "rh" else "shuffling")
    assert facts.unit == ("log-odds" if estimator == "histGradientBoosting" else "score")
    first, second = facts.features[:2]
    assert (first.name, first.direction) == ("heat", "raises")
    assert first.sentence == "Higher heat raises the fault score; the strongest of 4."
    assert (second.name, second.direction) == ("oil", "lowers")
    assert sum(each.share for each in facts.features) == pytest.approx(1, abs=1e-5)
    lost = {each.name: each.loss or 0 for each in facts.features}
    assert lost["heat"] > lost["oil"] > lost["noise"]
    assert any(each.sentence.startswith("Of kind, L raises") for each in facts.features)


def test_errors_are_errors_of_the_model_with_their_rows(tmp_path: Path) -> None:
    content = machine()
    built = explained(tmp_path, content)
    facts = built.model.explanation
    assert facts is not None
    assert facts.worst
    lines = content.splitlines()
    threshold = built.model.signature.threshold or 0
    wrong = sum(built.model.confusion_matrix[0][1:]) + built.model.confusion_matrix[1][0]
    assert len(facts.worst) <= wrong
    for error in facts.worst:
        cells = dict(zip(lines[0].split(","), lines[error.row - 1].split(","), strict=True))
        assert cells["fault"] == error.actual != error.called
        assert (error.score >= threshold) == (error.called == "1")
        for effect in error.effects:
            told = cells[effect.name]
            assert effect.value == told or float(effect.value) == pytest.approx(float(told), rel=1e-5)


def test_several_classes_are_told_by_the_class_that_a_column_tells_of(tmp_path: Path) -> None:
    built = explained(tmp_path, machine(classes=3))
    facts = built.model.explanation
    assert facts is not None
    assert facts.measure == "macroF1"
    assert facts.features[0].name == "heat"
    assert facts.features[0].sentence.startswith("heat tells most about ")
    assert all(each.actual != each.called for each in facts.worst)


def test_no_explanation_where_none_is_wanted_and_the_same_model(tmp_path: Path) -> None:
    asked = spec()
    validation = asked.validation.model_validate({"explain": {"enabled": False}})
    data = local(tmp_path, machine())
    silent = build(asked.model_copy(update={"validation": validation}), data, tmp_path / "silent", Silent())
    told = build(asked, data, tmp_path / "told", Silent())
    assert silent.model.explanation is None
    assert told.model.explanation is not None
    model = Path("repository/spindle/1/model.onnx")
    assert (tmp_path / "silent" / model).read_bytes() == (tmp_path / "told" / model).read_bytes()


@pytest.mark.parametrize(
    ("effect", "direction", "words"),
    [
        (lambda v: v, "raises", "Higher torque raises the fault score"),
        (lambda v: -(v**3), "lowers", "Higher torque lowers the fault score"),
        (lambda v: (np.abs(v) > 1.5) - 0.2, "extremes", "Both low and high torque raise the fault score"),
        (lambda v: (np.abs(v) < 0.2) - 0.2, "middle", "torque in the middle of its range raises the fault score"),
        (lambda v: np.sin(40 * v), "mixed", "torque raises or lowers the fault score together with other columns"),
        (lambda v: v * 0, "none", "The model looks at torque only within torque x speed"),
        (lambda v: (v > 1.9) - 0.05, "raises", "Higher torque raises the fault score"),
    ],
)
def test_directions_in_words(effect: Any, direction: str, words: str) -> None:
    values = np.linspace(-2, 2, 401)
    values[7] = np.nan
    told = tell(Player("torque", values), np.nan_to_num(effect(values)), 2, 6, "the fault score", ("torque x speed",))
    assert told.direction == direction
    assert told.sentence == (f"{words}." if direction == "none" else f"{words}; number 2 of 6.")


def test_texts_in_words() -> None:
    player = Player("kind", np.array([0.0, 1, 1, 2, -1]), ("L", "M", "H"))
    told = tell(player, np.array([0.3, 0.1, -0.1, -0.2, 0.0]), 1, 3, "the fault score")
    assert told.sentence == "Of kind, L raises the fault score most and H lowers it most; the strongest of 3."
    flat = tell(player, np.array([0.1, 0.1, 0.1, 0.1, 0.1]), 1, 3, "the fault score")
    assert flat.sentence == "kind changes the fault score little; the strongest of 3."
    unused = tell_of_classes(player, "worn", used=False, place=3, of=3)
    assert unused.sentence == "The model does not look at kind."
