"""Turns matplotlib figures into SVG for a page.

The colours are names of the page's style, so that a figure follows light and dark; texts stay texts; ids belong to
the figure alone; and the same figure gives the same bytes.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as Xml

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, MUTED, LINE, FIRST, SECOND, THIRD, GOOD, BAD = (f"#0102{index:02x}" for index in range(3, 11))
"""Colours that no figure would have by chance, each standing for a property of the page's style."""

_STYLE = {
    INK: "ink",
    MUTED: "muted",
    LINE: "line",
    FIRST: "first",
    SECOND: "second",
    THIRD: "third",
    GOOD: "good",
    BAD: "bad",
}
_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_UNWANTED = {"metadata", "style"}
_GEOMETRY = {"d", "x", "y", "width", "height", "transform", "points"}
_SETTINGS: Any = {  # matplotlib types the keys one by one
    "svg.fonttype": "none",
    "svg.hashsalt": "andon",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "path.simplify": False,
}


@dataclass(frozen=True)
class Picture:
    """A drawn figure. ``alt`` says in words what it shows."""

    name: str
    title: str
    alt: str
    svg: str


def draw(name: str, title: str, alt: str, paint: Callable[[Axes], None], height: float = 3.0) -> Picture:
    """Draw a figure of the width of a phone.

    Parameters
    ----------
    name
        Starts every id within the figure, so it must be the figure's alone on its page.
    alt
        What the figure shows, for those who do not see it.
    paint
        Draws into the axes that it is given.
    height
        In inches of 72 units; the width is five.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the reader's own fonts will have it
        figure = Figure(figsize=(5, height), layout="constrained")
        FigureCanvasSVG(figure)
        paint(figure.add_subplot())
        written = io.StringIO()
        unnamed = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(written, format="svg", metadata=unnamed)
    return Picture(name, title, alt, _embedded(written.getvalue(), name, title, alt))


def _embedded(svg: str, name: str, title: str, alt: str) -> str:
    Xml.register_namespace("", _SVG)
    Xml.register_namespace("xlink", _XLINK)
    root = Xml.fromstring(svg)  # noqa: S314 (written by matplotlib a moment ago)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.rpartition("}")[2] in _UNWANTED:
                parent.remove(child)
    used = set(re.findall(r'(?:url\(|href=")#([^")]+)', Xml.tostring(root, encoding="unicode")))
    for element in root.iter():
        _own(element, name, used)
    for key in ("width", "height"):
        root.attrib.pop(key, None)
    root.attrib |= {
        "role": "img",
        "aria-labelledby": f"{name}-title",
        "aria-describedby": f"{name}-alt",
        "class": "plot",
    }
    for place, (tag, label, text) in enumerate((("title", "title", title), ("desc", "alt", alt))):
        element = Xml.Element(f"{{{_SVG}}}{tag}", {"id": f"{name}-{label}"})
        element.text = text
        root.insert(place, element)
    return Xml.tostring(root, encoding="unicode")


def _own(element: Xml.Element, name: str, used: set[str]) -> None:
    """Make an element the figure's own: its id, what it refers to, its colours; numbers to a hundredth of a unit."""
    found = element.attrib.pop("id", None)
    for key, value in element.attrib.items():
        if key.endswith("href") and value.startswith("#"):
            element.set(key, f"#{name}-{value[1:]}")
            continue
        value = value.replace("url(#", f"url(#{name}-")
        for colour, style in _STYLE.items():
            value = value.replace(colour, f"var(--{style})")
        element.set(key, re.sub(r"(\d+\.\d{2})\d+", r"\1", value) if key in _GEOMETRY else value)
    if found in used:
        element.set("id", f"{name}-{found}")
