"""The models that the search tries: one set for all data.

A family is fitted once per fold; its variants are cheap to make of it. Rows with missing values are learned from as
they are, so no family needs an imputer.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier

from model_builder.compression.boosting import Boosting
from model_builder.compression.distill import Lesson
from model_builder.compression.ensemble import Ensemble, Pair, Rows, expand
from model_builder.compression.fitted import from_sklearn
from model_builder.compression.interactions import choose_pairs
from model_builder.compression.prune import cost_complexity, node_costs
from model_builder.compression.prune_trees import chosen_trees, first_trees, greedy, greedy_order
from model_builder.compression.quantize import quantize_leaves

Codes = npt.NDArray[np.int64]

LOSSLESS = "lossless"
GREEDY_ROWS = 20_000
MANY_COLUMNS = 12
"""With more columns a split of a bagged tree looks at half of them, which is faster and no worse."""

BAG_CELLS = 150_000
"""A bagged tree learns from no more cells than this: that saves time, and small trees lose little by it."""

MOST_LEAVES = 200
"""Of a bagged tree before it is cut: more than any cut leaves, and deep trees take long to grow."""


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
        ensemble = _cut(ensemble, self.alpha)
        if self.greedy and self.trees < len(ensemble.trees):
            ensemble = greedy(ensemble, rows[:GREEDY_ROWS], codes[:GREEDY_ROWS], self.trees)
        return _rounded(ensemble, self.bits)


@dataclass(frozen=True)
class Family:
    """A way to fit, and the variants of what it gives.

    Attributes
    ----------
    fit
        Fits rows and classes with a seed; None where the family is made of the forest.
    distil
        Fits what the forest says; None where the family is the forest itself, cut back, or fits the classes.
    pairs
        Whether products and differences of columns are added before.
    """

    name: str
    fit: Callable[[Rows, Codes, int], Any] | None
    variants: tuple[Variant, ...]
    pairs: bool = False
    distil: Callable[[Lesson], Ensemble] | None = None

    @property
    def is_forest(self) -> bool:
        """Whether its ensembles are parts of the forest's own trees."""
        return self.fit is None and self.distil is None

    def ensembles(
        self,
        rows: Rows,
        codes: Codes,
        seed: int,
        wanted: set[Variant],
        *,
        forest: Any = None,  # noqa: ANN401
        pairs: tuple[Pair, ...] = (),
        lesson: Lesson | None = None,
    ) -> Iterator[tuple[Variant, Ensemble]]:
        """Fit, and make the variants that are wanted.

        ``forest`` is the forest, fitted on the same rows, and ``lesson`` what it says.
        """
        own = pairs if self.pairs else ()
        if self.distil is not None:
            ensemble = self.distil(lesson or Lesson(forest, rows, seed))
        else:
            fitted = forest if self.fit is None else self.fit(_finite(expand(rows, own)), codes, seed)
            ensemble = replace(from_sklearn(fitted), features=rows.shape[1], pairs=own)
        yield from _made(ensemble, rows, codes, [variant for variant in self.variants if variant in wanted])


def _made(
    ensemble: Ensemble, rows: Rows, codes: Codes, variants: Sequence[Variant]
) -> Iterator[tuple[Variant, Ensemble]]:
    """Make variants as ``Variant.of`` does; those that differ in the number of trees only share the work."""
    by_cut = sorted((variant for variant in variants if variant.greedy), key=lambda variant: variant.alpha)
    for alpha, same in itertools.groupby(by_cut, key=lambda variant: variant.alpha):
        alike = list(same)
        cut = _cut(ensemble, alpha)
        most = max(variant.trees for variant in alike)
        order: list[int] = []
        for variant in alike:
            kept = cut
            if variant.trees < len(cut.trees):
                order = order or greedy_order(cut, rows[:GREEDY_ROWS], codes[:GREEDY_ROWS], most)
                kept = chosen_trees(cut, sorted(order[: variant.trees])).simplified()
            yield variant, _rounded(kept, variant.bits)
    for variant in variants:
        if not variant.greedy:
            yield variant, variant.of(ensemble, rows, codes)


def _cut(ensemble: Ensemble, alpha: float) -> Ensemble:
    if not alpha:
        return ensemble
    root = float(np.mean([node_costs(ensemble, tree)[0] for tree in ensemble.trees]))
    return cost_complexity(ensemble, alpha * root)


def _rounded(ensemble: Ensemble, bits: int) -> Ensemble:
    return quantize_leaves(ensemble, bits)[0] if bits else ensemble.simplified()


def _finite(rows: Rows) -> Rows:
    """Put the largest float where a product is larger: no split stands between the two."""
    return np.nan_to_num(rows, nan=np.nan) if np.isinf(rows).any() else rows


