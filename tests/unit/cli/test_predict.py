"""Predictions with a server of ours in the model's place: batches, outputs, errors."""

import csv
import io
import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tritonclient.utils import InferenceServerException
from typer.testing import CliRunner

from andon.cli import predict
from andon.cli.app import app
from andon.cli.errors import CliError, ExitCode
from andon.cli.inference import BATCH_ROWS, GrpcServer, HttpServer, Model, Schema
from andon.cli.predict import Request
from andon.cli.rows import Columns, Rows
from model_builder.report import Signature

BINARY = Signature.of(("x", "y"), ("0", "1"), 0.5)
MIXED = Signature.of(("x",), ("0", "1"), 0.5, ("Type", "Shop"))
TEXTS = Signature.of((), ("0", "1"), 0.5, ("Type",))
SEVERAL = Signature.of(("x", "y"), ("none", "wear", "heat"), None)
ADDRESS = "model:8000"


class Fake:
    """Says fault where x is 1, or, where there is no x, where Type is H; as the class it gives x itself."""

    def __init__(self, signature: Signature | None = BINARY, max_batch_size: int = 1024, version: str = "3") -> None:
        self.signature = signature
        self.max_batch_size = max_batch_size
        self.version = version
        self.errors: list[Exception] = []
        self.batches: list[int] = []
        self.texts: list[list[str]] = []
        self.closed = False

    def config(self, model: str) -> dict[str, Any]:
        self._fail()
        parameters = {}
        if self.signature is not None:
            parameters["signature"] = {"string_value": self.signature.model_dump_json(by_alias=True)}
        return {"name": model, "max_batch_size": self.max_batch_size, "parameters": parameters}

    def infer(self, model: str, rows: Rows, outputs: tuple[str, str]) -> tuple[dict[str, npt.NDArray[Any]], str]:
        self._fail()
        self.batches.append(len(rows))
        self.texts += rows.categorical.tolist()
        first = rows.numeric[:, :1] if rows.numeric.shape[1] else (rows.categorical[:, :1] == "H").astype(np.float32)
        if outputs == ("fault", "score"):
            return {"fault": first >= 0.5, "score": first}, self.version
        shares = np.eye(3, dtype=np.float32)[first[:, 0].astype(int)]
        return {"label": first.astype(np.int64), "probabilities": shares}, self.version

    def close(self) -> None:
        self.closed = True

    def _fail(self) -> None:
        if self.errors:
            raise self.errors.pop(0)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Callable[[Fake], Fake]:
    def serve(fake: Fake) -> Fake:
        def open_model(
            stack: ExitStack, name: str, address: str, *, grpc: bool, trouble: Callable[[], CliError | None]
        ) -> Model:
            stack.callback(fake.close)
            return Model(fake, name, address, trouble)

        monkeypatch.setattr(predict, "open_model", open_model)
        return fake

    return serve


def ask(capsys: pytest.CaptureFixture[str], **request: Any) -> tuple[str, str]:
    def no_cluster(kubeconfig: str | None, context: str | None) -> Any:
        raise AssertionError("--url needs no cluster")

    assert predict.run(Request("spindle", url=ADDRESS, **request), no_cluster) == ExitCode.OK
    output = capsys.readouterr()
    return output.out, output.err


def test_text(served: Callable[[Fake], Fake], capsys: pytest.CaptureFixture[str]) -> None:
    fake = served(Fake())
    out, err = ask(capsys, row=("x=1,y=0", "x=0,y=0", "y=2,x=0.25"))
    assert [line.split() for line in out.splitlines()] == [
        ["row", "fault", "probability", "version"],
        ["1", "yes", "1.000", "3"],
        ["2", "no", "0.000", "3"],
        ["3", "no", "0.250", "3"],
    ]
    assert "3 rows, 1 with a fault predicted (33.3%)" in err
    assert fake.closed


