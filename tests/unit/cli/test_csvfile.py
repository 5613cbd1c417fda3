"""CSV files of all the usual dialects, and what is said of those that are none."""

import io
from pathlib import Path

import numpy as np
import pytest

from andon.cli import csvfile
from andon.cli.csvfile import from_csv
from andon.cli.errors import CliError
from andon.cli.rows import Columns

COLUMNS = Columns(("Torque [Nm]", "Tool wear [min]"))
X, XY = Columns(("x",)), Columns(("x", "y"))
NAN = float("nan")
EXPECTED = [[42.8, 0.0], [NAN, 3.5]]


def write(folder: Path, content: str | bytes) -> str:
    path = folder / "rows.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


@pytest.mark.parametrize(
    "content",
    [
        "Torque [Nm],Tool wear [min]\n42.8,0\n,3.5\n",
        "Tool wear [min],Torque [Nm]\r\n0,42.8\r\n3.5,\r\n",
        "\ufeffTorque [Nm];Tool wear [min]\n42,8;0\n;3,5\n",
        "Torque [Nm]\tTool wear [min]\n42.8\t0\nNaN\t3.5",
        "\n\n Torque [Nm] , Tool wear [min] \n\n42.8,0\n\nnull,3.5\n\n",
        '"Torque [Nm]";"Tool wear [min]"\n"42,8";"0"\n"";"3,5"\n',
        # A comma in another column's name does not make the comma the delimiter.
        "note, free, text;Torque [Nm];Tool wear [min]\na;42,8;0\nb;;3,5\n",
    ],
)
def test_dialects_give_the_same_rows(tmp_path: Path, content: str) -> None:
    rows = from_csv(write(tmp_path, content), COLUMNS).rows
    np.testing.assert_array_equal(rows.numeric, np.array(EXPECTED, np.float32))


def test_extra_columns_are_left_out_and_named(tmp_path: Path) -> None:
    table = from_csv(write(tmp_path, "UDI,Torque [Nm],Type,Tool wear [min],\n1,42.8,M,0,\n2,,L,3.5,\n"), COLUMNS)
    np.testing.assert_array_equal(table.rows.numeric, np.array(EXPECTED, np.float32))
    assert table.ignored == ("UDI", "Type")


def test_a_row_of_empty_fields_is_a_row(tmp_path: Path) -> None:
    table = from_csv(write(tmp_path, "Torque [Nm];Tool wear [min]\n;\n1;2\n"), COLUMNS)
    np.testing.assert_array_equal(table.rows.numeric, np.array([[NAN, NAN], [1, 2]], np.float32))


def test_one_column_may_have_decimal_commas(tmp_path: Path) -> None:
    np.testing.assert_array_equal(from_csv(write(tmp_path, "x\n1,5\n2,5\n"), X).rows.numeric, [[1.5], [2.5]])


@pytest.mark.parametrize(
    "content",
    [
        "Type,Torque [Nm],Shop\nM,42.8,a\n,1,hall 3\n L ,2,NaN\n",
        "Shop;Type;Torque [Nm]\na;M;42,8\nhall 3;NA;1,0\nnull;L;2\n",
        '"Torque [Nm]"\t"Shop"\t"Type"\n42.8\ta\tM\n1\t"hall 3"\tnone\n2\t\tL',
    ],
)
def test_texts_are_read_beside_numbers(tmp_path: Path, content: str) -> None:
    rows = from_csv(write(tmp_path, content), Columns(("Torque [Nm]",), ("Type", "Shop"))).rows
    np.testing.assert_array_equal(rows.numeric, np.array([[42.8], [1], [2]], np.float32))
    assert rows.categorical.tolist() == [["M", "a"], ["", "hall 3"], ["L", ""]]


def test_texts_have_no_decimal_mark(tmp_path: Path) -> None:
    rows = from_csv(write(tmp_path, 'x;Size\n1,5;1.5\n2,5;"1,5;x"\n'), Columns(("x",), ("Size",))).rows
    assert rows.numeric.tolist() == [[1.5], [2.5]]
    assert rows.categorical.tolist() == [["1.5"], ["1,5;x"]]


