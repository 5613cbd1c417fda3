"""Placeholders for shared libraries that Triton and numpy link but that serving a forest never calls.

``libtritonserver`` links libcurl and libxml2 (model repositories in cloud storage, with ICU, Kerberos, LDAP, SSH and
GnuTLS behind them), libdcgm (metrics of NVIDIA GPUs); the Python backend links libarchive (packed environments); numpy
links OpenBLAS (linear algebra). Together they weigh 88 MB, some thirty libraries that
would all want security updates.

A placeholder has the library's name and the symbols that its users ask for, at the versions they ask for. To call one
says on standard error what is missing and ends the process with 127, so that a wrong guess is loud.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

# System V AMD64: write(2, message, length), then exit_group(127).
_REFUSE = """
refuse:
    lea message(%rip), %rsi
    mov $message_length, %edx
    mov $2, %edi
    mov $1, %eax
    syscall
    mov $127, %edi
    mov $231, %eax
    syscall
"""

# float cblas_sdot64_(n, x, incx, y, incy): numpy multiplies two short vectors when it is imported, to unmask a broken
# BLAS, and this is the one routine of linear algebra that it needs for that.
_DOT_PRODUCT = """
    xorps %xmm0, %xmm0
1:  test %rdi, %rdi
    jle 2f
    movss (%rsi), %xmm1
    mulss (%rcx), %xmm1
    addss %xmm1, %xmm0
    lea (%rsi,%rdx,4), %rsi
    lea (%rcx,%r8,4), %rcx
    dec %rdi
    jmp 1b
2:  ret
"""

_FIXED_MODES = ".text\n.globl chmod\n.type chmod, @function\nchmod: xor %eax, %eax\n    ret\n"
_NO_EXECUTABLE_STACK = '.section .note.GNU-stack,"",@progbits\n'  # without it the loader makes stacks executable
_RETURN_MESSAGE = "    lea message(%rip), %rax\n    ret\n"
_SUCCEED = "    xor %eax, %eax\n    ret\n"
_NOT_SUPPORTED = "    mov $-6, %eax\n    ret\n"  # DCGM_ST_NOT_SUPPORTED: Triton logs it and goes on


@dataclass(frozen=True)
class Placeholder:
    """A library to be left out.

    Attributes
    ----------
    stem
        Start of the file's name, for example ``libcurl``; wheels add a hash to what follows.
    purpose
        What the real library would do, for the message.
    body
        What its symbols do, in assembler.
    """

    stem: str
    purpose: str
    body: str = "    jmp refuse\n"


TRITON_PLACEHOLDERS = (
    Placeholder("libcurl-", "model repositories in cloud storage"),
    Placeholder("libxml2-", "model repositories in cloud storage"),
    Placeholder("libarchive-", "packed Python environments"),
    Placeholder("libdcgm-", "metrics of NVIDIA GPUs", body=_NOT_SUPPORTED),
)
NUMPY_PLACEHOLDERS = (Placeholder("libopenblas64_", "linear algebra in numpy"),)

_IMPLEMENTED = {
    "cblas_sdot64_": _DOT_PRODUCT,
    "errorString": _RETURN_MESSAGE,  # libdcgm's text for an error number
    # The cloud clients' static objects set their libraries up and tear them down whether or not they are used.
    **dict.fromkeys(("curl_global_init", "curl_global_cleanup", "xmlInitParser", "xmlCleanupParser"), _SUCCEED),
}


def dynamic_symbols(library: Path, kind: str) -> dict[str, str]:
    """Map the symbols that `library` has of `kind` ("defined" or "undefined") to their versions ("" for none)."""
    listing = subprocess.run(
        ["nm", "--dynamic", f"--{kind}-only", str(library)], check=True, capture_output=True, text=True
    ).stdout
    names = (line.split()[-1] for line in listing.splitlines())
    return {name: version.lstrip("@") for name, _, version in (text.partition("@") for text in names)}


def assembly(placeholder: Placeholder, symbols: Sequence[str]) -> str:
    """Return the assembler source of `placeholder` with `symbols`."""
    message = f"tritonserver: left out of this image: {placeholder.purpose} (see docs/triton-image.md)\\n\\0"
    lines = [
        ".section .rodata",
        f'message: .ascii "{message}"',
        ".set message_length, . - message - 1",
        ".text",
        _REFUSE,
    ]
    for symbol in symbols:
        lines += [f".globl {symbol}", f".type {symbol}, @function", f"{symbol}:"]
        lines.append(_IMPLEMENTED.get(symbol, placeholder.body))
    return "\n".join(lines) + "\n"


def version_script(symbols: dict[str, str]) -> str:
    """Return the linker's version script that gives each of `symbols` its version."""
    nodes: dict[str, list[str]] = {}
    for name, version in sorted(symbols.items()):
        nodes.setdefault(version, []).append(name)
    unversioned = nodes.pop("", [])
    if nodes and unversioned:
        raise ValueError(f"some symbols have versions and some have none: {unversioned}")
    if unversioned:
        return f"{{ global: {'; '.join(unversioned)}; local: *; }};\n"
    return "".join(f"{version} {{ global: {'; '.join(names)}; }};\n" for version, names in nodes.items())


def build(placeholder: Placeholder, real: Path, users: Iterable[Path], folder: Path) -> Path:
    """Write into `folder` a stand-in for the library `real`, with what the libraries `users` import from it.

    Raises
    ------
    ValueError
        If no user imports anything from it: it can then be dropped without a placeholder.
    """
    offered = dynamic_symbols(real, "defined")
    imported = [dynamic_symbols(user, "undefined") for user in users]
    wanted = {name: version for symbols in imported for name, version in symbols.items() if name in offered}
    if not wanted:
        raise ValueError(f"nothing uses {real.name}: it needs no placeholder")
    return link(real.name, assembly(placeholder, sorted(wanted)), version_script(wanted), folder)


def build_fixed_modes(folder: Path) -> Path:
    """Write into `folder` a library whose ``chmod`` does nothing and succeeds.

    This server's Python backend sets its stub's mode at every start and gives up where it may not, which on a
    read-only root, or as a user other than the file's owner, is always. The image sets the mode when it is built.
    """
    return link("libfixedmodes.so", _FIXED_MODES, "{ global: chmod; local: *; };\n", folder)


def link(name: str, source: str, versions: str, folder: Path) -> Path:
    """Assemble `source` and link it into the shared library `name`, with `versions` as version script."""
    target = folder / name
    with TemporaryDirectory() as scratch:
        text, script, compiled = (Path(scratch) / file for file in ("source.s", "versions.map", "object.o"))
        text.write_text(source + _NO_EXECUTABLE_STACK)
        script.write_text(versions)
        subprocess.run(["as", "-o", str(compiled), str(text)], check=True)
        options = ["-shared", "--strip-all", "--build-id=none", "-soname", name, "--version-script", str(script)]
        subprocess.run(["ld", *options, "-o", str(target), str(compiled)], check=True)
    return target
