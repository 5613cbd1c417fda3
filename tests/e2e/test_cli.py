"""The command `andon` against a served model: through the API server and straight to the Service.

Runs inside the lab's network, where the cluster's names resolve.
"""

from __future__ import annotations

import csv
import io
import json
import random
import urllib.request
from typing import Any, Protocol

import pytest

from tests.support.command import andon

ROWS = 1100
"""More than two requests' worth."""
ROWS_BY_HAND = 300
"""Those that are compared with a request written by hand."""
TYPE = "M"
"""The product type of all rows."""


class Served(Protocol):
    """A FaultModel that is Ready."""

    namespace: str
    name: str


def host(served: Served) -> str:
    return f"{served.name}.{served.namespace}.svc"


def get(served: Served, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{host(served)}:8000/v2/models/{served.name}{path}", data)
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
    return found


@pytest.fixture
def columns(served_model: Served) -> list[str]:
    signature = json.loads(get(served_model, "/config")["parameters"]["signature"]["string_value"])
    assert signature["categorical"] == ["Type"]
    return list(signature["numeric"])


@pytest.fixture
def rows(columns: list[str]) -> list[list[float]]:
    chance = random.Random(7)
    return [[round(chance.uniform(0, 2000), 1) for _ in columns] for _ in range(ROWS)]


@pytest.fixture
def table(columns: list[str], rows: list[list[float]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow(["extra", *reversed(columns), "Type"])
    writer.writerows(["x", *(str(value).replace(".", ",") for value in reversed(row)), TYPE] for row in rows)
    return text.getvalue()


def test_status_of_a_ready_model(served_model: Served) -> None:
    done = andon("status", served_model.name, "-n", served_model.namespace)
    assert done.returncode == 0, done.stderr
    assert "Ready       yes, RolledOut" in done.stdout
    assert "What to do" not in done.stdout
    document = json.loads(andon("status", served_model.name, "-n", served_model.namespace, "-o", "json").stdout)
    assert document["stable"]["weight"] == 100
    assert document["stable"]["version"] in [version["version"] for version in document["versions"]]
    assert document["http"] == f"http://{host(served_model)}:8000"


def test_predictions_are_the_models_own_whatever_the_way(
    served_model: Served, table: str, rows: list[list[float]]
) -> None:
    ways = {
        "HTTP through the API server": [],
        "gRPC through the API server": ["--grpc"],
        "HTTP to the Service": ["--url", f"{host(served_model)}:8000"],
        "gRPC to the Service": ["--grpc", "--url", f"{host(served_model)}:8001"],
    }
    answers = {}
    for way, options in ways.items():
        where = ["-n", served_model.namespace, "--csv", "-", "-o", "csv"]
        done = andon("predict", served_model.name, *where, *options, stdin=table)
        assert done.returncode == 0, f"{way}: {done.stderr}"
        assert done.stderr.count('"extra"') == 1
        answers[way] = list(csv.DictReader(io.StringIO(done.stdout)))
    first = answers["HTTP through the API server"]
    assert all(answer == first for answer in answers.values())

    checked = first[:ROWS_BY_HAND]
    tensor = {
        "name": "numeric",
        "shape": [ROWS_BY_HAND, len(rows[0])],
        "datatype": "FP32",
        "data": rows[:ROWS_BY_HAND],
    }
    texts = {"name": "categorical", "shape": [ROWS_BY_HAND, 1], "datatype": "BYTES", "data": [TYPE] * ROWS_BY_HAND}
    answer = get(served_model, "/infer", {"inputs": [tensor, texts]})
    outputs = {output["name"]: output["data"] for output in answer["outputs"]}
    assert [row["fault"] == "1" for row in checked] == outputs["fault"]
    assert [float(row["probability"]) for row in checked] == pytest.approx(outputs["score"], abs=1e-6)
    assert {row["version"] for row in first} == {get(served_model, "")["versions"][-1]}
    assert {row["fault"] for row in first} == {"0", "1"}, "rows that show nothing: all have the same answer"


def test_one_row_with_a_missing_value(served_model: Served, columns: list[str]) -> None:
    pairs = [f"{name}=" if number == 0 else f"{name}=1" for number, name in enumerate(columns)]
    row = ",".join([*pairs, "Type=L"])
    done = andon("predict", served_model.name, "-n", served_model.namespace, "--row", row, "-o", "json")
    assert done.returncode == 0, done.stderr
    (prediction,) = json.loads(done.stdout)["predictions"]
    assert 0 <= prediction["probability"] <= 1


def test_a_misnamed_column_is_told_with_the_right_name(served_model: Served, columns: list[str]) -> None:
    pairs = [f"{name if number else name.upper()}=1" for number, name in enumerate(columns)]
    row = ",".join([*pairs, "Type=L"])
    done = andon("predict", served_model.name, "-n", served_model.namespace, "--row", row)
    assert done.returncode == 1
    assert f'did you mean "{columns[0]}" instead of "{columns[0].upper()}"?' in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("command", [("status",), ("predict", "--row", "x=1")], ids=lambda command: command[0])
def test_a_misnamed_model_is_told_with_the_right_name(served_model: Served, command: tuple[str, ...]) -> None:
    done = andon(command[0], f"{served_model.name}x", "-n", served_model.namespace, *command[1:])
    assert done.returncode == 2
    assert f'did you mean "{served_model.name}"?' in done.stderr
    assert "Traceback" not in done.stderr
