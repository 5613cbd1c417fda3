"""Writes trees as plain C99: no allocation, no global state, no library but ``expf`` where the model needs it.

A header with the order of columns, and a source file of tables and the loop that walks them. Tables, because code of
comparisons is several times as large from a few dozen splits on, and below that the difference is some hundred bytes.
"""

from __future__ import annotations

import numpy as np

from model_builder.compression.ensemble import Combine, Link
from model_builder.exports.c_network import write_network
from model_builder.exports.cheader import header
from model_builder.exports.cparts import GUARD, arguments, code, known, link_lines, parameters, plain, verdict
from model_builder.exports.ctext import array, comment, number, prefix
from model_builder.exports.model import Source, Written, unsupported
from model_builder.exports.network import Network
from model_builder.exports.tables import Tables, tables


def write_c(source: Source) -> Written:
    """Write ``NAME.h`` and ``NAME.c``.

    Returns
    -------
    Written
        The same model gives the same bytes.

    Raises
    ------
    BuilderError
        ``ExportUnsupported`` for a text with a zero byte, which C cannot compare.
    """
    for category in source.categories:
        for value in category.values:
            if "\0" in value:
                raise unsupported(
                    f"a text of the column {comment(category.name)} has a zero byte, and C cannot compare it",
                    found=comment(value),
                    allowed="texts without zero bytes",
                    remedy="mend the text in the data, or leave c out of exports",
                )
    if isinstance(source.ensemble, Network):
        return write_network(source, source.ensemble)
    laid_out = tables(source.ensemble)
    name = prefix(source.name)
    parts = [
        f'/* {source.name}: see {name}.h. */\n\n#include "{name}.h"\n\n{_includes(laid_out, source)}\n{GUARD}',
        _arrays(laid_out, source),
        _column(source, laid_out),
        _walk(laid_out, bool(source.categories)),
        _predict(name, source, laid_out),
        *([code(name, source)] if source.categories else []),
    ]
    splits = len(laid_out.feature)
    detail = f"tables of {splits:,} splits and {len(laid_out.leaves):,} distinct leaves, {laid_out.bytes:,} bytes"
    files = {f"{name}.h": header(source).encode(), f"{name}.c": "\n".join(parts).encode()}
    return Written(files, detail, laid_out.bytes)


def _includes(laid_out: Tables, source: Source) -> str:
    needs_math = laid_out.source.link is not Link.IDENTITY or np.isinf(laid_out.cuts).any()
    lines = ["#include <math.h>"] if needs_math else []
    lines += ["#include <string.h>"] if source.categories else []
    return "\n".join(lines) + "\n" if lines else ""


def _arrays(laid_out: Tables, source: Source) -> str:
    parts = [
        "/* Of each split: twice the column, plus one where a missing value goes left. */\n",
        array("FEATURE", laid_out.feature),
    ]
    if laid_out.cut is not None:
        parts += ["/* Its place in CUTS. */\n", array("CUT", laid_out.cut)]
    parts += [
        "/* A value of at most this goes left. */\n",
        array("CUTS", laid_out.cuts),
        "/* Below the number of LEAVES: that leaf; from there on: so many splits further on. */\n",
        array("LEFT", laid_out.left),
        array("RIGHT", laid_out.right),
        "/* The first split of each tree. */\n",
        array("ROOTS", laid_out.roots),
        "/* What a leaf adds. */\n",
        array("LEAVES", laid_out.leaves),
    ]
    if laid_out.target is not None:
        parts += ["/* The class that a tree adds to. */\n", array("TARGET", laid_out.target)]
    parts += known(source)
    if pairs := laid_out.source.pairs:
        parts += ["/* Columns that are computed from two: differences, then products. */\n"]
        parts += [array("PAIR_LEFT", np.array([pair.left for pair in pairs], np.uint16))]
        parts += [array("PAIR_RIGHT", np.array([pair.right for pair in pairs], np.uint16))]
    return "".join(parts)


def _column(source: Source, laid_out: Tables) -> str:
    categories, width = bool(source.categories), source.ensemble.features
    text = plain(source)
    if not laid_out.source.pairs:
        return text
    differences = sum(pair.combine is Combine.DIFFERENCE for pair in laid_out.source.pairs)
    given = arguments(categories)
    lines = [
        f"    if (index < {width}U) {{",
        f"        return plain(index, {given});",
        "    }",
        "    {",
        f"        const uint32_t pair = index - {width}U;",
        f"        const float left = plain(PAIR_LEFT[pair], {given});",
        f"        const float right = plain(PAIR_RIGHT[pair], {given});",
        f"        const float made = {_made(differences, len(laid_out.source.pairs))};",
        "        return made;",
        "    }",
    ]
    body = "\n".join(lines)
    return f"{text}\nstatic float column(uint32_t index, {parameters(categories)})\n{{\n{body}\n}}\n"


def _made(differences: int, pairs: int) -> str:
    # Without the needless comparison, of which some compilers warn.
    if differences == 0:
        return "left * right"
    return "left - right" if differences == pairs else f"pair < {differences}U ? left - right : left * right"


def _walk(laid_out: Tables, categories: bool) -> str:
    read = "column" if laid_out.source.pairs else "plain"
    cut = "CUTS[split]" if laid_out.cut is None else "CUTS[CUT[split]]"
    return f"""\
/* Gives the leaf that a row ends in. A comparison with NaN is false, so the second test is met by NaN alone. */
static uint32_t leaf_of(uint32_t split, {parameters(categories)})
{{
    for (;;) {{
        const uint32_t told = FEATURE[split];
        const float value = {read}(told >> 1, {arguments(categories)});
        const int left = value <= {cut} || (value != value && (told & 1U) != 0U);
        const uint32_t code = left ? LEFT[split] : RIGHT[split];
        if (code < {len(laid_out.leaves)}U) {{
            return code;
        }}
        split += code - {len(laid_out.leaves) - 1}U;
    }}
}}
"""


def _predict(name: str, source: Source, laid_out: Tables) -> str:
    categories, outputs = bool(source.categories), source.ensemble.outputs
    binary = source.signature.threshold is not None
    given = f"const float numeric[{name.upper()}_NUMERIC], "
    if categories:
        given += f"const int16_t categorical[{name.upper()}_CATEGORICAL], "
    start = "\n".join(f"    scores[{index}] = {number(value)};" for index, value in enumerate(laid_out.base))
    if laid_out.target is not None:
        add = "        scores[TARGET[tree]] += LEAVES[leaf][0];"
    elif outputs == 1:
        add = "        scores[0] += LEAVES[leaf][0];"
    else:
        add = (
            f"        for (output = 0; output < {outputs}U; output++) {{\n"
            "            scores[output] += LEAVES[leaf][output];\n        }"
        )
    ends = [link_lines(laid_out.source.link, outputs), verdict(source, outputs)]
    counters = "    uint32_t tree;\n" if binary else "    uint32_t tree;\n    uint32_t output;\n    int best = 0;\n"
    return (
        f"int {name}_predict({given}float scores[{name.upper()}_SCORES])\n{{\n{counters}{start}\n"
        f"    for (tree = 0; tree < {len(laid_out.roots)}U; tree++) {{\n"
        f"        const uint32_t leaf = leaf_of(ROOTS[tree], {arguments(categories)});\n{add}\n    }}\n"
        + "\n".join(each for each in ends if each)
        + "\n}\n"
    )
