"""Hostile files: each gets its typed reason, none runs anything, none brings the builder down."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from skops import io as skops_io

from model_builder.errors import BuilderError, Reason
from model_builder.imports.content import MAX_MODEL_BYTES, kind_of
from model_builder.imports.onnx_check import read_onnx
from model_builder.imports.probe import probe, try_out
from model_builder.imports.skops_check import read_skops
from tests.support import hostile
from tests.support.builder import REPOSITORY, refused


@pytest.mark.parametrize("kind", sorted(hostile.pickles(Path("marker"))))
def test_pickles_are_known_by_their_content_and_not_opened(kind: str, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    content = hostile.pickles(marker)[kind]
    with refused(Reason.PICKLE_REFUSED):
        kind_of(content)
    named = tmp_path / "model.onnx"  # what it is called is nobody's word
    named.write_bytes(content)
    with refused(Reason.PICKLE_REFUSED):
        probe(named)
    assert not marker.exists()


def test_the_corpus_would_do_harm_if_it_were_opened(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    pickle.loads(hostile.pickles(marker)["pickle 4"])  # noqa: S301 (made in the line above)
    assert marker.exists()


@pytest.mark.parametrize("name", sorted(hostile.ONNX))
def test_hostile_onnx(name: str) -> None:
    with refused(hostile.ONNX[name][1]):
        try_out(hostile.onnx_bytes(name))


@pytest.mark.parametrize("name", sorted(hostile.SKOPS))
def test_hostile_skops(name: str) -> None:
    make, reason = hostile.SKOPS[name]
    with refused(reason):
        try_out(make())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Reason.UNKNOWN_MODEL_FORMAT),
        (b"\x89HDF\r\n", Reason.UNKNOWN_MODEL_FORMAT),
        (b"hello, world", Reason.UNKNOWN_MODEL_FORMAT),
        (hostile.zipped({"a.txt": b"x"}), Reason.UNKNOWN_MODEL_FORMAT),
        (b"PK\x03\x04broken", Reason.MODEL_UNREADABLE),
        (b"\x08" + b"\xff" * 40, Reason.MODEL_UNREADABLE),
    ],
)
def test_what_is_no_model(content: bytes, reason: Reason) -> None:
    with refused(reason):
        try_out(content)


def test_a_file_beyond_all_bounds() -> None:
    with refused(Reason.MODEL_TOO_LARGE, f"{MAX_MODEL_BYTES:,}"):
        kind_of(b"\x08" * (MAX_MODEL_BYTES + 1))


def test_external_data_is_named_and_not_read() -> None:
    with refused(Reason.EXTERNAL_DATA_REFUSED, "../../etc/passwd", "If"):
        read_onnx(hostile.onnx_bytes("external data in a graph in a graph"))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_files_that_are_cut_off(share: float) -> None:
    for content in (hostile.mlp().SerializeToString(), skops_io.dumps(hostile.forest())):
        with pytest.raises(BuilderError) as caught:
            try_out(content[: int(len(content) * share)])
        assert caught.value.reason in (Reason.MODEL_UNREADABLE, Reason.MODEL_OUTPUTS_DIFFER, Reason.MODEL_INPUTS_DIFFER)


def test_good_files_pass() -> None:
    assert try_out(hostile.mlp().SerializeToString()) == "onnx"
    for model in (hostile.forest(), hostile.boosted()):
        content = skops_io.dumps(model)
        assert try_out(content) == "skops"
        np.testing.assert_array_equal(
            read_skops(content).predict_proba(hostile.ROWS), model.predict_proba(hostile.ROWS)
        )


def test_a_model_that_brings_down_its_process_does_not_bring_down_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(hostile.mlp().SerializeToString())
    assert probe(file) == "onnx"
    # A module of this name is loaded in the child before any of ours, and ends it as a fault in a library would.
    (tmp_path / "sitecustomize.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with refused(Reason.MODEL_CRASHED, "SIGSEGV"):
        probe(file)


GOOD = {"onnx": hostile.mlp().SerializeToString(), "skops": skops_io.dumps(hostile.forest(max_depth=3))}

FUZZ = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
from model_builder.errors import BuilderError
from model_builder.imports.probe import try_out
for line in sys.stdin:
    try:
        print("fine", try_out(bytes.fromhex(line.strip())))
    except BuilderError as error:
        print("refused", error.reason.value)
"""


def mutated(content: bytes, random: np.random.RandomState) -> bytes:
    changed = bytearray(content)
    for _ in range(random.randint(1, 5)):
        place = random.randint(len(changed))
        change = random.randint(3)
        if change == 0:
            changed[place] = random.randint(256)
        elif change == 1 and len(changed) > 40:
            del changed[place : place + random.randint(1, 20)]
        else:
            changed[place:place] = bytes(random.randint(0, 256, random.randint(1, 20)).astype(np.uint8))
    return bytes(changed)


def mutated_within(content: bytes, random: np.random.RandomState) -> bytes:
    """Change one file within a zip archive, and give the archive right checksums again."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    name = sorted(files)[random.randint(len(files))]
    if name.endswith(".npy") and random.randint(2):  # numbers of an array, its head left whole
        head = len(files[name]) * 2 // 3
        files[name] = files[name][:head] + mutated(files[name][head:], random)[: len(files[name]) - head]
    else:
        files[name] = mutated(files[name], random)
    return hostile.zipped(files)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kind=st.sampled_from(["onnx", "skops", "within skops"]), seed=st.integers(0, 1_000_000))
def test_changed_bytes_are_fine_or_refused_and_nothing_else(kind: str, seed: int) -> None:
    random = np.random.RandomState(seed)
    change = mutated_within if kind == "within skops" else mutated
    files = [change(GOOD[kind.removeprefix("within ")], random).hex() for _ in range(60)]
    done = subprocess.run(
        [sys.executable, "-c", FUZZ],
        input="\n".join(files) + "\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = [line for line in done.stdout.splitlines() if line.startswith(("fine", "refused"))]
    assert len(told) == len(files)


@pytest.mark.parametrize("called", ["skops.io.get_untrusted_types", "skops.io.loads"])
def test_memory_that_runs_out_is_not_said_to_be_the_files_fault(called: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = skops_io.dumps(RandomForestClassifier(2, random_state=0).fit([[0.0], [1.0]], [0, 1]))

    def full(*_: object, **__: object) -> None:
        raise MemoryError

    read_skops(content)
    monkeypatch.setattr(called, full)
    with pytest.raises(MemoryError):
        read_skops(content)


def test_memory_that_runs_out_over_onnx_is_not_said_to_be_the_files_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    content = hostile.mlp(4, 2, "Softmax").SerializeToString()

    def full(*_: object, **__: object) -> None:
        raise MemoryError

    for place in ("onnx.checker.check_model", "model_builder.imports.foreign.open_session"):
        with monkeypatch.context() as patched:
            patched.setattr(place, full)
            with pytest.raises(MemoryError):
                try_out(content)
    assert try_out(content) == "onnx"
