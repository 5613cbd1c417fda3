"""Level-wise pruning: one weight for every level of every tree, under a penalty that makes most of them zero.

What a tree says is the sum of the steps from each node on a row's way to the next. The weights of the steps are fitted
by logistic regression with an L1 penalty; a tree is cut below its last level with a weight, and the others are folded
into its leaves.

Source: Devos et al. 2025 (LOP, level-wise optimization and pruning).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from model_builder.compression.ensemble import Ensemble, Floats, Link, Rows, Tree, expand


def by_levels(ensemble: Ensemble, rows: Rows, codes: npt.NDArray[np.int64], strength: float, seed: int = 0) -> Ensemble:
    """Fit the weights on rows and classes (two), and cut.

    Parameters
    ----------
    strength
        Inverse of the penalty: smaller cuts more.

    Returns
    -------
    Ensemble
        Adds up to a margin and ends in a sigmoid, whatever the link before.
    """
    if ensemble.outputs != 1:
        raise ValueError("levels are pruned for two classes only")
    factor = len(ensemble.trees) if ensemble.link is Link.IDENTITY else 1
    scaled = [replace(tree, value=tree.value * factor) for tree in ensemble.trees]
    expanded = expand(rows, ensemble.pairs)
    columns = [_steps(tree, expanded) for tree in scaled]
    model = LogisticRegression(
        C=strength, l1_ratio=1.0, solver="liblinear", random_state=seed, max_iter=200, intercept_scaling=10.0
    )
    steps = np.concatenate(columns, axis=1)
    # Of unit spread, so that the penalty does not depend on how large a trainer makes its leaves.
    spread = steps.std(axis=0)
    spread[spread == 0] = 1.0
    model.fit(steps / spread, codes)
    weights = model.coef_[0] / spread
    trees, start, base = [], 0, float(model.intercept_[0])
    for tree, own in zip(scaled, columns, strict=True):
        trees.append(_reweighed(tree, weights[start : start + own.shape[1]]))
        start += own.shape[1]
    return replace(ensemble, trees=tuple(trees), base=np.array([base]), link=Link.SIGMOID).simplified()


def _parents(tree: Tree) -> npt.NDArray[np.int64]:
    parent = np.zeros(len(tree.feature), np.int64)
    for node in np.flatnonzero(~tree.is_leaf):
        parent[tree.left[node]] = parent[tree.right[node]] = node
    return parent


def _steps(tree: Tree, rows: Rows) -> Floats:
    """Array of shape (rows, depth): by how much the value changes from each level to the next."""
    parent, depth = _parents(tree), tree.depths()
    steps = np.zeros((len(tree.feature), int(depth.max())))
    for node in range(1, len(tree.feature)):
        steps[node] = steps[parent[node]]
        steps[node, depth[node] - 1] = tree.value[node, 0] - tree.value[parent[node], 0]
    return steps[tree.apply(rows)]


def _reweighed(tree: Tree, weights: Floats) -> Tree:
    parent, depth = _parents(tree), tree.depths()
    value = np.zeros_like(tree.value)
    for node in range(1, len(tree.feature)):
        step = tree.value[node] - tree.value[parent[node]]
        value[node] = value[parent[node]] + weights[depth[node] - 1] * step
    used = np.flatnonzero(weights)
    last = int(used[-1]) + 1 if len(used) else 0
    return replace(tree, value=value).collapsed(depth == last)