def test_json(served: Callable[[Fake], Fake], capsys: pytest.CaptureFixture[str]) -> None:
    served(Fake())
    out, _ = ask(capsys, row=("x=0.1,y=0", "x=1,y="), output="json")
    assert json.loads(out) == {
        "model": "spindle",
        "classes": ["0", "1"],
        "threshold": 0.5,
        "predictions": [
            {"row": 1, "fault": False, "probability": 0.1, "version": "3"},
            {"row": 2, "fault": True, "probability": 1.0, "version": "3"},
        ],
    }


def test_csv(served: Callable[[Fake], Fake], capsys: pytest.CaptureFixture[str]) -> None:
    served(Fake())
    out, _ = ask(capsys, row=("x=0.1,y=0", "x=1,y="), output="csv")
    assert out == "row,fault,probability,version\n1,0,0.1,3\n2,1,1.0,3\n"


@pytest.mark.parametrize("output", ["text", "json", "csv"])
def test_several_classes(served: Callable[[Fake], Fake], capsys: pytest.CaptureFixture[str], output: str) -> None:
    served(Fake(SEVERAL))
    out, _ = ask(capsys, row=("x=2,y=0", "x=0,y=0"), output=output)
    if output == "json":
        assert json.loads(out)["predictions"][0] == {
            "row": 1,
            "label": "heat",
            "probabilities": {"none": 0.0, "wear": 0.0, "heat": 1.0},
            "version": "3",
        }
        return
    table = [line.split() for line in out.splitlines()] if output == "text" else list(csv.reader(io.StringIO(out)))
    assert table[0] == ["row", "label", "p(none)", "p(wear)", "p(heat)", "version"]
    assert [row[1] for row in table[1:]] == ["heat", "none"]
    assert [float(value) for value in table[1][2:5]] == [0, 0, 1]


def test_categories_go_with_the_numbers(served: Callable[[Fake], Fake], capsys: pytest.CaptureFixture[str]) -> None:
    fake = served(Fake(MIXED))
    out, err = ask(capsys, row=("Shop=hall 3,x=1,Type=M", "Type=new,x=0,Shop="), output="csv")
    assert out == "row,fault,probability,version\n1,1,1.0,3\n2,0,0.0,3\n"
    assert fake.texts == [["M", "hall 3"], ["new", ""]]
    assert err == ""


