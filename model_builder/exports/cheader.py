"""The header of the C export: what a caller must know, above all the order of columns."""

from __future__ import annotations

from model_builder.exports.ctext import comment, enumerators, prefix
from model_builder.exports.model import Source


def header(source: Source) -> str:
    """Write the header."""
    signature, name = source.signature, prefix(source.name)
    macro = name.upper()
    outputs = 1 if signature.threshold is not None else len(signature.classes)
    sizes = [f"{macro}_NUMERIC = {len(signature.numeric)}"]
    if source.categories:
        sizes.append(f"{macro}_CATEGORICAL = {len(source.categories)}")
    sizes.append(f"{macro}_SCORES = {outputs}")
    parts = [
        f"/* {source.name}, a model of Andon. Signature {signature.digest}. Written by the builder: do not edit. */",
        f"#ifndef {macro}_MODEL_H\n#define {macro}_MODEL_H\n\n#include <stdint.h>\n\n"
        '#ifdef __cplusplus\nextern "C" {\n#endif',
        f"enum {{ {', '.join(sizes)} }};",
        _enumeration("Places in `numeric`.", f"{macro}_N", signature.numeric),
        *_categories(macro, source),
        _classes(macro, source),
        _prototype(name, source),
        "#ifdef __cplusplus\n}\n#endif\n\n#endif",
    ]
    return "\n\n".join(parts) + "\n"


def _enumeration(what: str, stem: str, names: tuple[str, ...]) -> str:
    if not names:
        return f"/* {what} There are none. */"
    lines = [
        f"    {word} = {index}{',' if index < len(names) - 1 else ''} /* {comment(name)} */"
        for index, (word, name) in enumerate(zip(enumerators(stem, names), names, strict=True))
    ]
    return f"/* {what} */\nenum {{\n" + "\n".join(lines) + "\n};"


def _categories(macro: str, source: Source) -> list[str]:
    if not source.categories:
        return []
    names = tuple(each.name for each in source.categories)
    parts = [_enumeration("Places in `categorical`.", f"{macro}_C", names)]
    for index, category in enumerate(source.categories):
        what = f"Values of {comment(category.name)}; any other one is -1, a missing one too."
        parts.append(_enumeration(what, f"{macro}_V{index}", category.values))
    return parts


def _classes(macro: str, source: Source) -> str:
    classes = source.signature.classes
    if source.signature.threshold is None:
        return _enumeration("What predict returns.", f"{macro}_CLASS", classes)
    return f"/* A fault is the class {comment(classes[1])}, no fault the class {comment(classes[0])}. */"


def _prototype(name: str, source: Source) -> str:
    macro, threshold = name.upper(), source.signature.threshold
    given = [f"const float numeric[{macro}_NUMERIC]"]
    if source.categories:
        given.append(f"const int16_t categorical[{macro}_CATEGORICAL]")
    given.append(f"float scores[{macro}_SCORES]")
    if threshold is not None:
        told = (
            " * Gives 1 for a fault and 0 for none; scores[0] is the fault's probability, and from the threshold of\n"
            f" * {threshold:g} on it is a fault."
        )
    else:
        told = " * Gives the class of the largest probability, of equal ones the first; scores are the probabilities."
    text = (
        "/*\n * Answers one row. A missing number is NAN; compile without -ffast-math, which knows no NaN.\n"
        f"{told} Needs no memory but the stack, and is safe to call from several threads.\n */\n"
        f"int {name}_predict({', '.join(given)});"
    )
    if source.categories:
        text += (
            "\n\n/* Gives the value of a text for `categorical`, where the device has the text and not the value. */\n"
            f"int16_t {name}_code(uint16_t column, const char *text);"
        )
    return text
