"""The pages keep up with the code: every reason explained, every link alive, generated pages fresh."""

import re
from pathlib import Path

import pytest
import yaml

import model_builder.errors
from andon.api import crds, reference
from andon.api.conditions import ConditionType, Reason

ROOT = Path(__file__).parents[3]
PAGES = sorted(
    path
    for folder, pattern in (("", "*.md"), ("docs", "**/*.md"), ("lab", "*.md"))
    for path in (ROOT / folder).glob(pattern)
)
_CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
_ROW = re.compile(r"^\| `([A-Za-z]+)` \|", re.MULTILINE)

OPERATOR_REASONS = {str(reason) for reason in Reason}
BUILDER_REASONS = {str(reason) for reason in model_builder.errors.Reason}


def _page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def _section(page: str, heading: str) -> str:
    """Give the text under a heading of the second level."""
    _, found, rest = page.partition(f"\n## {heading}\n")
    assert found, f"no section {heading!r}"
    return rest.partition("\n## ")[0]


def _anchors(page: Path) -> set[str]:
    text = page.read_text()
    fenced = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    return {reference.anchor(heading) for heading in _HEADING.findall(fenced)}


def test_troubleshooting_explains_every_reason_of_the_operator_and_no_other() -> None:
    explained = _ROW.findall(_section(_page("troubleshooting.md"), "What the operator says"))
    assert sorted(explained) == sorted(OPERATOR_REASONS)


def test_troubleshooting_explains_every_reason_of_the_builder_and_no_other() -> None:
    explained = _ROW.findall(_section(_page("troubleshooting.md"), "Why a build failed"))
    assert sorted(explained) == sorted(BUILDER_REASONS)


def test_the_builders_page_names_every_reason_once() -> None:
    named = re.findall(r"`([A-Z][A-Za-z]+)`", _section(_page("builder.md"), "What is refused"))
    assert sorted(set(named)) == sorted(BUILDER_REASONS)


def test_the_architecture_explains_every_condition() -> None:
    explained = _ROW.findall(_section(_page("architecture.md"), "Conditions"))
    assert sorted(explained) == sorted(str(kind) for kind in ConditionType)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_relative_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in _LINK.findall(_CODE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, fragment = target.partition("#")
        where = (page.parent / file).resolve() if file else page
        if not where.exists() or (fragment and fragment not in _anchors(where)):
            broken.append(target)
    assert broken == []


def test_the_pages_were_found() -> None:
    names = {page.relative_to(ROOT).as_posix() for page in PAGES}
    assert {"docs/architecture.md", "CONTRIBUTING.md", "lab/README.md"} <= names
    assert len([name for name in names if name.startswith("docs/adr/0")]) >= 12


def test_decisions_are_numbered_and_have_their_parts() -> None:
    decisions = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    numbers = [int(path.name[:4]) for path in decisions]
    assert len(set(numbers)) == len(numbers), "two decisions have one number"
    for path in decisions:
        text = path.read_text()
        parts = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert parts == ["Context", "Decision", "Consequences"], path.name
        assert path.name in (ROOT / "docs" / "adr" / "README.md").read_text(), f"{path.name} is not in the list"


def test_the_reference_is_fresh() -> None:
    assert reference.page(reference.read(ROOT / "crds")) == _page("reference.md"), "stale: run `make generate`"


@pytest.mark.parametrize("name", crds.crds())
def test_the_crds_are_fresh(name: str) -> None:
    assert yaml.safe_load((ROOT / "crds" / name).read_text()) == crds.crds()[name], "stale: run `make generate`"


def test_the_reference_names_every_field() -> None:
    text = _page("reference.md")

    def check(path: str, schema: dict[str, object]) -> int:
        properties = schema.get("properties")
        items = schema.get("items")
        if isinstance(items, dict):
            return check(path, items)
        if not isinstance(properties, dict):
            return 0
        for name in properties:
            assert f"| `{name}` |" in text, f"{path}.{name}"
        return len(properties) + sum(check(f"{path}.{name}", field) for name, field in properties.items())

    for crd in crds.crds().values():
        schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
        assert check("spec", schema) > 10
