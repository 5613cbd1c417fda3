"""Chooses the columns to read, from the header and the spec."""

from __future__ import annotations

import difflib

from model_builder.errors import BuilderError, Reason, listed, shown
from model_builder.files import LeftOut, Plan
from model_builder.spec import Train


def plan_columns(names: tuple[str, ...], train: Train, slices: tuple[str, ...] = ()) -> Plan:
    """Choose the columns to read.

    Parameters
    ----------
    slices
        Columns to report scores by.

    Raises
    ------
    BuilderError
        ``DuplicateColumn``, ``TargetNotFound``, ``TargetIsFeature`` or ``ColumnNotFound``.
    """
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        places = [str(index + 1) for index, name in enumerate(names) if name == twice[0]]
        raise BuilderError(
            Reason.DUPLICATE_COLUMN,
            f"the column {shown(twice[0])} stands {len(places)} times in the header",
            found=f"columns {', '.join(places)} are named {shown(twice[0])}",
            allowed="every name once",
            remedy="rename or remove the column in the file",
        )
    if train.target not in names:
        raise _missing(Reason.TARGET_NOT_FOUND, "target column", train.target, names)
    wanted = train.features.include
    if train.target in wanted:
        raise BuilderError(
            Reason.TARGET_IS_FEATURE,
            f"the target column {shown(train.target)} is also a feature",
            found=f"{shown(train.target)} in features.include",
            allowed="features without the target",
            remedy="remove it from features.include",
        )
    roles = tuple(name for name in (train.group_by, train.time_column) if name is not None)
    lists = wanted + train.features.exclude + train.features.allow_leakage
    for name in (*roles, *lists, *slices):
        if name not in names:
            raise _missing(Reason.COLUMN_NOT_FOUND, "column", name, names)
    features, left_out = _features(names, train)
    return Plan(
        target=names.index(train.target),
        features=features,
        explicit=bool(wanted),
        left_out=left_out,
        group=None if train.group_by is None else names.index(train.group_by),
        time=None if train.time_column is None else names.index(train.time_column),
        slices=tuple(names.index(name) for name in slices),
    )


def _features(names: tuple[str, ...], train: Train) -> tuple[tuple[int, ...], tuple[LeftOut, ...]]:
    wanted, excluded = train.features.include, train.features.exclude
    if wanted:
        return tuple(names.index(name) for name in wanted), ()
    left_out = [LeftOut(f"column {index + 1}", "no name") for index, name in enumerate(names) if not name]
    left_out += [LeftOut(name, "excluded") for name in excluded if name != train.target]
    roles = {train.group_by: "groups the rows", train.time_column: "orders the rows"}
    left_out += [LeftOut(name, why) for name, why in roles.items() if name is not None and name not in excluded]
    skip = {train.target, "", *excluded, *roles}
    return tuple(index for index, name in enumerate(names) if name not in skip), tuple(left_out)


def _missing(reason: Reason, what: str, name: str, names: tuple[str, ...]) -> BuilderError:
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {shown(near[0])}?" if near else ""
    return BuilderError(
        reason,
        f"the file has no {what} {shown(name)}{hint}",
        found=f"columns {listed(names)}",
        allowed="a name from the header",
        remedy="correct the name in the spec, or check that the first row of the file holds the names",
    )
