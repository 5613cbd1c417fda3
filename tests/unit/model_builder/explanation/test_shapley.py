"""Shapley values are those of the definition, for every kind of ensemble, and say what the trees say."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from model_builder.compression.ensemble import LEAF, Combine, Ensemble, Floats, Pair, Tree, expand
from model_builder.compression.fitted import from_sklearn
from model_builder.explanation.shapley import shapley_values
from tests.support.ensembles import ESTIMATORS, rows_with_holes, sample


def known_only(tree: Tree, row: Floats, known: frozenset[int], players: list[int], node: int = 0) -> Floats:
    """Say what a tree says when only some players are known: elsewhere both branches count, by cover."""
    if tree.feature[node] == LEAF:
        return np.asarray(tree.value[node])
    left, right = int(tree.left[node]), int(tree.right[node])
    value = row[tree.feature[node]]
    if players[tree.feature[node]] in known:
        goes_left = tree.missing_left[node] if np.isnan(value) else value <= tree.threshold[node]
        return known_only(tree, row, known, players, left if goes_left else right)
    cover = tree.cover[left] + tree.cover[right]
    share = tree.cover[left] / cover if cover > 0 else 0.5
    one, other = (known_only(tree, row, known, players, each) for each in (left, right))
    return np.asarray(share * one + (1 - share) * other)


def by_definition(ensemble: Ensemble, row: Floats, players: list[int]) -> Floats:
    """Average what each player adds over every order in which the players could come."""
    everyone = sorted(set(players))
    row = expand(row[None].astype(np.float32), ensemble.pairs)[0]

    def said(known: frozenset[int]) -> Floats:
        return np.asarray(sum((known_only(tree, row, known, players) for tree in ensemble.trees), ensemble.base * 0.0))

    found = np.zeros((len(everyone), ensemble.outputs))
    for player in everyone:
        others = [each for each in everyone if each != player]
        for size in range(len(others) + 1):
            weight = math.factorial(size) * math.factorial(len(others) - size) / math.factorial(len(everyone))
            for some in itertools.combinations(others, size):
                found[player] += weight * (said(frozenset((*some, player))) - said(frozenset(some)))
    return found


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", sorted(ESTIMATORS))
def test_the_values_are_those_of_the_definition(kind: str, classes: int) -> None:
    drawn = sample(kind, classes, seed=11 + classes, missing=True)
    ensemble = from_sklearn(drawn.estimator)
    rows = drawn.features[:4] if kind == "gradientBoosting" else rows_with_holes(drawn.features[:3], seed=2)
    players = list(range(ensemble.features))
    found = shapley_values(ensemble, rows, np.array(players, np.int64))
    for row, values in zip(rows, found.values, strict=True):
        np.testing.assert_allclose(values, by_definition(ensemble, row, players), atol=1e-9)


def test_columns_of_one_category_are_one_player_and_computed_ones_their_own() -> None:
    drawn = sample("randomForest", 2, seed=7, missing=False)
    pairs = (Pair(Combine.PRODUCT, 0, drawn.features.shape[1] - 1),)
    plain = from_sklearn(drawn.estimator)
    trees = tuple(
        replace(tree, feature=np.where(tree.feature == 0, plain.features, tree.feature)) for tree in plain.trees
    )
    ensemble = replace(plain, trees=trees, pairs=pairs)
    players = [0 if feature < 2 else feature - 1 for feature in range(plain.features)]
    players.append(max(players) + 1)
    found = shapley_values(ensemble, drawn.features[:4], np.array(players, np.int64))
    for row, values in zip(drawn.features[:4], found.values, strict=True):
        np.testing.assert_allclose(values, by_definition(ensemble, row, players), atol=1e-9)


@pytest.mark.parametrize("kind", sorted(ESTIMATORS))
def test_the_values_add_up_to_what_the_trees_say(kind: str) -> None:
    drawn = sample(kind, 3, seed=5, missing=False)
    ensemble = from_sklearn(drawn.estimator)
    found = shapley_values(ensemble, drawn.features, np.arange(ensemble.features))
    np.testing.assert_allclose(found.values.sum(axis=1) + found.expected, ensemble.raw(drawn.features), atol=1e-9)


def test_a_tree_of_one_leaf_has_no_reasons() -> None:
    ensemble = replace(
        from_sklearn(sample("decisionTree", 2, 1, missing=False).estimator), trees=(Tree.constant(np.array([0.25])),)
    )
    found = shapley_values(ensemble, np.zeros((3, ensemble.features), np.float32), np.arange(ensemble.features))
    assert not found.values.any()
    assert found.expected == ensemble.base + 0.25
