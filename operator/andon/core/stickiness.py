"""What stickiness can and cannot split: whole assets, each to one version, so that few assets make coarse shares."""

import math
from dataclasses import dataclass

CONFIDENCE = 0.95
"""How sure one wants to be that the candidate has an asset at all."""


@dataclass(frozen=True)
class Split:
    """How many of some assets go to the candidate.

    An asset goes to the candidate with the chance of its weight, by the hash of its name; names are taken to be as
    good as random, so that the number is binomial.

    Attributes
    ----------
    assets
        How many assets send requests.
    percent
        The candidate's weight.
    """

    assets: int
    percent: int

    @property
    def expected(self) -> float:
        """How many assets the candidate has on average."""
        return self.assets * self.percent / 100

    @property
    def none(self) -> float:
        """The chance that it has none of them, and so gets no request of an asset."""
        return float((1 - self.percent / 100) ** self.assets)

    @property
    def enough(self) -> int:
        """The least weight, in per cent, at which it has one at least with a chance of `CONFIDENCE`."""
        least = 1 - float((1 - CONFIDENCE) ** (1 / self.assets))
        return min(100, math.ceil(100 * least))


def what_can_be_split(assets: int, percent: int) -> str:
    """Say in a sentence or two what a weight means where requests of one asset stay with one version.

    Parameters
    ----------
    assets
        How many assets have sent requests.
    percent
        The candidate's weight, from 1 to 99.

    Raises
    ------
    ValueError
        Where there cannot be so many assets, or such a weight.
    """
    if assets < 0 or not 0 < percent < 100:
        raise ValueError(f"{assets} assets at {percent}% is no split")
    if assets == 0:
        return f"No request names its asset: each is drawn by itself, {percent} of 100 go to the candidate."
    split = Split(assets, percent)
    counted = "1 asset" if assets == 1 else f"{assets} assets"
    average = f"{split.expected:.1f}".removesuffix(".0")
    whole = f"Assets are split whole: at {percent}% of {counted} the candidate has {average} on average"
    if split.none <= 1 - CONFIDENCE:
        return f"{whole}."
    chance = max(1, min(99, round(100 * split.none)))
    if assets == 1:
        return f"{whole}, and none with a chance of {chance}%: the only asset is with one version or the other."
    return f"{whole}, and none with a chance of {chance}%; from {split.enough}% on it has one at least, 19 times in 20."
