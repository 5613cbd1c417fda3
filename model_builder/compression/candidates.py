"""The models that the search tries: one set for all data.

A family is fitted once per fold; its variants are cheap to make of it. Rows with missing values are learned from as
they are, so no family needs an imputer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier

from model_builder.compression.ensemble import Ensemble, Pair, Rows, expand
from model_builder.compression.fitted import from_sklearn
from model_builder.compression.interactions import choose_pairs
from model_builder.compression.prune import cost_complexity, node_costs
from model_builder.compression.prune_trees import first_trees, greedy
from model_builder.compression.quantize import quantize_leaves

Codes = npt.NDArray[np.int64]

LOSSLESS = "lossless"
GREEDY_ROWS = 20_000
EXACT_BOOSTING_ROWS = 30_000
"""Up to so many rows boosting looks at every value; beyond, at 255 bins, whose quantiles cut the tails."""


@dataclass(frozen=True)
class Variant:
    """What is made of a family's ensemble.

    Attributes
    ----------
    trees
        Number of trees to keep.
    alpha
        Cost of a leaf, as a share of the impurity of all rows; 0 cuts nothing.
    bits
        Bits of a leaf's value; 0 leaves it a float.
    greedy
        Whether the trees are chosen one by one, those that together come nearest to the classes; else the first ones
        are kept. Of boosted trees only the first ones can be.
    """

    trees: int
    alpha: float
    bits: int
    greedy: bool = False

    def __str__(self) -> str:
        how = "best" if self.greedy else "first"
        cut = f", leaves cost {self.alpha:g} of the impurity" if self.alpha else ""
        return f"{how} {self.trees} trees{cut}" + (f", {self.bits}-bit leaves" if self.bits else "")

    def of(self, ensemble: Ensemble, rows: Rows, codes: Codes) -> Ensemble:
        """Make it. Rows and classes are those that the ensemble was fitted on."""
        if not self.greedy:
            ensemble = first_trees(ensemble, self.trees)
        if self.alpha:
            root = float(np.mean([node_costs(ensemble, tree)[0] for tree in ensemble.trees]))
            ensemble = cost_complexity(ensemble, self.alpha * root)
        if self.greedy and self.trees < len(ensemble.trees):
            ensemble = greedy(ensemble, rows[:GREEDY_ROWS], codes[:GREEDY_ROWS], self.trees)
        return quantize_leaves(ensemble, self.bits)[0] if self.bits else ensemble.simplified()


@dataclass(frozen=True)
class Family:
    """A way to fit, and the variants of what it gives."""

    name: str
    fit: Callable[[Rows, Codes, int], Any]
    variants: tuple[Variant, ...]
    pairs: bool = False

    def ensembles(
        self, rows: Rows, codes: Codes, seed: int, pairs: tuple[Pair, ...], wanted: set[Variant]
    ) -> Iterator[tuple[Variant, Ensemble]]:
        """Fit, and make the variants that are wanted."""
        own = pairs if self.pairs else ()
        fitted = from_sklearn(self.fit(_finite(expand(rows, own)), codes, seed))
        ensemble = replace(fitted, features=rows.shape[1], pairs=own)
        for variant in self.variants:
            if variant in wanted:
                yield variant, variant.of(ensemble, rows, codes)


def _finite(rows: Rows) -> Rows:
    """Put the largest float where a product is larger: no split stands between the two."""
    return np.nan_to_num(rows, nan=np.nan) if np.isinf(rows).any() else rows


_ALPHAS = (0.003, 0.0045, 0.0075, 0.015, 0.03)
_BAGS = tuple(Variant(trees, alpha, 4, greedy=True) for trees in (6, 8, 10, 12, 15, 20) for alpha in _ALPHAS)
_SMALL_BAGS = tuple(Variant(trees, alpha, 4, greedy=True) for trees in (3, 5, 8, 12) for alpha in _ALPHAS)
_BOOSTED = tuple(Variant(trees, 0.0, 8) for trees in (20, 40, 80))


def families(forest: Any, trees: int, interactions: bool) -> tuple[Family, ...]:  # noqa: ANN401
    """List the families.

    Parameters
    ----------
    forest
        The estimator that was given; it is cloned.
    trees
        Number of its trees.
    interactions
        Whether products and differences of columns may be computed in the graph.
    """
    shares = sorted({max(1, trees // part) for part in (1, 2, 4)})
    pruned = tuple(Variant(count, alpha, 8, greedy=True) for count in shares for alpha in (0.001, 0.003, 0.01))
    found = [
        Family("forest", lambda rows, codes, seed: refitted(forest, rows, codes, seed), pruned),
        Family("bag", _bag(30), _BAGS),
        Family("boosted-4", _boosted(4), _BOOSTED),
        Family("boosted-8", _boosted(8), _BOOSTED),
    ]
    if interactions:
        found += [
            Family("bag with pairs", _bag(20), _SMALL_BAGS, pairs=True),
            Family("boosted-4 with pairs", _boosted(4), _BOOSTED, pairs=True),
        ]
    return tuple(found)


def pairs_of(rows: Rows, codes: Codes, seed: int, wanted: tuple[Family, ...]) -> tuple[Pair, ...]:
    """Choose pairs, where a family wants them."""
    return choose_pairs(rows, codes, seed) if any(family.pairs for family in wanted) else ()


def refitted(forest: Any, rows: Rows, codes: Codes, seed: int) -> Any:  # noqa: ANN401
    """Fit a copy of an estimator with another seed."""
    fresh = clone(forest)
    seeds = {name: seed for name in fresh.get_params() if name.split("__")[-1] == "random_state"}
    return fresh.set_params(**seeds).fit(rows, codes)


def _bag(trees: int) -> Callable[[Rows, Codes, int], Any]:
    return lambda rows, codes, seed: RandomForestClassifier(
        trees, max_features=None, min_samples_leaf=2, random_state=seed, n_jobs=1
    ).fit(rows, codes)


def _boosted(leaves: int) -> Callable[[Rows, Codes, int], Any]:
    def fit(rows: Rows, codes: Codes, seed: int) -> Any:  # noqa: ANN401
        if len(rows) <= EXACT_BOOSTING_ROWS and not np.isnan(rows).any():
            exact = GradientBoostingClassifier(
                n_estimators=80, max_leaf_nodes=leaves, max_depth=None, subsample=0.7, random_state=seed
            )
            return exact.fit(rows, codes)
        binned = HistGradientBoostingClassifier(
            max_iter=80, max_leaf_nodes=leaves, early_stopping=False, random_state=seed
        )
        return binned.fit(rows, codes)

    return fit
