"""Columns of few texts: their values as codes, and the rows that a model is asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from model_builder.sampling import Chunks

MAX_CATEGORIES = 50
"""A column of more different texts is no category; every value is a feature of its own in the model."""

MAX_TEXT_CHARS = 128
COUNTED_VALUES = 10_000
UNKNOWN = -1
"""Code of a value that is missing or that the model has never seen. Both are answered alike."""


class TextValues:
    """The texts of a column as codes, as long as they are few."""

    def __init__(self) -> None:
        self.counted = 0
        self.distinct = 0
        self._codes = Chunks(np.int16)
        self._seen: dict[str, int] = {}
        self._few = True

    @property
    def few(self) -> bool:
        """Whether the column can be a category."""
        return self._few

    def add(self, texts: pa.Array, kept: npt.NDArray[np.bool_] | None) -> None:
        """Add a batch of strings, null where one is missing."""
        if not self._few and self.counted >= COUNTED_VALUES:
            return
        encoded = pc.dictionary_encode(texts)
        words = encoded.dictionary.to_pylist()
        for word in words:
            self._seen.setdefault(word, len(self._seen))
        if self.counted < COUNTED_VALUES:
            self.counted += len(texts) - texts.null_count
            self.distinct = len(self._seen)
        if not self._few:
            return
        if len(self._seen) > MAX_CATEGORIES or any(len(word) > MAX_TEXT_CHARS for word in words):
            self.give_up()
            return
        codes = np.array([self._seen[word] for word in words] + [UNKNOWN], np.int16)
        places = pc.fill_null(encoded.indices.cast(pa.int64()), len(words)).to_numpy(zero_copy_only=False)
        self._codes.add(codes[places], kept)

    def give_up(self) -> None:
        """Keep no codes: this is no column of few texts."""
        self._few = False
        self._codes.clear()

    def prune(self, kept: npt.NDArray[np.bool_]) -> None:
        """Keep some of the rows added so far."""
        if self._few:
            self._codes.prune(kept)

    def values(self) -> tuple[tuple[str, ...], npt.NDArray[np.int16]]:
        """Give the values in sorted order and every row's code; a value that no row has is left out."""
        codes = self._codes.joined()
        present = np.bincount(codes[codes >= 0], minlength=len(self._seen)) > 0
        names = sorted(word for word, code in self._seen.items() if present[code])
        translation = np.full(len(self._seen) + 1, UNKNOWN, np.int16)
        for index, name in enumerate(names):
            translation[self._seen[name]] = index
        return tuple(names), translation[codes]


@dataclass(frozen=True)
class Category:
    """A categorical column and the values that the model knows, in order."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows as a client sends them, and as an estimator sees them.

    Attributes
    ----------
    numeric
        Array of shape (rows, numeric columns), float32; NaN where a value is missing.
    codes
        Array of shape (rows, categorical columns): indices into the values of each category, or ``UNKNOWN``.
    categories
        The categorical columns.
    """

    numeric: npt.NDArray[np.float32]
    codes: npt.NDArray[np.int16]
    categories: tuple[Category, ...] = ()

    @classmethod
    def of_numbers(cls, numeric: npt.NDArray[np.float32]) -> Self:
        """Make rows without categories."""
        return cls(numeric, np.empty((len(numeric), 0), np.int16))

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.numeric)

    def take(self, which: npt.NDArray[np.int64] | npt.NDArray[np.bool_] | slice) -> Rows:
        """Give some of the rows."""
        return Rows(self.numeric[which], self.codes[which], self.categories)

    def and_then(self, other: Rows) -> Rows:
        """Give these rows and then the others."""
        return Rows(
            np.concatenate([self.numeric, other.numeric]), np.concatenate([self.codes, other.codes]), self.categories
        )

    def matrix(self) -> npt.NDArray[np.float32]:
        """Give what an estimator sees: the numbers, then a 0 or 1 for every value of every category.

        A value that is missing or unknown is all zeros.
        """
        parts = [self.numeric]
        for index, category in enumerate(self.categories):
            known = np.arange(len(category.values), dtype=np.int16)
            parts.append((self.codes[:, index, np.newaxis] == known).astype(np.float32))
        return np.concatenate(parts, axis=1) if len(parts) > 1 else self.numeric

    def texts(self) -> npt.NDArray[np.object_]:
        """Give the categories as texts, empty where a value is missing or unknown."""
        columns = [
            np.array([*category.values, ""], object)[self.codes[:, index]]
            for index, category in enumerate(self.categories)
        ]
        return np.stack(columns, axis=1) if columns else np.empty((len(self), 0), object)


def matrix_names(numeric: tuple[str, ...], categories: tuple[Category, ...]) -> tuple[str, ...]:
    """Name the columns of a matrix for people; two columns may share a name."""
    return numeric + tuple(f"{category.name} = {value}" for category in categories for value in category.values)
