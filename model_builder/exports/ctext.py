"""Words of C: names, texts, numbers and arrays, safe whatever the names of columns and classes hold."""

from __future__ import annotations

import re
import textwrap

import numpy as np
import numpy.typing as npt

_TYPES = {
    np.dtype(np.uint8): "uint8_t",
    np.dtype(np.uint16): "uint16_t",
    np.dtype(np.uint32): "uint32_t",
    np.dtype(np.float32): "float",
}


def prefix(name: str) -> str:
    """Give the prefix of all public names of a model whose name is a DNS label."""
    return name.replace("-", "_")


def enumerators(stem: str, names: tuple[str, ...]) -> list[str]:
    """Make a constant of each name, all different: letters and digits in capitals, anything else an underscore."""
    found: list[str] = []
    for name in names:
        word = f"{stem}_{re.sub(r'[^A-Z0-9]+', '_', name.upper()).strip('_') or 'X'}"
        number, unique = 1, word
        while unique in found:
            number += 1
            unique = f"{word}_{number}"
        found.append(unique)
    return found


def comment(text: str) -> str:
    """Write a text within a comment: quoted, ASCII, and nothing in it can end the comment or start another."""
    plain = text.encode("ascii", "backslashreplace").decode()
    plain = "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in plain)
    for evil, harmless in (("*/", "*\\/"), ("/*", "/\\*"), ("??", "?\\?")):
        while evil in plain:
            plain = plain.replace(evil, harmless)
    return f'"{plain}"'


def string(text: str) -> str:
    """Write a text as a string literal of UTF-8; whatever is no letter, digit, blank, dot or dash is in octal."""
    plain = re.compile(rb"[A-Za-z0-9 ._-]")
    return (
        '"'
        + "".join(
            chr(byte) if plain.fullmatch(bytes([byte])) else f"\\{byte:03o}"
            for byte in text.encode(errors="surrogatepass")
        )
        + '"'
    )


def number(value: np.float32 | float) -> str:
    """Write a float so that it is read back as the very same one."""
    value = np.float32(value)
    if np.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    text = str(value)
    return (text if any(mark in text for mark in ".e") else f"{text}.0") + "F"


def array(name: str, values: npt.NDArray[np.generic]) -> str:
    """Write a constant array of one or two dimensions."""
    shape = "".join(f"[{length}]" for length in values.shape)
    kind = _TYPES[values.dtype]
    words = [number(each) if kind == "float" else str(each) for each in values.reshape(-1).tolist()]
    if values.ndim == 2:
        width = values.shape[1]
        words = [f"{{{', '.join(words[start : start + width])}}}" for start in range(0, len(words), width)]
    body = textwrap.fill(", ".join(words), 110, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
    return f"static const {kind} {name}{shape} = {{\n{body}\n}};\n"
