"""A model behind the Open Inference Protocol, over HTTP or gRPC: its columns, and predictions for a batch of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError
from tritonclient import grpc as triton_grpc
from tritonclient import http as triton_http
from tritonclient.utils import InferenceServerException

from andon.api.meta import COMPONENT_SERVER, LABEL_COMPONENT, LABEL_FAULT_MODEL
from andon.cli.errors import CliError, shown, unreachable
from andon.cli.rows import Columns, Rows
from model_builder.report import Signature

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0
BATCH_ROWS = 512
_ATTEMPTS = 2
_UNAVAILABLE = ("502", "503", "504", "StatusCode.UNAVAILABLE", "StatusCode.DEADLINE_EXCEEDED")
_SERVER_FAULTS = ("500", "StatusCode.INTERNAL", "StatusCode.UNKNOWN")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Schema:
    """What a model takes and gives.

    Attributes
    ----------
    batch_rows
        How many rows go into one request.
    """

    signature: Signature
    batch_rows: int

    @property
    def columns(self) -> Columns:
        """The columns that the model takes."""
        return Columns(self.signature.numeric, self.signature.categorical)

    @property
    def binary(self) -> bool:
        """Whether the model says fault or no fault, and not which of several classes."""
        return self.signature.threshold is not None


@dataclass(frozen=True)
class Answer:
    """Predictions for a batch.

    Attributes
    ----------
    decisions
        Shape (rows,): whether there is a fault; or the index of the class.
    probabilities
        Shape (rows, 1): of a fault; or (rows, classes).
    version
        The version that answered.
    """

    decisions: npt.NDArray[Any]
    probabilities: npt.NDArray[np.float32]
    version: str


class Server(Protocol):
    """What this command needs of an inference server. A call raises InferenceServerException or an OSError."""

    def config(self, model: str) -> dict[str, Any]: ...

    def infer(self, model: str, rows: Rows, outputs: tuple[str, str]) -> tuple[dict[str, npt.NDArray[Any]], str]: ...

    def close(self) -> None: ...


class HttpServer:
    """An inference server over HTTP."""

    def __init__(self, address: str) -> None:
        self._client = triton_http.InferenceServerClient(
            address, connection_timeout=CONNECT_SECONDS, network_timeout=ANSWER_SECONDS
        )

    def config(self, model: str) -> dict[str, Any]:
        config: dict[str, Any] = self._client.get_model_config(model)
        return config

    def infer(self, model: str, rows: Rows, outputs: tuple[str, str]) -> tuple[dict[str, npt.NDArray[Any]], str]:
        tensors = []
        for name, datatype, values in _inputs(rows):
            tensors.append(triton_http.InferInput(name, list(values.shape), datatype))
            tensors[-1].set_data_from_numpy(values, binary_data=True)  # JSON has no NaN
        wanted = [triton_http.InferRequestedOutput(name, binary_data=True) for name in outputs]
        result = self._client.infer(model, tensors, outputs=wanted)
        return {name: result.as_numpy(name) for name in outputs}, str(result.get_response().get("model_version", ""))

    def close(self) -> None:
        self._client.close()


class GrpcServer:
    """An inference server over gRPC."""

    def __init__(self, address: str) -> None:
        # The environment's proxies are for the world outside; HTTP above does not use them either.
        options = [("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1)]
        self._client = triton_grpc.InferenceServerClient(address, channel_args=options)

    def config(self, model: str) -> dict[str, Any]:
        answer: dict[str, Any] = self._client.get_model_config(model, as_json=True, client_timeout=CONNECT_SECONDS)
        return dict(answer.get("config", {}))

    def infer(self, model: str, rows: Rows, outputs: tuple[str, str]) -> tuple[dict[str, npt.NDArray[Any]], str]:
        tensors = []
        for name, datatype, values in _inputs(rows):
            tensors.append(triton_grpc.InferInput(name, list(values.shape), datatype))
            tensors[-1].set_data_from_numpy(values)
        wanted = [triton_grpc.InferRequestedOutput(name) for name in outputs]
        result = self._client.infer(model, tensors, outputs=wanted, client_timeout=ANSWER_SECONDS)
        return {name: result.as_numpy(name) for name in outputs}, str(result.get_response().model_version)

    def close(self) -> None:
        self._client.close()


class Model:
    """One model of an inference server.

    Parameters
    ----------
    trouble
        Says why a connection failed where somebody knows better than the client (the port forward does).
    """

    def __init__(self, server: Server, name: str, address: str, trouble: Callable[[], CliError | None]) -> None:
        self._server = server
        self._name = name
        self._address = address
        self._trouble = trouble

    def schema(self) -> Schema:
        """Ask the model for its columns and classes.

        Raises
        ------
        CliError
            ``ModelNotFound``, ``NoConnection`` or ``UnknownSchema``.
        """
        config = self._ask(lambda: self._server.config(self._name))
        text = config.get("parameters", {}).get("signature", {}).get("string_value")
        try:
            signature = Signature.model_validate_json(text or "")
        except ValidationError as error:
            raise self._no_schema() from error
        if not (signature.numeric or signature.categorical):
            raise self._no_schema()
        largest = int(config.get("max_batch_size", 0))
        return Schema(signature, min(BATCH_ROWS, largest) if largest > 0 else BATCH_ROWS)

    def predict(self, schema: Schema, rows: Rows) -> Answer:
        """Predict one batch; asks once more where the connection broke, since a prediction changes nothing."""
        names = ("fault", "score") if schema.binary else ("label", "probabilities")
        outputs, version = self._ask(lambda: self._server.infer(self._name, rows, names))
        decisions, probabilities = outputs[names[0]].reshape(-1), outputs[names[1]].reshape(len(rows), -1)
        return Answer(decisions, probabilities, version)

    def _no_schema(self) -> CliError:
        return CliError(
            "UnknownSchema",
            f"the model {self._name} at {self._address} does not say which columns it takes.",
            allowed="a model that Andon built (parameter signature in its configuration)",
            remedy="check that --url leads to the FaultModel's Service",
        )

    def _ask(self, call: Callable[[], _T]) -> _T:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return call()
            except InferenceServerException as error:
                if _status(error) not in _UNAVAILABLE:
                    raise self._refusal(error) from error
                if attempt == _ATTEMPTS:
                    raise self._no_answer(str(error.message())) from error
            except (OSError, HTTPException) as error:
                if attempt == _ATTEMPTS:
                    raise self._no_answer(str(error) or type(error).__name__) from error
        raise AssertionError

    def _no_answer(self, found: str) -> CliError:
        found = " ".join(found.split())[:300].rstrip(".")
        return self._trouble() or unreachable(
            "NoConnection",
            f"the model does not answer at {self._address}: {found}.",
            allowed="HOST:PORT of the FaultModel's Service; port 8000 for HTTP, 8001 for gRPC (--grpc)",
            remedy=f"see how it is with: andon status {self._name}",
        )

    def _refusal(self, error: InferenceServerException) -> CliError:
        message = " ".join(str(error.message()).split()).rstrip(".")
        if "unknown model" in message.lower() or _status(error) in ("404", "StatusCode.NOT_FOUND"):
            return unreachable(
                "ModelNotFound",
                f"the server at {self._address} has no model {shown(self._name)}: {message}.",
                allowed="the name of the FaultModel whose Service this is",
                remedy="check NAME and --url",
            )
        if _status(error) in _SERVER_FAULTS:
            selector = f"{LABEL_FAULT_MODEL}={self._name},{LABEL_COMPONENT}={COMPONENT_SERVER}"
            return CliError(
                "ModelFailed",
                f"the model server at {self._address} failed: {message}.",
                remedy=f"see its log: kubectl logs -l {selector} --all-containers",
            )
        return CliError("PredictionRefused", f"the model refused the rows: {message}.", remedy="check the values")


def _inputs(rows: Rows) -> Iterator[tuple[str, str, npt.NDArray[Any]]]:
    """Give name, data type and values of the model's inputs; it has one of each kind that it has columns of."""
    if rows.numeric.shape[1]:
        yield "numeric", "FP32", rows.numeric
    if rows.categorical.shape[1]:
        yield "categorical", "BYTES", rows.categorical


def _status(error: InferenceServerException) -> str:
    return str(error.status())


def open_model(
    stack: ExitStack, name: str, address: str, *, grpc: bool, trouble: Callable[[], CliError | None]
) -> Model:
    """Open a model of the server at ``HOST:PORT``; the stack closes it."""
    server: Server = GrpcServer(address) if grpc else HttpServer(address)
    stack.callback(server.close)
    return Model(server, name, address, trouble)
