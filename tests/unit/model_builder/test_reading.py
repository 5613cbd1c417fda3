"""Reading: odd dialects are read correctly, bad input is refused with place and value."""

from __future__ import annotations

import codecs
import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_builder.categories import Category
from model_builder.errors import Reason
from model_builder.reading import Table, read_table
from model_builder.sources import LocalData
from model_builder.spec import Limits
from tests.support.builder import local, read, refused, train

MEASURED = "heat,fault\n" + "".join(f"1,{index}.5\n" for index in range(1001))
MANY_TEXTS = "kind,fault\n" + "".join(f"t{index},1\n" for index in range(51))
LONG_TEXT = f"heat,kind,fault\n1,{'x' * 129},0\n"
TIMES = pa.array([0, 1], pa.timestamp("ms"))

BAD: list[tuple[str, bytes | str, dict[str, Any], Reason, list[str]]] = [
    ("empty", "", {}, Reason.EMPTY_FILE, ["empty"]),
    ("blank", "\n  \n", {}, Reason.EMPTY_FILE, ["empty"]),
    ("header only", "heat,fault\n", {}, Reason.NO_ROWS, ['"heat", "fault"']),
    ("header without line end", "heat,fault", {}, Reason.NO_ROWS, ["no rows"]),
    ("only empty rows", "heat,fault\n,\n,\n", {}, Reason.NO_ROWS, ["no rows"]),
    ("target missing", "heat,failt\n1,0\n", {}, Reason.TARGET_NOT_FOUND, ['"fault"', 'did you mean "failt"']),
    ("wrong delimiter", "heat|fault\n1|0\n", {}, Reason.TARGET_NOT_FOUND, ['"heat|fault"']),
    ("target twice", "fault,heat,fault\n0,1,0\n", {}, Reason.DUPLICATE_COLUMN, ['"fault" stands 2', "columns 1, 3"]),
    ("column twice", "heat,heat,fault\n0,1,0\n", {}, Reason.DUPLICATE_COLUMN, ['"heat"', "columns 1, 2"]),
    ("differ in blanks", "heat, heat,fault\n0,1,0\n", {}, Reason.DUPLICATE_COLUMN, ['"heat"']),
    ("target value missing", "heat,fault\n1,0\n2,\n3,nan\n", {}, Reason.TARGET_INCOMPLETE, ["row 3", "2 of 3"]),
    ("text among numbers", "heat,fault\n1,0\n2,1\n3 C,0\n", {}, Reason.NOT_A_NUMBER, ['row 4, column "heat": "3 C"']),
    ("thousands", "heat,fault\n1,0\n2,1\n\"1,551\",0\n", {}, Reason.NOT_A_NUMBER, ['row 4, column "heat": "1,551"']),
    ("control characters", "heat,fault\n1,0\n2,1\n3\x1b[31m,0\n", {}, Reason.NOT_A_NUMBER, [r'"3\x1b[31m"']),
    ("texts asked for", MANY_TEXTS, {"include": ["kind"]}, Reason.TEXT_COLUMN, ['row 2: "t0"', "51 different"]),
    ("long text asked for", LONG_TEXT, {"include": ["kind"]}, Reason.TEXT_COLUMN, ["too many or too long"]),
    ("unknown allowed", "heat,fault\n1,0\n", {"allowLeakage": ["haet"]}, Reason.COLUMN_NOT_FOUND, ['"heat"']),
    ("empty asked for", "heat,kind,fault\n1,,0\n", {"include": ["kind"]}, Reason.EMPTY_COLUMN, ['"kind"']),
    ("unknown asked for", "heat,fault\n1,0\n", {"include": ["heet"]}, Reason.COLUMN_NOT_FOUND, ['did you mean "heat"']),
    ("unknown excluded", "heat,fault\n1,0\n", {"exclude": ["load"]}, Reason.COLUMN_NOT_FOUND, ['"load"']),
    ("target as feature", "heat,fault\n1,0\n", {"include": ["fault"]}, Reason.TARGET_IS_FEATURE, ['"fault"']),
    ("only the target", "fault,x\n0,\n", {}, Reason.NO_FEATURES, ['"x": empty']),
    ("infinite", "heat,fault\n1,0\n-inf,1\n", {}, Reason.INFINITE_VALUE, ['row 3, column "heat": "-inf"']),
    ("beyond float32", "heat,fault\n1,0\n1e39,1\n", {}, Reason.INFINITE_VALUE, ["1e39", "3.4e38"]),
    ("beyond float64", "heat,fault\n1,0\n1e400,1\n", {}, Reason.INFINITE_VALUE, ["1e400"]),
    ("both marks", "a;b;fault\n1,5;2.5;0\n", {}, Reason.MIXED_DECIMAL_MARKS, ['"1,5"', '"2.5"', 'column "b"']),
    ("too short", "heat,fault\n1,0\n\n2\n", {}, Reason.MALFORMED_CSV, ["row 4 has 1 fields", "header has 2"]),
    ("too long", "heat,fault\n1,0\n1,2,3\n", {}, Reason.MALFORMED_CSV, ["row 3 has 3 fields", '"1,2,3"']),
    ("blank lines first", "\n\nheat,fault\n1,0\n2\n", {}, Reason.MALFORMED_CSV, ["row 5 has 1"]),
    ("open quote", 'heat,fault\n"1,0\n2,1\n', {}, Reason.MALFORMED_CSV, ["row 2"]),
    ("latin-1", b"heat,fault\n1,0\n2,\xfc\n", {}, Reason.ENCODING_ERROR, ["0xfc", "byte offset 17"]),
    ("cut character", "heat,fault\n1,0\nü"[:16].encode()[:-1], {}, Reason.ENCODING_ERROR, ["byte offset 15"]),
    ("utf-16", codecs.BOM_UTF16_LE + "heat,fault\n".encode("utf-16-le"), {}, Reason.ENCODING_ERROR, ["UTF-16"]),
    ("a measured target", MEASURED, {}, Reason.TOO_MANY_CLASSES, ['"0.5"']),
]  # fmt: skip