def test_a_model_of_categories_alone(
    served: Callable[[Fake], Fake], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    fake = served(Fake(TEXTS, max_batch_size=2))
    file = tmp_path / "rows.csv"
    file.write_text("x,Type\n1,L\n2,H\n3,\n")
    out, err = ask(capsys, csv=str(file), output="csv")
    assert [line.split(",")[1] for line in out.splitlines()] == ["fault", "0", "1", "0"]
    assert fake.batches == [2, 1]
    assert fake.texts == [["L"], ["H"], [""]]
    assert 'left out: "x"' in err


class Client:
    """Stands for Triton's client of either protocol: keeps the inputs as they go onto the wire."""

    def __init__(self) -> None:
        self.inputs: list[tuple[str, str, list[int], bytes]] = []

    def infer(self, model: str, inputs: list[Any], **options: Any) -> Any:
        for tensor in inputs:
            content = tensor._get_binary_data() if hasattr(tensor, "_get_binary_data") else tensor._get_content()
            self.inputs.append((tensor.name(), tensor.datatype(), list(tensor.shape()), content))
        return self

    def as_numpy(self, name: str) -> npt.NDArray[Any]:
        return np.zeros((2, 1))

    def get_response(self) -> Any:
        return Response(model_version="3")


class Response(dict[str, str]):
    model_version = "3"


@pytest.mark.parametrize("kind", [HttpServer, GrpcServer])
@pytest.mark.parametrize("names", [("numeric",), ("categorical",), ("numeric", "categorical")], ids="+".join)
def test_a_model_gets_the_inputs_that_it_has(kind: type[HttpServer | GrpcServer], names: tuple[str, ...]) -> None:
    server = kind(ADDRESS)
    server.close()
    client = Client()
    server._client = client
    columns = Columns(("x", "y") if "numeric" in names else (), ("Type",) if "categorical" in names else ())
    cells = [([1.0, float("nan")][: len(columns.numeric)], [text][: len(columns.categorical)]) for text in ("M", "ö")]
    outputs, version = server.infer("spindle", Rows.of(cells, columns), ("fault", "score"))
    assert version == "3"
    assert set(outputs) == {"fault", "score"}
    expected = {
        "numeric": ("numeric", "FP32", [2, 2], np.array([[1, np.nan]] * 2, np.float32).tobytes()),
        "categorical": ("categorical", "BYTES", [2, 1], b"\x01\0\0\0M\x02\0\0\0\xc3\xb6"),
    }
    assert client.inputs == [expected[name] for name in ("numeric", "categorical") if name in names]


@pytest.mark.parametrize(
    ("max_batch_size", "rows", "batches"),
    [
        (1024, 2 * BATCH_ROWS + 1, [BATCH_ROWS, BATCH_ROWS, 1]),
        (100, 250, [100, 100, 50]),
        (0, 3, [3]),
    ],
)
def test_a_large_file_goes_in_batches(
    served: Callable[[Fake], Fake],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    max_batch_size: int,
    rows: int,
    batches: list[int],
) -> None:
    fake = served(Fake(max_batch_size=max_batch_size))
    file = tmp_path / "rows.csv"
    file.write_text("y;x;Type\n" + "".join(f"0;{row % 2};M\n" for row in range(rows)))
    out, err = ask(capsys, csv=str(file), output="csv")
    assert fake.batches == batches
    answers = list(csv.reader(io.StringIO(out)))[1:]
    assert [(row, fault) for row, fault, *_ in answers] == [(str(n + 1), str(n % 2)) for n in range(rows)]
    assert err.count('"Type"') == 1


def test_the_limit(served: Callable[[Fake], Fake], capsys: pytest.CaptureFixture[str]) -> None:
    fake = served(Fake())
    ask(capsys, row=("x=1,y=0", "x=0,y=0", "x=0,y=0"), limit=2)
    assert fake.batches == [2]


def test_nothing_is_sent_where_a_row_is_at_fault(
    served: Callable[[Fake], Fake], capsys: pytest.CaptureFixture[str]
) -> None:
    fake = served(Fake())
    with pytest.raises(CliError, match="--row 2"):
        ask(capsys, row=("x=1,y=0", "x=one,y=0"))
    assert fake.batches == []
    assert capsys.readouterr().out == ""
    assert fake.closed


def unavailable() -> InferenceServerException:
    return InferenceServerException("no healthy upstream", status="503")


def test_a_broken_connection_is_tried_once_more(
    served: Callable[[Fake], Fake], capsys: pytest.CaptureFixture[str]
) -> None:
    fake = served(Fake())
    fake.errors = [ConnectionResetError()]
    out, _ = ask(capsys, row=("x=1,y=0",))
    assert "yes" in out


@pytest.mark.parametrize(
    ("errors", "reason", "code", "said"),
    [
        ([unavailable(), unavailable()], "NoConnection", ExitCode.UNREACHABLE, "no healthy upstream"),
        ([OSError("refused"), OSError("refused")], "NoConnection", ExitCode.UNREACHABLE, "model:8000: refused"),
        (
            [InferenceServerException("Request for unknown model: 'spindle' is not found", status="400")],
            "ModelNotFound",
            ExitCode.UNREACHABLE,
            'no model "spindle"',
        ),
        (
            [InferenceServerException("Stub process is not healthy.", status="500")],
            "ModelFailed",
            ExitCode.FAILED,
            "Stub process is not healthy.\n",
        ),
        (
            [InferenceServerException("unexpected shape", status="400")],
            "PredictionRefused",
            ExitCode.FAILED,
            "unexpected shape",
        ),
    ],
)
def test_a_server_that_refuses(
    served: Callable[[Fake], Fake],
    capsys: pytest.CaptureFixture[str],
    errors: list[Exception],
    reason: str,
    code: ExitCode,
    said: str,
) -> None:
    served(Fake()).errors = errors
    with pytest.raises(CliError) as caught:
        ask(capsys, row=("x=1,y=0",))
    assert (caught.value.reason, caught.value.exit_code) == (reason, code)
    assert said in str(caught.value)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        (None, "UnknownSchema"),
        (Signature(digest="sha256:0", truncated=True), "UnknownSchema"),
    ],
)
def test_a_model_that_does_not_say_its_columns(
    served: Callable[[Fake], Fake], capsys: pytest.CaptureFixture[str], signature: Signature | None, reason: str
) -> None:
    served(Fake(signature))
    with pytest.raises(CliError) as caught:
        ask(capsys, row=("x=1",))
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (Request("spindle", url=ADDRESS), "NoRows"),
        (Request("spindle", url=ADDRESS, row=("x=1",), csv="-"), "TwoSources"),
        (Request("spindle", url="spindle", row=("x=1",)), "InvalidUrl"),
        (Request("spindle", url="https://spindle:8000", row=("x=1",)), "InvalidUrl"),
    ],
)
def test_a_wrong_command_line(request_: Request, reason: str) -> None:
    with pytest.raises(CliError) as caught:
        predict.run(request_, lambda kubeconfig, context: pytest.fail("no cluster is asked"))
    assert (caught.value.reason, caught.value.exit_code) == (reason, ExitCode.UNREACHABLE)


