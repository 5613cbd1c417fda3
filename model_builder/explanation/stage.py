"""The stage of a build that explains the model: each column's weight and direction, and the worst errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_builder.categories import Rows
from model_builder.compression.ensemble import Ensemble, Link
from model_builder.explanation.players import Player, indices_of, players_of
from model_builder.explanation.sentences import tell, tell_of_classes
from model_builder.explanation.shapley import leaves, shapley_values
from model_builder.explanation.shuffling import effects as shuffled_effects
from model_builder.explanation.shuffling import losses, measure_of
from model_builder.model_report import EffectFacts, ExplanationFacts, FeatureFacts, WorstError
from model_builder.parity import Answers, Model
from model_builder.progress import Progress
from model_builder.report import Signature

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ROWS = 500
FEWEST_ROWS = 50
MOST_VISITS = 5_000_000
"""Rows times leaves that are taken apart at most."""

MOST_LEAVES = 200_000
WORST = 5
TOLD = 3
DECIMALS = 6


@dataclass(frozen=True, eq=False)
class Explained:
    """The model to explain, and the held-out rows with what it says of them.

    Attributes
    ----------
    ensemble
        What is in the file; None where it is no ensemble of trees.
    numbers
        The rows' numbers in the data file, shape (rows,).
    """

    model: Model
    ensemble: Ensemble | None
    signature: Signature
    rows: Rows
    codes: Ints
    answers: Answers
    numbers: Ints


def explain(subject: Explained, seed: int, progress: Progress) -> ExplanationFacts:
    """Explain a model on held-out rows.

    Trees are taken apart exactly; of any other model, and of one of more than 200,000 leaves, each column's effect is
    the score less its mean over values that other rows have there.
    """
    ensemble = subject.ensemble
    if ensemble is not None and leaves(ensemble) > MOST_LEAVES:
        ensemble = None
    rows = _sample(len(subject.rows), 0 if ensemble is None else leaves(ensemble), seed)
    worst = _worst(subject)
    names = subject.signature.numeric
    with progress.step("explain", f"Explaining the model on {len(rows):,} held-out rows") as step:
        players = players_of(subject.rows.take(rows), names, ensemble)
        found = _effects(subject, ensemble, rows, seed)
        loss, error = losses(subject.model, subject.rows, subject.codes, subject.signature, seed)
        features = _features(players, found, loss, error, subject.signature)
        erring = _errors(subject, ensemble, worst, seed)
        first = features[0].name if features else ""
        step.done(f"{first} counts most")
    return ExplanationFacts(
        method="shuffling" if ensemble is None else "shapley",
        unit="log-odds" if ensemble is not None and ensemble.link is not Link.IDENTITY else "score",
        rows=len(rows),
        measure=measure_of(subject.signature),
        features=features,
        worst=erring,
    )


def _sample(count: int, leaf_count: int, seed: int) -> Ints:
    most = min(ROWS, max(FEWEST_ROWS, MOST_VISITS // max(leaf_count, 1)))
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.RandomState(seed % 2**32).permutation(count)[:most])


def _effects(subject: Explained, ensemble: Ensemble | None, which: Ints, seed: int) -> Floats:
    rows = subject.rows.take(which)
    if ensemble is None:
        return shuffled_effects(subject.model, rows, subject.rows, seed)
    players = indices_of(len(subject.signature.numeric), rows.categories, ensemble)
    return shapley_values(ensemble, rows.matrix(), players).values


def _features(
    players: tuple[Player, ...], found: Floats, loss: Floats, error: Floats, signature: Signature
) -> tuple[FeatureFacts, ...]:
    by_class = np.abs(found).mean(axis=0)
    weight = by_class.sum(axis=1)
    total = float(weight.sum())
    order = sorted(range(len(players)), key=lambda index: (-weight[index], players[index].name))
    facts = []
    for place, index in enumerate(order, 1):
        player = players[index]
        within = tuple(each.name for each in players if player.name in each.columns)
        if signature.threshold is None:
            strongest = signature.classes[int(by_class[index].argmax())]
            told = tell_of_classes(player, strongest, bool(weight[index] > 0), place, len(players), within)
        else:
            told = tell(player, found[:, index, 0], place, len(players), "the fault score", within)
        alone = index < len(loss)
        facts.append(
            FeatureFacts(
                name=player.name,
                columns=player.columns,
                importance=_rounded(weight[index]),
                share=_rounded(weight[index] / total) if total > 0 else 0.0,
                direction=told.direction,
                sentence=told.sentence,
                loss=_rounded(loss[index]) if alone else None,
                loss_error=_rounded(error[index]) if alone else None,
            )
        )
    return tuple(facts)


def _worst(subject: Explained) -> Ints:
    """Choose the errors that the model was surest of; for two classes, missed faults and false alarms alike."""
    scores, said, actual = subject.answers.scores.astype(np.float64), subject.answers.labels, subject.codes
    wrong = said != actual
    if subject.signature.threshold is None:
        given = scores[np.arange(len(actual)), actual]
        return np.array(_first(wrong, given, 2 * WORST), np.int64)
    missed = _first(wrong & (actual == 1), scores[:, 0], WORST)
    false = _first(wrong & (actual == 0), -scores[:, 0], WORST)
    return np.array([*missed, *false], np.int64)


def _first(those: npt.NDArray[np.bool_], by: Floats, most: int) -> list[int]:
    places = np.flatnonzero(those)
    return [int(place) for place in places[np.argsort(by[places], kind="stable")][:most]]


def _errors(subject: Explained, ensemble: Ensemble | None, worst: Ints, seed: int) -> tuple[WorstError, ...]:
    if len(worst) == 0:
        return ()
    players = players_of(subject.rows.take(worst), subject.signature.numeric, ensemble)
    found = _effects(subject, ensemble, worst, seed)
    signature, classes = subject.signature, subject.signature.classes
    facts = []
    for place, row in enumerate(worst):
        said = int(subject.answers.labels[row])
        output = 0 if signature.threshold is not None else said
        effects = found[place, :, output]
        order = sorted(range(len(players)), key=lambda index: (-abs(effects[index]), index))[:TOLD]
        facts.append(
            WorstError(
                row=int(subject.numbers[row]),
                actual=classes[subject.codes[row]],
                called=classes[said],
                score=_rounded(subject.answers.scores[row, output]),
                effects=tuple(
                    EffectFacts(
                        name=players[index].name, value=players[index].shown(place), effect=_rounded(effects[index])
                    )
                    for index in order
                    if effects[index] != 0
                ),
            )
        )
    return tuple(facts)


def _rounded(value: float | np.floating) -> float:
    return round(float(value), DECIMALS)
