"""Stand-ins for libraries that the slim Triton image leaves out; needs binutils, as building the image does."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from images.triton import placeholders
from images.triton.placeholders import Placeholder

ABSENT = Placeholder("libfoo-", "foo")


def test_version_script_gives_each_symbol_its_version() -> None:
    script = placeholders.version_script({"b": "FOO_1", "a": "FOO_1", "c": "FOO_2"})
    assert script.splitlines() == ["FOO_1 { global: a; b; };", "FOO_2 { global: c; };"]


def test_version_script_without_versions_names_the_symbols() -> None:
    assert placeholders.version_script({"b": "", "a": ""}) == "{ global: a; b; local: *; };\n"


def test_mixed_versions_are_refused() -> None:
    with pytest.raises(ValueError, match="some have none"):
        placeholders.version_script({"a": "FOO_1", "b": ""})


def test_assembly_defines_every_symbol() -> None:
    source = placeholders.assembly(ABSENT, ["foo_open", "errorString"])
    assert "foo_open:\n    jmp refuse" in source
    assert "errorString:\n    lea message" in source


def built(folder: Path, symbol: str) -> Path:
    versions = placeholders.version_script({symbol: ""})
    return placeholders.link("libfoo.so", placeholders.assembly(ABSENT, [symbol]), versions, folder)


def test_calling_a_placeholder_says_what_is_missing_and_ends_the_process(tmp_path: Path) -> None:
    program = f"import ctypes; ctypes.CDLL({str(built(tmp_path, 'foo_open'))!r}).foo_open()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 127
    assert done.stderr == "tritonserver: left out of this image: foo (see docs/triton-image.md)\n"


def test_dot_product_is_numpys(tmp_path: Path) -> None:
    dot = ctypes.CDLL(str(built(tmp_path, "cblas_sdot64_"))).cblas_sdot64_
    dot.restype = ctypes.c_float
    vector = ctypes.c_float * 6
    left, right = vector(1, 2, 3, 4, 5, 6), vector(2, 0, 1, 0, 0.5, 0)
    count, stride = ctypes.c_int64, ctypes.c_int64
    assert dot(count(6), left, stride(1), right, stride(1)) == pytest.approx(7.5)
    assert dot(count(3), left, stride(2), right, stride(1)) == pytest.approx(1 * 2 + 3 * 0 + 5 * 1)
    assert dot(count(0), left, stride(1), right, stride(1)) == 0


def test_fixed_modes_leave_a_file_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "stub"
    file.touch(mode=0o755)
    library = ctypes.CDLL(str(placeholders.build_fixed_modes(tmp_path)))
    assert library.chmod(str(file).encode(), 0o100) == 0
    assert file.stat().st_mode & 0o777 == 0o755
