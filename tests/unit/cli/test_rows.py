"""Rows given as options: names matched, values read, and what is said where something is wrong."""

import numpy as np
import pytest

from andon.cli.errors import CliError, ExitCode, closest
from andon.cli.rows import from_options

COLUMNS = ("Air temperature [K]", "Torque [Nm]", "Tool wear [min]")
NAN = float("nan")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Air temperature [K]=298.1,Torque [Nm]=42.8,Tool wear [min]=3", [298.1, 42.8, 3]),
        ("Tool wear [min]=3,Torque [Nm]=42.8,Air temperature [K]=298.1", [298.1, 42.8, 3]),
        (" Air temperature [K] = 298.1 , Torque [Nm]= -4.28e1 ,Tool wear [min]=+3.", [298.1, -42.8, 3]),
        ("Air temperature [K]=298,1;Torque [Nm]=42,8; Tool wear [min]=3", [298.1, 42.8, 3]),
        ("Air temperature [K]=298.1;Torque [Nm]=42.8;Tool wear [min]=3;", [298.1, 42.8, 3]),
        ("Air temperature [K]=,Torque [Nm]=NaN,Tool wear [min]=n/a", [NAN, NAN, NAN]),
    ],
)
def test_a_row_is_matched_by_name(text: str, expected: list[float]) -> None:
    np.testing.assert_array_equal(from_options([text], COLUMNS).values, np.array([expected], np.float32))


def test_a_name_may_hold_the_separator_and_the_sign() -> None:
    table = from_options(['"torque, max"=5,a=b=6'], ("a=b", "torque, max"))
    np.testing.assert_array_equal(table.values, np.array([[6, 5]], np.float32))


def test_several_rows_stay_in_order() -> None:
    assert from_options(["x=1", "x=2", "x=3"], ("x",)).values.tolist() == [[1], [2], [3]]


GOOD = "Air temperature [K]=298.1,Torque [Nm]=42.8,Tool wear [min]=3"


@pytest.mark.parametrize(
    ("rows", "reason", "said"),
    [
        (
            [GOOD, "Torque [Nm]=1"],
            "MissingColumn",
            ["--row 2 lacks columns", '"Air temperature [K]", "Tool wear [min]"'],
        ),
        ([GOOD.replace("Torque [Nm]", "torque")], "UnknownColumn", ['"torque"', 'did you mean "Torque [Nm]" instead']),
        ([GOOD.replace("Tool wear", "Tool_waer")], "UnknownColumn", ['"Tool wear [min]" instead of "Tool_waer [min]"']),
        ([GOOD + ",pressure=1"], "UnknownColumn", ['"pressure"', "leave it out"]),
        ([GOOD + ",Torque [Nm]=1"], "DuplicateColumn", ['--row 1 has the column "Torque [Nm]" more than once']),
        ([GOOD.replace("42.8", "high")], "NotANumber", ['--row 1, column "Torque [Nm]": "high" is no number']),
        ([GOOD.replace("42.8", "1_000")], "NotANumber", ['"1_000"']),
        ([GOOD.replace("42.8", "inf")], "InfiniteValue", ['"inf" is infinite']),
        ([GOOD.replace("42.8", "1e39")], "InfiniteValue", ['"1e39" is infinite']),
        ([GOOD.replace("42.8", "42,8")], "MalformedRow", ['"8", which is not NAME=VALUE', "decimal comma"]),
        (["Torque [Nm]"], "MalformedRow", ["NAME=VALUE pairs"]),
        (["=5"], "MalformedRow", ['"=5"']),
        (["a=1,5;b=2.5"], "MixedDecimalMarks", ['"1,5"', '"2.5"']),
    ],
)
def test_a_row_at_fault_is_refused_in_words(rows: list[str], reason: str, said: list[str]) -> None:
    columns = ("a", "b") if reason == "MixedDecimalMarks" else COLUMNS
    with pytest.raises(CliError) as caught:
        from_options(rows, columns)
    assert caught.value.reason == reason
    assert caught.value.exit_code == ExitCode.FAILED
    assert caught.value.allowed
    assert caught.value.remedy
    for part in said:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("torque", "Torque [Nm]"),
        ("TOOL-WEAR", "Tool wear [min]"),
        ("air_temperature", "Air temperature [K]"),
        ("pressure", None),
    ],
)
def test_the_closest_name_looks_past_case_underscores_and_units(name: str, expected: str | None) -> None:
    assert closest(name, COLUMNS) == expected


def test_an_error_says_what_was_found_what_is_allowed_and_how_to_mend_it() -> None:
    error = CliError("NotANumber", "row 1 has text.", allowed="numbers", remedy="correct it")
    assert str(error) == "Error (NotANumber): row 1 has text.\n  Allowed: numbers\n  To mend it: correct it"
