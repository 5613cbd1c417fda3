"""The stage of a build that gives the model file the output ``contributions``, and proves it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from model_builder.categories import Rows
from model_builder.compression.encode import Addition, encode, form_for
from model_builder.compression.ensemble import Ensemble, Link
from model_builder.contract import CONTRIBUTIONS
from model_builder.errors import BuilderError, Reason
from model_builder.explanation.games import Games, games_of
from model_builder.explanation.graph import contributions
from model_builder.explanation.players import indices_of, players_of
from model_builder.explanation.shapley import shapley_values
from model_builder.frontend import front_end
from model_builder.model_report import ContributionFacts
from model_builder.parity import TOLERANCE, Model, nan_is_worst
from model_builder.progress import Progress
from model_builder.report import canonical_json
from model_builder.spec import BuildSpec
from model_builder.stages import Fitted, Prepared

Floats = npt.NDArray[np.float64]

MOST_SLOTS = 10_000
"""Leaves times most players of a leaf: a batch of 1,024 rows then takes some 100 MB for a moment."""

MOST_CELLS = 2_000_000
"""Slots times subsets of players: what a server computes and keeps as it loads the file."""

DEFINED_ROWS = 300
"""Held-out rows whose values are computed a second time, by the definition; and each once more with values missing."""

SUMMED_ROWS = 20_000
"""Held-out rows whose values are added up at most."""


def with_contributions(spec: BuildSpec, prepared: Prepared, fitted: Fitted, progress: Progress) -> Fitted:
    """Write the model file with the output ``contributions``. All that it had stays as it is, to the last bit.

    Raises
    ------
    BuilderError
        ``ExplanationUnsupported`` where the model has no trees or too many, ``ParityFailed`` where the file takes a
        score apart otherwise than the definition does.
    """
    if fitted.small.ensemble is None:
        raise _unsupported(f"{fitted.origin or fitted.selected.name} has no trees", "a model without trees")
    ensemble, signature = fitted.small.ensemble.simplified(), fitted.signature
    categories = prepared.table.data.categories
    players = players_of(prepared.held_out_data.take(slice(0, 1)), signature.numeric, ensemble)
    of_features = indices_of(len(signature.numeric), categories, ensemble)
    games = games_of(ensemble, of_features)
    _check_size(games)
    facts = ContributionFacts(
        names=tuple(player.name for player in players),
        base=tuple(float(f"{value:.9g}") for value in games.base),
        unit="score" if ensemble.link is Link.IDENTITY else "log-odds",
        bytes=0,
    )

    def adding(written: Ensemble, matrix: str) -> Addition:
        told = {f"andon.{CONTRIBUTIONS}": canonical_json(facts.told()).decode()}
        return contributions(games, len(players), written.outputs, matrix, told)

    with progress.step("contributions", "Writing and proving the output contributions") as step:
        form, front = form_for(spec.runtime.onnxruntime), front_end(signature, categories)
        written = encode(ensemble, signature, form, front=front, adding=adding)
        model = Model(written, signature)
        facts = _proven(model, ensemble, prepared, of_features, facts)
        facts = facts.model_copy(update={"bytes": len(written) - len(fitted.exported.model)})
        step.done(f"{facts.bytes:,} bytes more, largest error {facts.max_error:.2g}", bytes=facts.bytes)
    return replace(fitted, exported=replace(fitted.exported, model=written), model=model, contributions=facts)


def _proven(
    model: Model, ensemble: Ensemble, prepared: Prepared, of_features: npt.NDArray[np.int64], facts: ContributionFacts
) -> ContributionFacts:
    rows = prepared.held_out_data
    some = _with_missing(rows.take(slice(0, DEFINED_ROWS)))
    expected = shapley_values(ensemble, some.matrix(), of_features).values
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    error = _largest(_by_class(model.contributions(some)) - expected.transpose(0, 2, 1))
    rows = rows.take(slice(0, SUMMED_ROWS)).and_then(some)
    added = _by_class(model.contributions(rows)).sum(axis=2) + np.array(facts.base)
    sum_error = _largest(added - ensemble.raw(rows.matrix()))
    if not max(error, sum_error) <= TOLERANCE * scale:
        raise BuilderError(
            Reason.PARITY_FAILED,
            "the model file takes scores apart otherwise than the definition does",
            found=f"contributions differ by up to {error:.3g}, their sums by up to {sum_error:.3g}",
            allowed=f"differences of at most {TOLERANCE * scale:g}",
            remedy="use another release of onnxruntime, or set validation.explain.perRow to false; report this as a "
            "defect",
        )
    return facts.model_copy(update={"rows": len(some), "max_error": error, "max_sum_error": sum_error})


def _with_missing(rows: Rows) -> Rows:
    """Add each row once more, with every third value missing, and every category unknown."""
    numeric = rows.numeric.copy()
    numeric.reshape(-1)[::3] = np.nan
    return rows.and_then(Rows(numeric, np.full_like(rows.codes, -1), rows.categories))


def _by_class(found: npt.NDArray[np.float32]) -> Floats:
    wide = found if found.ndim == 3 else found[:, np.newaxis]
    return wide.astype(np.float64)


def _largest(errors: Floats) -> float:
    return float(nan_is_worst(np.abs(errors)).max(initial=0.0))


def _check_size(games: Games) -> None:
    slots = games.leaves * games.slots
    cells = slots * 2**games.slots
    if slots > MOST_SLOTS or cells > MOST_CELLS:
        found = f"{games.leaves:,} leaves, of which one looks at {games.slots} columns"
        raise _unsupported("the model is too large to take every score apart as it answers", found)


def _unsupported(why: str, found: str) -> BuilderError:
    return BuilderError(
        Reason.EXPLANATION_UNSUPPORTED,
        f"the model cannot give the output contributions: {why}",
        found=found,
        allowed=f"trees with at most {MOST_SLOTS:,} leaves times columns of a leaf, times {MOST_CELLS // MOST_SLOTS} "
        "subsets of these",
        remedy="let compression.budget find a smaller model, or leave validation.explain.perRow out",
    )