_ALPHAS = (0.003, 0.0045, 0.0075, 0.015, 0.03)
_BAGS = tuple(Variant(trees, alpha, 4, greedy=True) for trees in (6, 8, 10, 12, 16, 24) for alpha in _ALPHAS)
_SMALL_BAGS = tuple(Variant(trees, alpha, 4, greedy=True) for trees in (3, 5, 8, 12) for alpha in _ALPHAS)
_FAST = tuple(Variant(trees, 0.0, 5) for trees in (10, 20, 40))
_BOOSTED = tuple(Variant(trees, 0.0, 5) for trees in (20, 40, 80))


def families(trees: int, interactions: bool, *, binary: bool = True) -> tuple[Family, ...]:
    """List the families.

    Parameters
    ----------
    trees
        Number of the forest's trees.
    binary
        Whether there are two classes; of more, boosting on the classes was no worse than on the forest's scores.
    interactions
        Whether products and differences of columns may be computed in the graph.
    """
    shares = sorted({max(1, trees // part) for part in (2, 4, 8)})
    pruned = tuple(Variant(count, alpha, 8, greedy=True) for count in shares for alpha in (0.003, 0.01))
    pruned += (Variant(trees, 0.003, 8, greedy=True),)
    found = [
        Family("forest", None, pruned),
        Family("bag", _bag(40), _BAGS),
        Family("boosted-4", _boosted(4), _BOOSTED),
        Family("boosted-8", _boosted(8), _BOOSTED),
        Family("boosted-4, fast", _boosted(4, 40, rate=0.2), _FAST),
        Family("boosted-8, fast", _boosted(8, 40, rate=0.2), _FAST),
    ]
    if binary:
        found += [
            Family("distilled-4", None, _BOOSTED, distil=_distilled(4, 80, 0.15)),
            Family("distilled-8", None, _BOOSTED[1:], distil=_distilled(8, 80, 0.1)),
            Family("distilled-8, fast", None, _FAST, distil=_distilled(8, 40, 0.25)),
        ]
    if interactions:
        found += [
            Family("bag with pairs", _bag(20), _SMALL_BAGS, pairs=True),
            Family("boosted-4 with pairs", _boosted(4), _BOOSTED, pairs=True),
        ]
    return tuple(found)


def larger_families(trees: int, *, binary: bool = True) -> tuple[Family, ...]:
    """List the families for data that no small model does justice to; the parameters are those of ``families``."""
    shares = sorted({max(1, trees // part) for part in (1, 2, 4)})
    pruned = tuple(Variant(count, 0.001, 8, greedy=True) for count in shares)
    steps = tuple(Variant(count, 0.0, 8) for count in (40, 80, 160))
    found = (Family("forest, hardly cut", None, pruned), Family("boosted-16", _boosted(16, 160), steps))
    if not binary:
        return found
    return (*found, Family("distilled-16", None, steps, distil=_distilled(16, 160, 0.1)))


def pairs_of(rows: Rows, codes: Codes, seed: int, wanted: tuple[Family, ...]) -> tuple[Pair, ...]:
    """Choose pairs, where a family wants them."""
    return choose_pairs(rows, codes, seed) if any(family.pairs for family in wanted) else ()


def seeds_of(forest: Any) -> tuple[str, ...]:  # noqa: ANN401
    """Name the parameters that are seeds. Without one every fit on the same rows gives the same forest."""
    return tuple(name for name in forest.get_params() if name.split("__")[-1] == "random_state")


def refitted(forest: Any, rows: Rows, codes: Codes, seed: int) -> Any:  # noqa: ANN401
    """Fit a copy of an estimator with another seed."""
    return clone(forest).set_params(**dict.fromkeys(seeds_of(forest), seed)).fit(rows, codes)


def _bag(trees: int) -> Callable[[Rows, Codes, int], Any]:
    def fit(rows: Rows, codes: Codes, seed: int) -> Any:  # noqa: ANN401
        bag = RandomForestClassifier(
            trees,
            max_features=None if rows.shape[1] <= MANY_COLUMNS else 0.5,
            max_samples=None if rows.size <= BAG_CELLS else BAG_CELLS / rows.size,
            min_samples_leaf=2,
            max_leaf_nodes=MOST_LEAVES,
            random_state=seed,
            n_jobs=1,
        )
        return bag.fit(rows, codes)

    return fit


def _distilled(leaves: int, trees: int, rate: float) -> Callable[[Lesson], Ensemble]:
    return lambda lesson: lesson.distilled(leaves=leaves, trees=trees, rate=rate)


def _boosted(leaves: int, trees: int = 80, rate: float = 0.1) -> Callable[[Rows, Codes, int], Any]:
    return Boosting(leaves, trees, rate).of_classes
