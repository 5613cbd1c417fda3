"""Tells apart columns worth learning from and those that number the rows, never change or repeat another one."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from model_builder.categories import Rows
from model_builder.errors import BuilderError, Reason, shown
from model_builder.files import LeftOut
from model_builder.reading import NumberFacts, Table

IDENTIFIER, CONSTANT = "identifier", "constant"
NEARLY = 0.95
"""Share of different values from which on a column is taken for one value per row."""

MIN_ROWS = 20
"""With fewer rows it is no surprise that all numbers differ."""

_EXACT_IN_FLOAT32 = 2**24
_WORDS = frozenset(
    {"id", "ids", "udi", "uid", "uuid", "guid", "index", "idx", "key", "nr", "no", "number", "num", "row", "rowid"}
    | {"rownumber", "serial", "serialnumber", "sn"}
)


@dataclass(frozen=True)
class Screened:
    """A table without useless columns, and what people should know of it."""

    table: Table
    notes: tuple[str, ...]


def screen(table: Table) -> Screened:
    """Leave out identifiers, constants and copies, unless the spec names the columns to use.

    Raises
    ------
    BuilderError
        ``NoFeatures`` where nothing is left.
    """
    useless = _useless(table)
    if table.explicit:
        notes = [f"column {shown(name)} is used because the spec names it: {why}" for name, why in useless.items()]
        return Screened(table, tuple(notes))
    kept = _without(table, useless)
    if not kept.names and not kept.categorical:
        raise BuilderError(
            Reason.NO_FEATURES,
            "no column is left to learn from",
            found=", ".join(f"{shown(name)}: {why}" for name, why in list(useless.items())[:12]),
            allowed="at least one column that changes, besides the target",
            remedy="add columns, or name those to use in features.include",
        )
    return Screened(kept, ())


def is_identifier_name(name: str) -> bool:
    """Whether a name says that the column numbers the rows, such as ``UDI``, ``Product ID`` or ``serialNumber``."""
    parts = re.split(r"[^A-Za-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name))
    return any(part.lower() in _WORDS for part in parts)


def _useless(table: Table) -> dict[str, str]:
    found: dict[str, str] = {}
    first: dict[bytes, str] = {}
    for name, values, facts in zip(table.names, table.features.T, table.facts, strict=True):
        why = _why_number(name, values, facts) or _copy_of(name, values, first)
        if why:
            found[name] = why
    for category, codes in zip(table.data.categories, table.data.codes.T, strict=True):
        why = _why_category(codes, len(category.values)) or _copy_of(category.name, codes, first)
        if why:
            found[category.name] = why
    return found


def _why_number(name: str, values: npt.NDArray[np.float32], facts: NumberFacts) -> str:
    there = values[~np.isnan(values)]
    named = is_identifier_name(name)
    if named and facts.whole and facts.largest > _EXACT_IN_FLOAT32:
        return IDENTIFIER
    if len(there) == 0 or there.min() == there.max():
        return CONSTANT
    if not facts.whole or len(there) < MIN_ROWS:
        return ""
    different = len(np.unique(there))
    consecutive = float(there.max()) - float(there.min()) < different / NEARLY
    return IDENTIFIER if different >= NEARLY * len(there) and (named or consecutive) else ""


def _why_category(codes: npt.NDArray[np.int16], values: int) -> str:
    there = int((codes >= 0).sum())
    if values == 1 and there == len(codes):
        return CONSTANT
    return IDENTIFIER if values > 1 and values >= NEARLY * there else ""


def _copy_of(name: str, values: npt.NDArray[np.generic], first: dict[bytes, str]) -> str:
    content = np.ascontiguousarray(values)
    if content.dtype == np.float32:
        content = np.where(np.isnan(content), np.float32(np.nan), content + np.float32(0))  # one NaN and one zero
    digest = hashlib.blake2b(content.tobytes(), digest_size=16).digest() + content.dtype.str.encode()
    original = first.setdefault(digest, name)
    return "" if original == name else f"copy of {original}"


def _without(table: Table, useless: dict[str, str]) -> Table:
    if not useless:
        return table
    numeric = [index for index, name in enumerate(table.names) if name not in useless]
    kept = [index for index, name in enumerate(table.categorical) if name not in useless]
    data = Rows(
        np.ascontiguousarray(table.data.numeric[:, numeric]),
        np.ascontiguousarray(table.data.codes[:, kept]),
        tuple(table.data.categories[index] for index in kept),
    )
    return replace(
        table,
        names=tuple(table.names[index] for index in numeric),
        facts=tuple(table.facts[index] for index in numeric),
        data=data,
        left_out=table.left_out + tuple(LeftOut(name, why) for name, why in useless.items()),
    )
