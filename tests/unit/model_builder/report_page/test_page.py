"""The page of a report: right in its first two lines, whole, alone in the world, and readable by a screen reader."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from model_builder.compression.report import CandidateFacts, CompressionReport
from model_builder.report_page.document import Document
from model_builder.report_page.page import render
from model_builder.spec import BuildSpec, canonical
from tests.support.builder import REPOSITORY, fault_rows
from tests.support.reports import document, parsed, tag, words

KINDS = ("accepted", "rejected", "inconclusive", "unjudged", "failed", "classes", "hostile", "compressed", "rows")
HOSTILE = ('<script>alert("1")</script>', "$\\frac{1}{2}$ & ]]> --> \x07 'x' \"y\"")
XHTML = "{http://www.w3.org/1999/xhtml}"
TEXT = ("ink", "muted", "first", "second", "third", "good", "bad", "unsure")


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Document]:
    return {kind: _document(tmp_path_factory.mktemp(kind), kind) for kind in KINDS}


@pytest.fixture(scope="module")
def pages(documents: dict[str, Document]) -> dict[str, str]:
    return {kind: render(each) for kind, each in documents.items()}


def _document(folder: Path, kind: str) -> Document:
    if kind == "failed":
        return document(folder, kind, target="no such column")
    if kind == "classes":
        return document(folder, kind, _csv(("heat", "load", "fault"), classes=4))
    if kind == "compressed":
        return document(
            folder,
            kind,
            _csv(("heat", "load", "fault")),
            compression={"prune": {"by": "gini"}, "quantize": {"bits": 8}},
        )
    if kind == "rows":
        return document(folder, kind, _csv(("heat", "load", "fault"), classes=3), explain={"perRow": True})
    if kind == "hostile":
        return document(folder, kind, _csv((*HOSTILE, "fault")))
    return document(folder, kind)


def _csv(header: tuple[str, ...], classes: int = 2) -> str:
    quoted = ",".join('"' + name.replace('"', '""') + '"' for name in header)
    return "\n".join([quoted, *(",".join(row) for row in fault_rows(rows=400, classes=classes))]) + "\n"


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        ("accepted", "Accepted: both gates are met", r"finds \d+ of \d+ faults.*95% interval.*bytes"),
        (
            "rejected",
            r"Rejected: recall is 0\.\d+ on held-out rows, surely below the 0\.999",
            r"^No artifact was written\. .*It finds \d+ of \d+ faults",
        ),
        (
            "inconclusive",
            r"Inconclusive: \d+ faults are too few to tell whether recall reaches 0\.85",
            "interval.*more",
        ),
        ("unjudged", "Built, and not judged: no gate", r"finds \d+ of \d+ faults"),
        ("failed", "No model: the file has no target column", "Found: .* To mend it: "),
        ("classes", "Built, and not judged", r"right class for \d+ of 80 rows \(macro-F1 0\.\d\d, 95% interval"),
    ],
)
def test_the_first_two_lines_say_what_came_of_it(pages: dict[str, str], kind: str, first: str, second: str) -> None:
    said = [words(each) for each in parsed(pages[kind]).iter() if tag(each) == "p"]
    assert re.match(first, said[0]), said[0]
    assert re.search(second, said[1]), said[1]


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_needs_nothing_else(pages: dict[str, str], kind: str) -> None:
    for element in parsed(pages[kind]).iter():
        assert tag(element) not in {"script", "link", "img", "iframe", "object", "base", "form"}
        for name, value in element.attrib.items():
            assert not name.startswith("on"), name
            if name.endswith(("href", "src")):
                assert value.startswith("#"), value
            assert not re.search(r"url\((?!#)", value), value
    style = re.search(r"<style>(.*?)</style>", pages[kind], re.DOTALL)
    assert style
    assert not re.search(r"url\(|@import", style[1])


@pytest.mark.parametrize("kind", KINDS)
def test_a_screen_reader_finds_its_way(pages: dict[str, str], kind: str) -> None:
    elements = [each for each in parsed(pages[kind]).iter() if isinstance(each.tag, str)]
    levels = [int(tag(each)[1]) for each in elements if re.fullmatch("h[1-6]", tag(each))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels
    ids = [each.attrib["id"] for each in elements if "id" in each.attrib]
    assert len(set(ids)) == len(ids)
    meant = [each.attrib["href"][1:] for each in elements if tag(each) == "a"]
    for each in elements:
        meant += each.attrib.get("aria-labelledby", "").split() + each.attrib.get("aria-describedby", "").split()
    assert set(meant) <= set(ids), set(meant) - set(ids)
    assert [each for each in elements if tag(each) == "main"]
    assert next(each for each in elements if tag(each) == "html").attrib["lang"] == "en"
    for table in (each for each in elements if tag(each) == "table"):
        _check_table(table)
    for picture in (each for each in elements if tag(each) == "svg"):
        assert picture.attrib["role"] == "img"
        title, alt = list(picture)[:2]
        assert (tag(title), tag(alt)) == ("title", "desc")
        assert picture.attrib["aria-labelledby"] == title.attrib["id"]
        assert picture.attrib["aria-describedby"] == alt.attrib["id"]
        assert len(words(alt)) > 20


def _check_table(table: Any) -> None:
    inside = [each for each in table.iter() if isinstance(each.tag, str)]
    assert tag(inside[1]) == "caption"
    assert words(inside[1])
    assert all(each.attrib.get("scope") in {"col", "row"} for each in inside if tag(each) == "th")
    widths = {sum(1 for cell in row if tag(cell) in {"th", "td"}) for row in inside if tag(row) == "tr"}
    assert len(widths) == 1, widths


@pytest.mark.parametrize("kind", ["accepted", "classes", "compressed"])
def test_the_page_shows_what_was_measured(documents: dict[str, Document], pages: dict[str, str], kind: str) -> None:
    model = documents[kind].model
    assert model is not None
    text = words(parsed(pages[kind]))
    for score in model.evaluation.scores.values():
        assert f"{score.value:.3f}" in text
    for counts in model.confusion_matrix:
        for number in counts:
            assert f"{number:,}" in text
    for step in model.reductions:
        assert f"{step.bytes_after:,}" in text
    for name in (*model.signature.numeric, *model.signature.classes, model.data.sha256, documents[kind].digest):
        assert str(name) in text


@pytest.mark.parametrize("kind", ["accepted", "rejected", "inconclusive", "failed"])
def test_every_build_can_be_built_again(documents: dict[str, Document], pages: dict[str, str], kind: str) -> None:
    text = re.search(r"<pre[^>]*>(.*?)</pre>", pages[kind], re.DOTALL)
    assert text
    asked = BuildSpec.model_validate(yaml.safe_load(html.unescape(text[1])))
    assert asked.name == kind
    assert canonical(asked) == (documents[kind].inputs or {})["spec"]


def test_only_wrong_calls_that_happened_are_marked(documents: dict[str, Document]) -> None:
    one = documents["accepted"].model
    assert one is not None
    assert one.explanation is not None
    explanation = one.explanation.model_copy(update={"worst": ()})
    model = one.model_copy(update={"confusion_matrix": ((41, 0), (0, 39)), "explanation": explanation})
    page = parsed(render(replace(documents["accepted"], model=model)))
    cells = [each for each in page.iter() if tag(each) == "td" and each.find(f"{XHTML}small") is not None]
    assert [each.attrib.get("class") for each in cells] == ["right", None, None, "right"]
    assert "no wrong call" in words(page)


def test_the_page_shows_what_compression_cost_and_gained(documents: dict[str, Document], pages: dict[str, str]) -> None:
    model = documents["compressed"].model
    assert model is not None
    assert model.uncompressed is not None
    text = words(parsed(pages["compressed"]))
    assert "before compression and after" in text
    assert f"{model.uncompressed.macro_f1:.3f}" in text
    assert [each.step for each in model.reductions] == ["encode", "prune", "quantize"]


def test_the_front_is_drawn_and_listed_with_the_chosen_one(documents: dict[str, Document]) -> None:
    one = documents["accepted"].model
    assert one is not None
    candidates = tuple(
        CandidateFacts(
            name=f"bag of {place}",
            bytes=1000 * place,
            equal=place > 1,
            macro_f1=0.01 * place,
            macro_f1_low=0.005 * place,
            best_f1=0.02,
            best_f1_low=-0.01,
            average_precision=0.03,
            average_precision_low=0.01,
            brier=-0.001,
        )
        for place in (1, 2, 3)
    )
    facts = CompressionReport(
        bytes=2000, gzip_bytes=900, chosen="bag of 2", why="it is small", reductions=one.reductions, front=candidates
    )
    model = one.model_copy(update={"compression": facts})
    page = parsed(render(replace(documents["accepted"], model=model)))
    drawn = next(each for each in page.iter() if each.attrib.get("id") == "front-alt")
    assert "2,000 bytes: macro-F1 +2.0, best F1 +2.0, average precision +3.0 points, chosen" in words(drawn)
    rows = {words(next(iter(row))): row for row in page.iter() if tag(row) == "tr" and len(row)}
    assert rows["bag of 2"].attrib["class"] == "chosen"
    assert words(rows["bag of 1"]).endswith("no")


def test_each_of_several_classes_has_its_curve(documents: dict[str, Document], pages: dict[str, str]) -> None:
    model = documents["classes"].model
    assert model is not None
    page = parsed(pages["classes"])
    alt = words(next(each for each in page.iter() if each.attrib.get("id") == "class-curves-alt"))
    for each in model.evaluation.classes:
        assert each.average_precision is not None
        assert f"{each.name}: average precision {each.average_precision.value:.2f}" in alt
        assert each.curve[-1].recall == 1
    assert "class-curves" not in pages["accepted"]


def test_of_many_classes_the_worst_are_drawn(documents: dict[str, Document]) -> None:
    one = documents["classes"].model
    assert one is not None
    first = one.evaluation.classes[0]
    assert first.average_precision is not None
    many = tuple(
        first.model_copy(
            update={
                "name": f"class {place}",
                "average_precision": first.average_precision.model_copy(update={"value": 0.1 * place}),
            }
        )
        for place in range(9)
    )
    model = one.model_copy(update={"evaluation": one.evaluation.model_copy(update={"classes": many})})
    page = parsed(render(replace(documents["classes"], model=model)))
    title, alt = (
        words(next(each for each in page.iter() if each.attrib.get("id") == f"class-curves-{part}"))
        for part in ("title", "alt")
    )
    assert "the 6 classes that rank worst" in title
    assert "class 5" in alt
    assert "class 6" not in alt


@pytest.mark.parametrize("kind", ["rejected", "inconclusive"])
def test_the_gates_say_once_why_a_model_is_refused(
    documents: dict[str, Document], pages: dict[str, str], kind: str
) -> None:
    problem = documents[kind].problem
    assert problem is not None
    text = words(parsed(pages[kind]))
    assert problem.reason in text
    assert problem.remedy in text
    assert problem.message not in text
    assert "What was required, and what was reached" in text
    assert "Allowed" in words(parsed(pages["failed"]))


def test_the_steps_end_at_the_file_that_is_served(documents: dict[str, Document], pages: dict[str, str]) -> None:
    model = documents["rows"].model
    assert model is not None
    assert model.contributions is not None
    assert [each.step for each in model.steps] == ["encode", "contributions"]
    assert model.steps[0].bytes_after == model.steps[1].bytes_before
    assert model.steps[1].bytes_after == model.bytes
    assert f"contributions: {model.bytes:,} bytes" in words(parsed(pages["rows"]))


def test_the_output_that_explains_a_row_is_told(documents: dict[str, Document], pages: dict[str, str]) -> None:
    model = documents["rows"].model
    assert model is not None
    assert model.contributions is not None
    text = words(parsed(pages["rows"]))
    assert "they add up to the score of each class" in text
    assert "in this order: heat, load." in text
    assert f"takes {model.contributions.bytes:,} of the file's {model.bytes:,} bytes" in text
    for base in model.contributions.base:
        assert f"{base:.6g}" in text
    assert "contributions" not in pages["accepted"]


def test_names_from_a_file_stay_texts(pages: dict[str, str]) -> None:
    text = words(parsed(pages["hostile"]))
    assert HOSTILE[0] in text
    assert "$\\frac{1}{2}$ & ]]> -->" in text
    assert "\x07" not in pages["hostile"]


def test_the_same_record_gives_the_same_page(tmp_path: Path) -> None:
    document(tmp_path, "accepted")
    code = (
        "import sys; from pathlib import Path; from model_builder.report_page.opening import open_document; "
        "from model_builder.report_page.page import render; "
        "sys.stdout.write(render(open_document(Path(sys.argv[1]))))"
    )
    found = set()
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(REPOSITORY)}
        command = [sys.executable, "-c", code, str(tmp_path / "accepted")]
        found.add(subprocess.run(command, env=environment, capture_output=True, check=True, timeout=120).stdout)
    assert len(found) == 1
    assert b"/tmp" not in next(iter(found))


def test_colours_have_contrast_in_light_and_in_dark() -> None:
    style = (files("model_builder.report_page") / "templates" / "style.css").read_text()
    light, dark, printed = (dict(re.findall(r"--(\w+): (#[0-9a-f]+)", part)) for part in _schemes(style))
    for scheme in (light, dark, light | printed):
        for name in TEXT:
            for ground in ("paper", "raised"):
                assert _contrast(scheme[name], scheme[ground]) >= 4.5, (name, ground)


def _schemes(style: str) -> tuple[str, str, str]:
    light, _, rest = style.partition("@media (prefers-color-scheme: dark)")
    dark, _, rest = rest.partition("* { box-sizing")
    return light, dark, rest.partition("@media print")[2]


def _contrast(one: str, other: str) -> float:
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    linear = [
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in (int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