def pod(name: str, *, ready: str = "True", deleted: bool = False) -> dict[str, Any]:
    metadata = {"name": name} | ({"deletionTimestamp": "2026-03-01T12:00:00Z"} if deleted else {})
    return {"metadata": metadata, "status": {"conditions": [{"type": "Ready", "status": ready}]}}


def test_only_a_pod_that_answers_is_chosen() -> None:
    pods = [pod("a", ready="False"), pod("b", deleted=True), {"metadata": {"name": "c"}}, pod("e"), pod("d")]
    assert list(predict._answering(pods)) == ["d", "e"]


def test_help_has_examples() -> None:
    for command in ("status", "predict"):
        result = CliRunner().invoke(app, [command, "--help"])
        assert result.exit_code == 0
        assert "andon " + command + " spindle" in result.output


def test_a_schema_knows_its_kind() -> None:
    assert Schema(BINARY, 1).binary
    assert not Schema(SEVERAL, 1).binary


class Pods:
    """A cluster of one FaultModel, with pods of a router or of version 3's server."""

    def __init__(self, provider: str, *, router: bool, server: bool) -> None:
        self._provider, self._router, self._server = provider, router, server

    @staticmethod
    def _pod(name: str) -> dict[str, Any]:
        return {"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}

    def router_pods(self, namespace: str, name: str) -> list[dict[str, Any]]:
        return [self._pod("router")] if self._router else []

    def server_pods(self, namespace: str, name: str, version: int) -> list[dict[str, Any]]:
        return [self._pod(f"server of {version}")] if self._server else []

    def fault_model(self, namespace: str, name: str) -> dict[str, Any]:
        spec = {"source": {}, "rollout": {"traffic": {"provider": self._provider}}}
        return {
            "metadata": {"name": name, "namespace": namespace, "generation": 1},
            "spec": spec,
            "status": {"stable": {"version": 3, "digest": "sha256:0", "weight": 100}},
        }


@pytest.mark.parametrize(
    ("provider", "router", "server", "chosen"),
    [
        ("Envoy", True, True, "router"),
        ("Direct", False, True, "server of 3"),
        ("GatewayAPI", False, True, "server of 3"),
        ("Envoy", False, True, None),
        ("Direct", False, False, None),
    ],
)
def test_the_pod_that_is_asked_is_the_one_that_takes_requests(
    provider: str, router: bool, server: bool, chosen: str | None
) -> None:
    pods: Any = Pods(provider, router=router, server=server)
    if chosen is not None:
        assert predict._ready_pod(pods, "press-shop", "spindle") == chosen
        return
    with pytest.raises(CliError, match="does not answer yet"):
        predict._ready_pod(pods, "press-shop", "spindle")