def test_a_file_of_texts_alone(tmp_path: Path) -> None:
    count = csvfile._CHUNK_ROWS + 5
    content = "Type,note\n" + "".join(f"{'LMH'[row % 3]},x\n" for row in range(count))
    table = from_csv(write(tmp_path, content), Columns((), ("Type",)))
    assert len(table.rows) == count
    assert table.rows.numeric.shape == (count, 0)
    assert table.rows.categorical[:, 0].tolist() == ["LMH"[row % 3] for row in range(count)]
    assert table.ignored == ("note",)


def test_a_text_column_that_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(CliError, match='needs: "Type"') as caught:
        from_csv(write(tmp_path, "x,type\n1,M\n"), Columns(("x",), ("Type",)))
    assert caught.value.reason == "MissingColumn"
    assert 'rename "type" to "Type"' in str(caught.value)


def test_the_limit_stops_reading(tmp_path: Path) -> None:
    table = from_csv(write(tmp_path, "x,y\n1,2\n3,4\nfive,6\n"), XY, limit=2)
    assert table.rows.numeric.tolist() == [[1, 2], [3, 4]]


def test_many_rows_keep_their_order(tmp_path: Path) -> None:
    count = 2 * csvfile._CHUNK_ROWS + 5
    table = from_csv(write(tmp_path, "x\n" + "".join(f"{row}\n" for row in range(count))), X)
    np.testing.assert_array_equal(table.rows.numeric[:, 0], np.arange(count))


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(b"x,y\n1,2\n")

    monkeypatch.setattr("sys.stdin", Stdin())
    assert from_csv("-", XY).rows.numeric.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("content", "reason", "said"),
    [
        ("", "EmptyFile", ["is empty"]),
        ("\n\n", "EmptyFile", ["is empty"]),
        ("Torque [Nm],Tool wear [min]\n", "NoRows", ["a header and no rows"]),
        ("Torque [Nm],Wear\n1,2\n", "MissingColumn", ['lacks a column that the model needs: "Tool wear [min]"']),
        ("Torque_[Nm],Tool wear [min]\n1,2\n", "MissingColumn", ['rename "Torque_[Nm]" to "Torque [Nm]"']),
        ("Torque [Nm],Torque [Nm],Tool wear [min]\n1,2,3\n", "DuplicateColumn", ["header", '"Torque [Nm]" more than']),
        (
            "Torque [Nm],Tool wear [min]\n1,2\n\n3,worn\n",
            "NotANumber",
            ["line 4 of", '(row 2), column "Tool wear [min]": "worn"'],
        ),
        ("Torque [Nm],Tool wear [min]\n1,2\n1,5,2\n", "MalformedCsv", ["line 3", "3 fields, where the header has 2"]),
        (
            "Torque [Nm];Tool wear [min]\n1,5;2\n1.234;2\n",
            "MixedDecimalMarks",
            ["line 2", '"1,5"', "line 3", '"1.234"'],
        ),
        ("Torque [Nm],Tool wear [min]\n1,-inf\n", "InfiniteValue", ['"-inf"']),
        ("Torque [Nm],Tool wear [min]\n1,2 °\n".encode("latin-1"), "EncodingError", ["byte 0xb0", "UTF-8"]),
        ('Torque [Nm],Tool wear [min]\n1,"' + "2" * 200_000 + '"\n', "MalformedCsv", ["field larger than"]),
    ],
)
def test_a_file_at_fault_is_refused_in_words(
    tmp_path: Path, content: str | bytes, reason: str, said: list[str]
) -> None:
    with pytest.raises(CliError) as caught:
        from_csv(write(tmp_path, content), COLUMNS)
    assert caught.value.reason == reason
    for part in said:
        assert part in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="No such file") as caught:
        csvfile.check_readable(str(tmp_path / "none.csv"))
    assert caught.value.reason == "FileNotReadable"


def test_extra_columns_may_be_named_twice(tmp_path: Path) -> None:
    table = from_csv(write(tmp_path, "note,x,note,y\na,1,b,2\n"), XY)
    assert table.rows.numeric.tolist() == [[1, 2]]
    assert table.ignored == ("note",)
