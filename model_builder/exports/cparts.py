"""What the C of trees and of networks share: reading a column, the link, the verdict, the texts of categories."""

from __future__ import annotations

import numpy as np

from model_builder.compression.ensemble import Link
from model_builder.contract import decision
from model_builder.exports.ctext import array, number, string
from model_builder.exports.model import Source

GUARD = """\
#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0
#error "A missing value is NaN: compile without -ffast-math and -ffinite-math-only."
#endif
"""


def parameters(categories: bool) -> str:
    """Write the parameters of a function that reads a row."""
    return "const float *numeric, const int16_t *categorical" if categories else "const float *numeric"


def arguments(categories: bool) -> str:
    """Write the arguments for them."""
    return "numeric, categorical" if categories else "numeric"


def known(source: Source) -> list[str]:
    """Write which category and value each column of a category stands for."""
    if not source.categories:
        return []
    column = np.concatenate([np.full(len(each.values), index) for index, each in enumerate(source.categories)])
    value = np.concatenate([np.arange(len(each.values)) for each in source.categories])
    return [
        "/* Columns that are one where a category has one value. */\n",
        array("KNOWN_COLUMN", column.astype(np.uint16)),
        array("KNOWN_VALUE", value.astype(np.uint8)),
    ]


def plain(source: Source) -> str:
    """Write the function that reads a column of a row."""
    categories, numbers = bool(source.categories), len(source.signature.numeric)
    body = "    return numeric[index];\n"
    if categories:
        body = (
            f"    if (index < {numbers}U) {{\n        return numeric[index];\n    }}\n"
            f"    index -= {numbers}U;\n"
            "    return categorical[KNOWN_COLUMN[index]] == (int16_t)KNOWN_VALUE[index] ? 1.0F : 0.0F;\n"
        )
    return f"static float plain(uint32_t index, {parameters(categories)})\n{{\n{body}}}\n"


def verdict(source: Source, outputs: int) -> str:
    """Write the end of a prediction: from scores to fault or class."""
    if source.signature.threshold is not None:
        return f"    return scores[0] >= {number(np.float32(decision(source.signature)))};"
    return _best(outputs)


def _best(outputs: int) -> str:
    return (
        f"    for (output = 1; output < {outputs}U; output++) {{\n"
        "        if (scores[output] > scores[best]) {\n            best = (int)output;\n        }\n    }\n"
        "    return best;"
    )


def link_lines(link: Link, outputs: int) -> str:
    """Write what makes scores of sums."""
    if link is Link.SIGMOID:
        return "    scores[0] = 1.0F / (1.0F + expf(-scores[0]));"
    if link is Link.IDENTITY:
        return ""
    loop = f"for (output = 0; output < {outputs}U; output++)"
    return (
        "    {\n        float largest = scores[0];\n        float sum = 0.0F;\n"
        f"        {loop} {{\n            largest = scores[output] > largest ? scores[output] : largest;\n        }}\n"
        f"        {loop} {{\n            scores[output] = expf(scores[output] - largest);\n"
        "            sum += scores[output];\n        }\n"
        f"        {loop} {{\n            scores[output] /= sum;\n        }}\n    }}"
    )


def code(name: str, source: Source) -> str:
    """Write the function that looks up a text of a category."""
    texts = [value for category in source.categories for value in category.values]
    lines = ",\n".join(f"    {string(text)}" for text in texts)
    return f"""\
static const char *const TEXTS[{len(texts)}] = {{
{lines}
}};

int16_t {name}_code(uint16_t column, const char *text)
{{
    uint32_t index;
    for (index = 0; index < {len(texts)}U; index++) {{
        if (KNOWN_COLUMN[index] == column && strcmp(TEXTS[index], text) == 0) {{
            return (int16_t)KNOWN_VALUE[index];
        }}
    }}
    return -1;
}}
"""
