"""`andon predict`: rows to the model, predictions back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import typer

from andon.api.conditions import ConditionType
from andon.api.meta import GRPC_PORT, HTTP_PORT
from andon.api.v1alpha1 import Manifest
from andon.cli import csvfile, rows
from andon.cli.cluster import Cluster
from andon.cli.errors import CliError, ExitCode, listed, unreachable
from andon.cli.facts import read
from andon.cli.forward import pod_bridge
from andon.cli.inference import Model, open_model
from andon.cli.predictions import CsvWriter, JsonWriter, TextWriter, Writer, each


@dataclass(frozen=True)
class Request:
    """What a person asks for.

    Attributes
    ----------
    url
        HOST:PORT of the model's Service; where there is none, the way is found through the cluster.
    """

    name: str
    row: Sequence[str] = ()
    csv: str | None = None
    namespace: str | None = None
    grpc: bool = False
    url: str | None = None
    output: str = "text"
    limit: int | None = None
    context: str | None = None
    kubeconfig: str | None = None

    @property
    def port(self) -> int:
        """The Service's port for the protocol."""
        return GRPC_PORT if self.grpc else HTTP_PORT


def run(request: Request, connect: Callable[[str | None, str | None], Cluster]) -> ExitCode:
    """Predict all rows and print what the model says. Nothing is sent before every row has been read and checked.

    Raises
    ------
    CliError
        Of the input, the connection or the model.
    """
    _check_source(request)
    with ExitStack() as stack:
        model = _open(request, stack, connect)
        schema = model.schema()
        table = _table(request, schema.columns)
        if table.ignored:
            typer.echo(f"Columns that the model does not take, left out: {listed(table.ignored)}", err=True)
        writer = _writer(request)
        total, faults = len(table.rows), 0
        for start in range(0, total, schema.batch_rows):
            answer = model.predict(schema, table.rows.part(start, schema.batch_rows))
            if start == 0:
                writer.begin(schema, total)
            for prediction in each(answer, schema, start + 1):
                faults += bool(prediction.fault)
                writer.write(prediction)
        writer.end()
        if request.output == "text" and total > 1 and schema.binary:
            typer.echo(f"{total:,} rows, {faults:,} with a fault predicted ({100 * faults / total:.1f}%)", err=True)
    return ExitCode.OK


def _check_source(request: Request) -> None:
    if bool(request.row) == (request.csv is not None):
        raise CliError(
            "NoRows" if not request.row else "TwoSources",
            "there are no rows to predict." if not request.row else "both --row and --csv are given.",
            allowed="either --row NAME=VALUE,… (once for each row) or --csv FILE",
            remedy="see the examples of: andon predict --help",
            exit_code=ExitCode.UNREACHABLE,
        )
    if request.csv is not None:
        csvfile.check_readable(request.csv)


def _table(request: Request, columns: rows.Columns) -> rows.Table:
    if request.csv is not None:
        return csvfile.from_csv(request.csv, columns, request.limit)
    return rows.from_options(request.row[: request.limit], columns)


def _writer(request: Request) -> Writer:
    if request.output == "json":
        return JsonWriter(typer.echo, request.name)
    return CsvWriter(typer.echo) if request.output == "csv" else TextWriter(typer.echo)


def _open(request: Request, stack: ExitStack, connect: Callable[[str | None, str | None], Cluster]) -> Model:
    if request.url is not None:
        return open_model(stack, request.name, _address(request.url), grpc=request.grpc, trouble=_nothing)
    cluster = connect(request.kubeconfig, request.context)
    namespace = request.namespace or cluster.namespace
    if cluster.inside:
        address = f"{request.name}.{namespace}.svc:{request.port}"
        return open_model(stack, request.name, address, grpc=request.grpc, trouble=_nothing)

    def choose() -> str:
        return _ready_pod(cluster, namespace, request.name)

    choose()  # so that a FaultModel that is not there is told at once
    bridge = stack.enter_context(pod_bridge(cluster.configuration, namespace, choose, request.port))
    return open_model(stack, request.name, bridge.address, grpc=request.grpc, trouble=lambda: bridge.trouble)


def _nothing() -> None:
    return None


def _address(url: str) -> str:
    address = url.removeprefix("http://").removeprefix("grpc://").rstrip("/")
    _, colon, port = address.rpartition(":")
    if "/" in address or not colon or not port.isdigit():
        raise unreachable(
            "InvalidUrl",
            f"--url {url} is no HOST:PORT.",
            allowed="HOST:PORT of the model's Service, without encryption",
            remedy=f"write for instance --url spindle.press-shop.svc:{HTTP_PORT} (with --grpc: {GRPC_PORT})",
        )
    return address


def _ready_pod(cluster: Cluster, namespace: str, name: str) -> str:
    """Choose a pod that answers; says what is with the FaultModel where there is none."""
    for pod in _answering(cluster.router_pods(namespace, name)):
        return pod
    model = cluster.fault_model(namespace, name)
    for pod in _answering(_servers(cluster, model, namespace, name)):
        return pod
    facts = read(model, None, None)
    ready = facts.condition(ConditionType.READY)
    why = f": {ready.message.rstrip('.')}" if ready is not None else ""
    raise unreachable(
        "NotServing",
        f"{name} in the namespace {namespace} does not answer yet, no pod that takes requests is ready"
        f" (phase {facts.phase or 'unknown'}{why}).",
        allowed="a FaultModel that is Available",
        remedy=f"see what it waits for with: andon status {name} -n {namespace}",
    )


def _servers(cluster: Cluster, model: Manifest, namespace: str, name: str) -> list[Manifest]:
    """Give the pods of the version that serves, where requests come to it without a router of its own."""
    traffic = ((model.get("spec") or {}).get("rollout") or {}).get("traffic") or {}
    stable = (model.get("status") or {}).get("stable")
    if traffic.get("provider", "Envoy") == "Envoy" or stable is None:
        return []
    return cluster.server_pods(namespace, name, stable["version"])


def _answering(pods: Sequence[Manifest]) -> Iterator[str]:
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"]["name"])):
        conditions = (pod.get("status") or {}).get("conditions") or ()
        ready = any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
        if ready and "deletionTimestamp" not in pod["metadata"]:
            yield pod["metadata"]["name"]
