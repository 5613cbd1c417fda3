"""Rows given as options: names matched, values read, and what is said where something is wrong."""

import numpy as np
import pytest

from andon.cli.errors import CliError, ExitCode, closest
from andon.cli.rows import Columns, from_options

NAMES = ("Air temperature [K]", "Torque [Nm]", "Tool wear [min]")
COLUMNS = Columns(NAMES)
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
    np.testing.assert_array_equal(from_options([text], COLUMNS).rows.numeric, np.array([expected], np.float32))


def test_a_name_may_hold_the_separator_and_the_sign() -> None:
    table = from_options(['"torque, max"=5,a=b=6'], Columns(("a=b", "torque, max")))
    np.testing.assert_array_equal(table.rows.numeric, np.array([[6, 5]], np.float32))


def test_several_rows_stay_in_order() -> None:
    assert from_options(["x=1", "x=2", "x=3"], Columns(("x",))).rows.numeric.tolist() == [[1], [2], [3]]


MIXED = Columns(("Torque [Nm]",), ("Type", "Work=shop"))


@pytest.mark.parametrize(
    ("text", "number", "texts"),
    [
        ("Type=M,Torque [Nm]=42.8,Work=shop=hall 3", 42.8, ["M", "hall 3"]),
        ("Torque [Nm]=42,8; Work=shop = hall 3 ; Type= M", 42.8, ["M", "hall 3"]),
        ("Torque [Nm]=1,Type=,Work=shop=n/a", 1, ["", ""]),
        ("Torque [Nm]=1,Type=1.50,Work=shop=3,", 1, ["1.50", "3"]),
        ("Torque [Nm]=1,Type=a=b,Work=shop==", 1, ["a=b", "="]),
        ('Torque [Nm]="1", Type="M" ,Work=shop="hall 3"', 1, ["M", "hall 3"]),
        ('Torque [Nm]=1,Type="a,b",Work=shop=""', 1, ["a,b", ""]),
        ('Torque [Nm]=1,Type="a;b",Work=shop="3"" pipe"', 1, ["a;b", '3" pipe']),
        ('Torque [Nm]=1,"Type=a;b","Work=shop"="a,b;c"', 1, ["a;b", "a,b;c"]),
        ('Torque [Nm]=1,5;Type="a;b";"Work=shop=a,b;c"', 1.5, ["a;b", "a,b;c"]),
        ('Torque [Nm]=1,"Type=""M""",Work=shop=3" pipe', 1, ['"M"', '3" pipe']),
        ("Torque [Nm]=1,Type=größer,Work=shop=工場", 1, ["größer", "工場"]),
    ],
)
def test_texts_are_read_beside_numbers(text: str, number: float, texts: list[str]) -> None:
    rows = from_options([text], MIXED).rows
    np.testing.assert_array_equal(rows.numeric, np.array([[number]], np.float32))
    assert rows.categorical.tolist() == [texts]


def test_rows_of_texts_alone() -> None:
    rows = from_options(["Type=M", "Type="], Columns((), ("Type",))).rows
    assert len(rows) == 2
    assert rows.numeric.shape == (2, 0)
    assert rows.categorical.tolist() == [["M"], [""]]


@pytest.mark.parametrize(
    ("text", "reason", "said"),
    [
        ("Torque [Nm]=1,Type=M", "MissingColumn", ['"Work=shop"', 'all of "Torque [Nm]", "Type", "Work=shop"']),
        ("Torque [Nm]=1,type=M,Work=shop=3", "UnknownColumn", ['did you mean "Type" instead of "type"']),
        ("Torque [Nm]=1,Type=M,Type=L,Work=shop=3", "DuplicateColumn", ['"Type" more than once']),
        ("Torque [Nm]=M,Type=M,Work=shop=3", "NotANumber", ['column "Torque [Nm]": "M" is no number']),
        ("Torque [Nm]=1,Type=a,b,Work=shop=3", "MalformedRow", ['"b", which is not NAME=VALUE', "into quotes"]),
        ("Torque [Nm]=1,Type=gr\udcf6\udcdf,Work=shop=3", "EncodingError", ['column "Type"', r"gr\udcf6\udcdf"]),
    ],
)
def test_a_row_with_texts_at_fault_is_refused_in_words(text: str, reason: str, said: list[str]) -> None:
    with pytest.raises(CliError) as caught:
        from_options([text], MIXED)
    assert caught.value.reason == reason
    assert caught.value.allowed
    assert caught.value.remedy
    for part in said:
        assert part in str(caught.value)


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
    columns = Columns(("a", "b")) if reason == "MixedDecimalMarks" else COLUMNS
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
    assert closest(name, NAMES) == expected


def test_an_error_says_what_was_found_what_is_allowed_and_how_to_mend_it() -> None:
    error = CliError("NotANumber", "row 1 has text.", allowed="numbers", remedy="correct it")
    assert str(error) == "Error (NotANumber): row 1 has text.\n  Allowed: numbers\n  To mend it: correct it"
