"""Which rows of a long file are kept: a uniform draw that does not depend on how the file is cut into batches.

Every row gets a pseudo-random key of the seed and its place in the file, and the rows with the smallest keys are kept
(bottom-k sampling; Cohen & Kaplan, "Summarizing data using bottom-k sketches", PODC 2007). The same file, seed and
number give the same rows, each class keeps its share, and no more than three times the wanted rows are ever held.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T", bound=np.generic)


class Chunks(Generic[T]):
    """Values gathered batch by batch."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._parts: list[npt.NDArray[T]] = []

    def add(self, values: npt.NDArray[T], kept: npt.NDArray[np.bool_] | None) -> None:
        """Add a batch, or what is kept of it."""
        self._parts.append(values if kept is None else values[kept])

    def prune(self, kept: npt.NDArray[np.bool_]) -> None:
        """Keep some of all values so far."""
        self._parts = [self.joined()[kept]]

    def clear(self) -> None:
        """Forget all values."""
        self._parts = []

    def joined(self) -> npt.NDArray[T]:
        """Give all values in one array."""
        if len(self._parts) != 1:
            self._parts = [np.concatenate(self._parts)] if self._parts else [np.empty(0, self._kind)]
        return self._parts[0]


class Sampler:
    """Keeps at most ``most`` rows."""

    def __init__(self, seed: int, most: int) -> None:
        self.seen = 0
        self._seed = seed
        self._most = most
        self._bound = np.uint64(2**64 - 1)
        self._keys = Chunks(np.uint64)
        self._held = 0

    def offer(self, count: int) -> npt.NDArray[np.bool_] | None:
        """Offer the next rows.

        Returns
        -------
        array or None
            Which of them to add, as booleans; None where it is all of them.
        """
        keys = row_keys(self._seed, self.seen, count)
        self.seen += count
        chosen = keys <= self._bound
        self._held += int(chosen.sum())
        self._keys.add(keys, chosen)
        return None if chosen.all() else chosen

    def surplus(self, last: bool = False) -> npt.NDArray[np.bool_] | None:
        """Tell which of all rows added so far to keep; None where it is all of them.

        Parameters
        ----------
        last
            No rows follow: keep no more than were wanted.
        """
        if self._held <= self._most * (1 if last else 2):
            return None
        keys = self._keys.joined()
        self._bound = np.partition(keys, self._most - 1)[self._most - 1]
        kept = keys <= self._bound
        self._keys.prune(kept)
        self._held = int(kept.sum())
        return kept


def row_keys(seed: int, first: int, count: int) -> npt.NDArray[np.uint64]:
    """Give the keys of consecutive rows (the mixing function of splitmix64, which maps no two rows to one key)."""
    with np.errstate(over="ignore"):
        offset = np.uint64(seed) * np.uint64(0xD1342543DE82EF95)
        state = (np.arange(first + 1, first + count + 1, dtype=np.uint64) + offset) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(state ^ (state >> np.uint64(31)))
