"""Makes the ONNX files of this folder: small networks, trained and exported by PyTorch itself.

Not run with the tests, since PyTorch takes gigabytes. It was run with the versions that `versions.json` tells:
`pip install torch onnxscript && python tests/data/torch/make.py`. Another version writes other bytes; answers are those
of PyTorch in evaluation mode, on the CPU.
"""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxscript
import torch
from torch import nn

FOLDER = Path(__file__).parent
WIDTH, ROWS = 4, 500


def network(outputs: int) -> nn.Sequential:
    """Make a network as a plant would: scaled inputs, two hidden layers, probabilities at its end."""
    end: nn.Module = nn.Sigmoid() if outputs == 1 else nn.Softmax(dim=1)
    hidden = [nn.Linear(WIDTH, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 8), nn.Tanh()]
    return nn.Sequential(nn.BatchNorm1d(WIDTH), *hidden, nn.Linear(8, outputs), end)


def data(classes: int) -> tuple[Any, Any]:
    """Draw rows, and classes that depend on them."""
    random = np.random.RandomState(classes)
    rows = (random.normal(size=(ROWS, WIDTH)) * [1.0, 4.0, 0.1, 3.0] + [5.0, 15.0, 0.5, 0.0]).astype(np.float32)
    told = (rows[:, 0] - 5) + (rows[:, 1] - 15) / 4 + random.normal(0, 0.4, ROWS)
    return rows, np.digitize(told, np.linspace(-1.2, 1.2, classes + 1)[1:-1])


def trained(outputs: int, rows: Any, codes: Any) -> nn.Sequential:
    """Train on half of the rows."""
    torch.manual_seed(outputs)
    model = network(outputs)
    given, wanted = torch.tensor(rows[: ROWS // 2]), torch.tensor(codes[: ROWS // 2])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(200):
        said = model(given).clamp(1e-6, 1 - 1e-6)
        if outputs == 1:
            loss = nn.functional.binary_cross_entropy(said[:, 0], wanted.float())
        else:
            loss = nn.functional.nll_loss(said.log(), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def export(model: nn.Sequential, rows: Any, name: str) -> None:
    """Export by both exporters: the one that traces, and the one that follows Python's own code."""
    given, names = (torch.tensor(rows[:3]),), {"input_names": ["x"], "output_names": ["probabilities"]}
    traced = {"dynamo": False, "dynamic_axes": {"x": {0: "rows"}}}
    followed = {"dynamo": True, "dynamic_shapes": ({0: torch.export.Dim("rows")},), "external_data": False}
    for exporter, settings in {"torchscript": traced, "dynamo": followed}.items():
        file = FOLDER / f"{name}-{exporter}.onnx"
        torch.onnx.export(model, given, file, opset_version=18, **names, **settings)
        without_places(file)


def without_places(file: Path) -> None:
    """Take out the lines of code that each node came from: they name folders of the machine. All else stays."""
    written = onnx.load(file)
    for node in written.graph.node:
        kept = [each for each in node.metadata_props if each.key != "pkg.torch.onnx.stack_trace"]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    onnx.save(written, file)


def main() -> None:
    """Make everything."""
    torch.use_deterministic_algorithms(mode=True)
    torch.set_num_threads(1)
    for name, classes, outputs in (("sigmoid", 2, 1), ("softmax-2", 2, 2), ("softmax-3", 3, 3)):
        rows, codes = data(classes)
        model = trained(outputs, rows, codes)
        export(model, rows, name)
        with torch.no_grad():
            answers = model(torch.tensor(rows)).numpy()
        np.savez_compressed(FOLDER / f"{name}.npz", rows=rows, codes=codes, answers=answers)
    versions = {"onnx": onnx.__version__, "onnxscript": onnxscript.__version__, "python": platform.python_version()}
    text = json.dumps(versions | {"torch": torch.__version__}, indent=1, sort_keys=True)
    (FOLDER / "versions.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
