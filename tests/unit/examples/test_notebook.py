"""The notebook runs from top to bottom, and ends in a manifest that the API takes."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
import yaml
from nbclient import NotebookClient

from andon.api.meta import API_VERSION
from andon.api.v1alpha1 import FaultModel
from tests.support.builder import REPOSITORY

NOTEBOOK = REPOSITORY / "examples" / "notebook.ipynb"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[nbformat.NotebookNode, Path]:
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANDON_NOTEBOOK_ROWS", "3000")
        patch.setenv("ANDON_NOTEBOOK_FOLDER", str(folder))
        patch.setenv("PYTHONPATH", str(REPOSITORY))
        resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
        NotebookClient(notebook, timeout=240, kernel_name="python3", resources=resources).execute()
    return notebook, folder


def test_outputs_are_not_kept() -> None:
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


def test_it_ends_in_an_artifact_a_page_and_a_manifest(finished: tuple[nbformat.NotebookNode, Path]) -> None:
    notebook, folder = finished
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    assert (folder / "spindle" / "manifest.json").is_file()
    page = (folder / "spindle.html").read_text()
    assert "Accepted: both gates are met" in page
    written = yaml.safe_load((folder / "spindle.yaml").read_text())
    assert (written["apiVersion"], written["kind"], written["metadata"]) == (
        API_VERSION,
        "FaultModel",
        {"name": "spindle"},
    )
    model = FaultModel.model_validate({"spec": written["spec"]})
    assert model.spec.source.train.data.sha256 is not None


def test_it_says_why_and_how_small(finished: tuple[nbformat.NotebookNode, Path]) -> None:
    notebook, _ = finished
    said = "".join(
        output.text
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "stream"
    )
    assert "the strongest of " in said
    assert "bytes, the plain export has " in said
