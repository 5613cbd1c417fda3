"""Says in a sentence for plant staff what a column does to the score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from model_builder.explanation.players import Player

Floats = npt.NDArray[np.float64]
Direction = Literal["raises", "lowers", "extremes", "middle", "mixed", "texts", "none"]

CLEAR = 0.7
"""Share of the rows whose score is raised most that must lie in one third of the range for a direction to be told."""


@dataclass(frozen=True)
class Told:
    """The direction of a column's effect, and the sentence."""

    direction: Direction
    sentence: str


def tell(player: Player, effects: Floats, place: int, of: int, what: str, within: tuple[str, ...] = ()) -> Told:
    """Put a column's effects into words.

    Parameters
    ----------
    effects
        Array of shape (rows,): what it adds to the score of each row.
    place, of
        How strong it is: the ``place``-th of ``of``, from one.
    what
        What is raised or lowered, such as "the fault score".
    within
        The computed quantities that the column is part of.
    """
    if not np.abs(effects).max(initial=0.0) > 0:
        return Told("none", _unused(player, within))
    rank = f"the strongest of {of}" if place == 1 else f"number {place} of {of}"
    if player.texts:
        return Told("texts", f"{_texts(player, effects, what)}; {rank}.")
    direction = _direction(player.values, effects)
    said = {
        "raises": f"Higher {player.name} raises {what}",
        "lowers": f"Higher {player.name} lowers {what}",
        "extremes": f"Both low and high {player.name} raise {what}",
        "middle": f"{player.name} in the middle of its range raises {what}",
        "mixed": f"{player.name} raises or lowers {what} together with other columns",
    }[direction]
    return Told(direction, f"{said}; {rank}.")


def tell_of_classes(
    player: Player, strongest: str, used: bool, place: int, of: int, within: tuple[str, ...] = ()
) -> Told:
    """Say for several classes for which of them a column counts most."""
    if not used:
        return Told("none", _unused(player, within))
    rank = f"the strongest of {of}" if place == 1 else f"number {place} of {of}"
    return Told("mixed", f"{player.name} tells most about {strongest}; {rank}.")


def _direction(values: Floats, effects: Floats) -> Literal["raises", "lowers", "extremes", "middle", "mixed"]:
    """Look at the twentieth of the rows whose score is raised most: where in the column's range do they lie?"""
    known = ~np.isnan(values)
    values, effects = values[known], effects[known]
    if len(values) < 3 or values.min() == values.max():
        return "mixed"
    raised = (effects >= np.quantile(effects, 0.95)) & (effects > 0)
    if not raised.any() or raised.all():
        return "mixed"
    third, two_thirds = np.quantile(values, [1 / 3, 2 / 3])
    low, high = float((values[raised] <= third).mean()), float((values[raised] >= two_thirds).mean())
    if max(low, high) >= CLEAR:
        return "raises" if high > low else "lowers"
    if min(low, high) >= (1 - CLEAR) / 2 and low + high >= CLEAR:
        return "extremes"
    return "middle" if low + high <= 1 - CLEAR else "mixed"


def _unused(player: Player, within: tuple[str, ...]) -> str:
    if within:
        return f"The model looks at {player.name} only within {' and '.join(within)}."
    return f"The model does not look at {player.name}."


def _texts(player: Player, effects: Floats, what: str) -> str:
    means = {
        text: float(effects[player.values == code].mean())
        for code, text in enumerate(player.texts)
        if (player.values == code).any()
    }
    if not means:
        return f"{player.name} was missing in every row looked at"
    up = max(means, key=lambda text: (means[text], text))
    down = min(means, key=lambda text: (means[text], text))
    if means[up] == means[down] or up == down:
        return f"{player.name} changes {what} little"
    return f"Of {player.name}, {up} raises {what} most and {down} lowers it most"