@pytest.mark.parametrize(("content", "features", "reason", "parts"), [pytest.param(*b[1:], id=b[0]) for b in BAD])
def test_bad_input_is_refused(
    tmp_path: Path, content: bytes | str, features: dict[str, Any], reason: Reason, parts: list[str]
) -> None:
    with refused(reason, *parts):
        read(tmp_path, content, features=features)


@pytest.mark.parametrize(
    ("limits", "reason", "part"),
    [
        ({"maxRows": 2}, Reason.TOO_MANY_ROWS, "more than 2 rows"),
        ({"maxColumns": 1}, Reason.TOO_MANY_COLUMNS, "2 columns"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_limits(tmp_path: Path, limits: dict[str, int], reason: Reason, part: str, kind: str) -> None:
    content = "heat,fault\n1,0\n2,1\n3,1\n" if kind == "csv" else parquet({"heat": [1, 2, 3], "fault": [0, 1, 1]})
    with refused(reason, part):
        read_table(local(tmp_path, content, kind), train(), Limits.model_validate(limits))


def test_a_row_that_never_ends_is_refused(tmp_path: Path) -> None:
    with refused(Reason.MALFORMED_CSV, "longer than 4,194,304 bytes"):
        read(tmp_path, b"heat,fault\n1,0\n" + b"9" * (12 << 20) + b",1\n")


def test_a_header_that_never_ends_is_refused(tmp_path: Path) -> None:
    with refused(Reason.MALFORMED_CSV, "first mebibyte"):
        read(tmp_path, b"x" * (3 << 20))


def test_a_million_columns_are_refused_from_the_header(tmp_path: Path) -> None:
    with refused(Reason.TOO_MANY_COLUMNS, "columns"):
        read(tmp_path, ",".join(f"c{index}" for index in range(100_000)) + "\n")


@pytest.mark.parametrize(
    "content",
    [
        "heat,load,fault\n1.5,2,0\n-3,,1\n",
        "\ufeffheat,load,fault\r\n1.5,2,0\r\n-3,,1\r\n",
        "heat;load;fault\n1,5;2;0\n-3;;1\n",
        "\ufeffheat;load;fault\r\n1,5;2,0;0\r\n-3;NaN;1\r\n",
        "heat\tload\tfault\n1,5\t2\t0\n-3\tn/a\t1\n",
        "\n\nheat,load,fault\n1.5,2,0\n-3,null,1\n\n\n",
        '"heat","load","fault"\n"1.5","2","0"\n"-3","","1.0"\n',
        "heat , load,fault\n +1.5 ,2., 0\n-3e0, ,1\n",
        "heat,load,fault\n1.5,2,0\n,,\n-3,,1\n",
    ],
)
def test_dialects_read_alike(tmp_path: Path, content: str) -> None:
    table = read(tmp_path, content)
    assert table.names == ("heat", "load")
    np.testing.assert_array_equal(table.features, np.array([[1.5, 2], [-3, np.nan]], np.float32))
    assert [table.classes[code] for code in table.target] == ["0", "1"]


def test_rows_are_counted_as_in_the_file(tmp_path: Path) -> None:
    table = read(tmp_path, '\nheat,"a\nb",fault\n1,"x\ny",0\n\n2,z,1\n')
    assert table.rows.tolist() == [3, 5]
    assert table.empty_rows == 1


def test_columns_that_are_left_out_are_named(tmp_path: Path) -> None:
    rows = [f"{index},{index},,9,id-{index},t{index // 2},{index % 2}" for index in range(200)]
    content = "\n".join([",heat,gone,skip,order,note,fault", *rows])
    table = read(tmp_path, content, features={"exclude": ["skip"]})
    assert table.names == ("heat",)
    assert table.categorical == ()
    assert {(column.name, column.why) for column in table.left_out} == {
        ("column 1", "no name"), ("gone", "empty"), ("skip", "excluded"), ("order", "identifier"), ("note", "text"),
    }  # fmt: skip


def test_columns_of_few_texts_become_categories(tmp_path: Path) -> None:
    table = read(tmp_path, "kind,heat,fault\n M ,1,0\n7,2,1\n,3,1\nL,4,0\nn/a,5,1\nM,6,1\n")
    assert table.data.categories == (Category("kind", ("7", "L", "M")),)
    assert table.data.codes[:, 0].tolist() == [2, 0, -1, 1, -1, 2]
    assert table.data.texts()[:, 0].tolist() == ["M", "7", "", "L", "", "M"]
    np.testing.assert_array_equal(table.data.matrix()[:3], [[1, 0, 0, 1], [2, 1, 0, 0], [3, 0, 0, 0]])


def test_the_codes_of_categories_do_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    one = read(tmp_path, "kind,heat,fault\nb,1,0\na,2,1\n")
    other = read(tmp_path, "kind,heat,fault\na,2,1\nb,1,0\n")
    assert one.data.categories == other.data.categories
    np.testing.assert_array_equal(one.data.codes, other.data.codes[::-1])


def test_a_category_may_be_asked_for(tmp_path: Path) -> None:
    table = read(tmp_path, "kind,heat,fault\nL,1,0\nM,2,1\n", features={"include": ["kind", "heat"]})
    assert (table.names, table.categorical) == (("heat",), ("kind",))


def test_a_header_that_two_delimiters_cut_alike_is_read_by_the_target(tmp_path: Path) -> None:
    assert read(tmp_path, "a,b;fault\n1,5;0\n2,5;1\n").names == ("a,b",)


def test_a_sample_is_drawn_from_long_files(tmp_path: Path) -> None:
    content = "kind,heat,fault\n" + "".join(f"{'ab'[i % 2]},{i},{int(i % 10 == 0)}\n" for i in range(300_000))
    table = read(tmp_path, content, sampleRows=1000)
    assert table.rows_in_file == 300_000
    assert len(table.rows) == 1000
    assert len(np.unique(table.rows)) == 1000
    np.testing.assert_array_equal(table.features[:, 0], (table.rows - 2).astype(np.float32))
    assert [("a", "b")[code] for code in table.data.codes[:, 0]] == ["ab"[row % 2] for row in table.rows]
    assert 70 <= (table.target == 0).sum() <= 130
    assert table.rows.mean() == pytest.approx(150_000, rel=0.1)
    again = read(tmp_path, content, sampleRows=1000)
    np.testing.assert_array_equal(table.rows, again.rows)
    assert not np.array_equal(table.rows, read(tmp_path, content, sampleRows=1000, seed=1).rows)
    with refused(Reason.NOT_A_NUMBER, 'row 300,002, column "heat": "oops"'):
        read(tmp_path, content + "a,oops,1\n", sampleRows=1000)


def test_groups_and_times_are_read_and_are_no_features(tmp_path: Path) -> None:
    content = "heat,asset,when,fault\n1,1.0,5,0\n2,1,5,1\n3,b,7,0\n"
    table = read(tmp_path, content, groupBy="asset")
    assert table.groups is not None
    assert table.groups.tolist() == [0, 0, 1]
    assert table.names == ("heat", "when")
    assert ("asset", "groups the rows") in {(column.name, column.why) for column in table.left_out}
    table = read(tmp_path, content, timeColumn="when", features={"exclude": ["asset"]})
    assert table.times is not None
    assert table.times.tolist() == [5, 5, 7]
    with refused(Reason.GROUP_INCOMPLETE, "row 3", '"asset"', "1 of 2 rows"):
        read(tmp_path, "heat,asset,fault\n1,a,0\n2,,1\n", groupBy="asset")
    with refused(Reason.COLUMN_NOT_FOUND, '"aset"', 'did you mean "asset"'):
        read(tmp_path, content, groupBy="aset")


def test_included_columns_come_in_the_order_of_the_spec(tmp_path: Path) -> None:
    table = read(tmp_path, "a,b,fault\n1,2,0\n3,4,1\n", features={"include": ["b", "a"]})
    assert table.names == ("b", "a")
    assert table.features.tolist() == [[2, 1], [4, 3]]


def test_a_comma_in_the_header_of_a_semicolon_file(tmp_path: Path) -> None:
    assert read(tmp_path, "heat, K;load;fault\n1,5;2;0\n2,5;3;1\n").names == ("heat, K", "load")


def test_values_in_different_blocks_are_all_read(tmp_path: Path) -> None:
    """The odd value stands far behind the first block."""
    body = "".join(f"{index}.25,some padding text,{index % 2}\n" for index in range(200_000))
    table = read(tmp_path, "heat,text,fault\n" + body)
    assert len(table.rows) == 200_000
    assert table.rows[-1] == 200_001
    np.testing.assert_array_equal(table.features[:, 0], np.arange(200_000, dtype=np.float32) + np.float32(0.25))
    with refused(Reason.NOT_A_NUMBER, 'row 200,002, column "heat": "oops"'):
        read(tmp_path, "heat,text,fault\n" + body + "oops,x,1\n")


CELLS = st.one_of(
    st.none(),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.integers(min_value=-(2**24), max_value=2**24).map(float),
)
NAMES = st.lists(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
    .map(str.strip)
    .filter(lambda name: name and name != "fault"),
    min_size=1,
    max_size=4,
    unique=True,
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[float | None]]]:
    names = draw(NAMES)
    row = st.lists(CELLS, min_size=len(names), max_size=len(names))
    return names, draw(st.lists(row, min_size=1, max_size=12))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    table=tables(),
    dialect=st.sampled_from([(",", "."), (";", ","), (";", "."), ("\t", ","), ("\t", ".")]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    mark=st.sampled_from(["", "\ufeff"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_any_dialect_reads_back(
    tmp_path: Path,
    table: tuple[list[str], list[list[float | None]]],
    dialect: tuple[str, str],
    line_end: str,
    mark: str,
    quoting: Any,
) -> None:
    names, rows = table
    delimiter, decimal = dialect
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerow([*names, "fault"])
    for index, row in enumerate(rows):
        writer.writerow([*["" if cell is None else repr(cell).replace(".", decimal) for cell in row], str(index % 2)])
    expected = np.array([[np.nan if cell is None else cell for cell in row] for row in rows], np.float32)
    present = [index for index in range(len(names)) if not np.isnan(expected[:, index]).all()]
    if not present:
        with refused(Reason.NO_FEATURES):
            read(tmp_path, mark + text.getvalue())
        return
    found = read(tmp_path, mark + text.getvalue())
    assert list(found.names) == [names[index] for index in present]
    np.testing.assert_array_equal(found.features, expected[:, present])
    assert found.delimiter == delimiter


def parquet(columns: dict[str, Any]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def read_parquet(folder: Path, columns: dict[str, Any], **more: Any) -> Table:
    return read_table(local(folder, parquet(columns), "parquet"), train(**more), Limits())


def test_parquet_of_many_types(tmp_path: Path) -> None:
    table = read_parquet(
        tmp_path,
        {
            "double": pa.array([1.5, None, float("nan")]),
            "whole": pa.array([1, 2, None], pa.int64()),
            "decimal": pa.array(["1.25", "2.50", None]).cast(pa.decimal128(10, 2)),
            "yes": pa.array([True, False, None]),
            "digits": pa.array(["1", " 2.5 ", ""]),
            "kind": pa.array(["L", "M", "L"]).dictionary_encode(),
            "when": pa.array([0, 1, 2], pa.timestamp("ms")),
            "a.b": pa.array([1, 2, 3], pa.uint8()),
            "fault": pa.array([True, False, True]),
        },
    )
    nan = np.nan
    assert table.names == ("double", "whole", "decimal", "yes", "digits", "a.b")
    expected = [[1.5, 1, 1.25, 1, 1, 1], [nan, 2, 2.5, 0, 2.5, 2], [nan, nan, nan, nan, nan, 3]]
    np.testing.assert_array_equal(table.features, np.array(expected, np.float32))
    assert [table.classes[code] for code in table.target] == ["true", "false", "true"]
    assert [(column.name, column.why) for column in table.left_out] == [("when", "timestamp[ms]")]
    assert table.data.categories == (Category("kind", ("L", "M")),)
    assert table.rows.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("columns", "features", "reason", "parts"),
    [
        ({"heat": [1.0, float("inf")], "fault": [0, 1]}, {}, Reason.INFINITE_VALUE, ["row 2", "inf"]),
        ({"heat": [1.0, 2.0], "fault": [0.0, None]}, {}, Reason.TARGET_INCOMPLETE, ["row 2"]),
        ({"heat": [1.0, 2.0], "fault": [0.0, float("nan")]}, {}, Reason.TARGET_INCOMPLETE, ["row 2"]),
        ({"heat": ["1", "2", "x"], "fault": [0, 1, 1]}, {}, Reason.NOT_A_NUMBER, ['row 3, column "heat": "x"']),
        ({"when": TIMES, "fault": [0, 1]}, {"include": ["when"]}, Reason.TEXT_COLUMN, ["timestamp"]),
        ({"heat": pa.array([], pa.float64()), "fault": pa.array([], pa.int64())}, {}, Reason.NO_ROWS, ["no rows"]),
        ({"heat": [1]}, {}, Reason.TARGET_NOT_FOUND, ['"fault"']),
    ],
)  # fmt: skip
def test_bad_parquet_is_refused(
    tmp_path: Path, columns: dict[str, Any], features: dict[str, Any], reason: Reason, parts: list[str]
) -> None:
    with refused(reason, *parts):
        read_parquet(tmp_path, columns, features=features)


@pytest.mark.parametrize("content", [b"heat,fault\n1,0\n", b"", parquet({"heat": [1], "fault": [0]})[:-40]])
def test_what_is_no_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    data = local(tmp_path, content, "parquet")
    with refused(Reason.MALFORMED_PARQUET if content else Reason.EMPTY_FILE):
        read_table(data, train(), Limits())


def test_damaged_parquet_is_refused_or_read(tmp_path: Path) -> None:
    """A flipped byte in the pages must never come out as a crash without a reason."""
    whole = parquet({"heat": [float(index) for index in range(2000)], "fault": [index % 2 for index in range(2000)]})
    damaged = bytearray(whole)
    damaged[8:40] = b"\xff" * 32
    with refused(Reason.MALFORMED_PARQUET):
        read_table(LocalData(local(tmp_path, bytes(damaged), "parquet").path, "parquet", "", 1), train(), Limits())
