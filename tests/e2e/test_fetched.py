"""A monitor as the chart installs it: labels from a table in PostgreSQL, new baselines by annotation and by command."""

import json
from collections.abc import Iterator

import numpy as np
import pandas as pd
import psycopg
import pytest

from tests.e2e.conftest import ServedModel
from tests.support.command import andon
from tests.support.kubectl import condition, eventually
from tests.support.load import load
from tests.support.machine_requests import Answered, monitor_counts, monitor_says, send
from tests.support.plants import CATEGORICAL, NUMERIC
from tests.support.postgres import postgres

ROWS = 600
RENEWED = 2000
"""Rows that a new baseline is made of."""


@pytest.fixture(scope="module")
def repairs(node_address: str) -> Iterator[str]:
    """A PostgreSQL with an empty table of repairs; give its URL."""
    with postgres(node_address) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE repairs (nr bigint GENERATED ALWAYS AS IDENTITY, job text, part int, broken boolean)"
            )
        yield url


@pytest.fixture(scope="module")
def machine(data: object) -> pd.DataFrame:
    return pd.read_csv(str(data))[[*NUMERIC, *CATEGORICAL]].sample(ROWS + RENEWED, random_state=3)


@pytest.fixture(scope="module")
def watched(served_model: ServedModel, repairs: str) -> Iterator[ServedModel]:
    """The served model with a monitor that reads that table; without both afterwards."""
    kubectl = served_model.plant.kubectl
    kubectl.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "repairs"}, "stringData": {"url": repairs}}
    )
    table = {
        "urlSecretRef": {"name": "repairs"},
        "table": "public.repairs",
        "position": "nr",
        "columns": {"requestId": "job", "row": "part", "fault": "broken"},
        "interval": "2s",
    }
    _monitoring(served_model, {"enabled": True, "labelsFrom": {"postgres": table}})
    try:
        served_model.plant.until(
            served_model.name,
            lambda model: condition(model, "MonitoringReady")[1] in ("PrometheusOperatorAbsent", "MonitoringInPlace"),
            "the monitor is ready",
        )
        yield served_model
    finally:
        _monitoring(served_model, {"enabled": False, "labelsFrom": None})
        kubectl.run("annotate", "faultmodel", served_model.name, "andon.dev/rebaseline-")


def _monitoring(model: ServedModel, wanted: dict[str, object]) -> None:
    patch = json.dumps({"spec": {"monitoring": wanted}})
    model.plant.kubectl.run("patch", "faultmodel", model.name, "--type=merge", f"--patch={patch}")


def _sent(model: ServedModel, rows: pd.DataFrame) -> Answered:
    """Send rows and wait until the monitor has scored as many more; the router copies them from when it has heard."""
    before = monitor_counts(model.namespace, model.name, "andon_monitor_rows_total")
    answered = send(model.namespace, model.name, rows)

    def scored() -> bool:
        return monitor_counts(model.namespace, model.name, "andon_monitor_rows_total") >= before + len(rows)

    eventually(scored, 30, "the monitor has scored what was sent")
    return answered


def test_labels_come_from_a_table(
    watched: ServedModel, repairs: str, machine: pd.DataFrame, operator_logs: None
) -> None:
    eventually(
        lambda: (
            send(watched.namespace, watched.name, machine.iloc[:1])
            and monitor_counts(watched.namespace, watched.name, "andon_monitor_rows_total")
        ),
        60,
        "copies reach the monitor",
    )
    answered = _sent(watched, machine.iloc[:ROWS])
    known = [(job, part, alarm) for (job, part), alarm in zip(answered.places, answered.alarms, strict=True)]
    with psycopg.connect(repairs, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.executemany("INSERT INTO repairs (job, part, broken) VALUES (%s, %s, %s)", known)

    def kept() -> bool:
        return monitor_counts(watched.namespace, watched.name, "andon_monitor_labels_total") == ROWS

    eventually(kept, 60, "all labels are taken")
    with psycopg.connect(repairs, autocommit=True) as connection:
        connection.execute("UPDATE repairs SET broken = NOT broken WHERE nr = 1")
        connection.execute("INSERT INTO repairs (job, part, broken) VALUES ('of nobody', 0, true)")

    def waits() -> bool:
        return monitor_counts(watched.namespace, watched.name, "andon_monitor_label_table_waiting") == 1

    eventually(waits, 30, "a repair of no request waits, and holds up nothing")


def test_an_annotation_begins_a_new_baseline(watched: ServedModel, machine: pd.DataFrame, operator_logs: None) -> None:
    kubectl, reason = watched.plant.kubectl, "2026-05-04 spindle bearing replaced"
    kubectl.run("annotate", "faultmodel", watched.name, f"andon.dev/rebaseline={reason}", "--overwrite")

    def begun() -> bool:
        renewal = monitor_says(watched.namespace, watched.name, "drift").get("renewal") or {}
        return renewal.get("reason") == reason

    eventually(begun, 150, "the monitor has heard of it")
    told = monitor_says(watched.namespace, watched.name, "drift")
    assert told["learning"] == RENEWED
    assert told["renewal"]["by"].startswith("the annotation andon.dev/rebaseline, set by kubectl")
    _sent(watched, machine.iloc[:RENEWED])
    eventually(
        lambda: monitor_says(watched.namespace, watched.name, "drift").get("learning") == 0,
        30,
        "the baseline is learnt",
    )
    _sent(watched, machine.iloc[RENEWED:])

    def steady() -> bool:
        said, _, message = condition(watched.plant.model(watched.name), "InputsSteady")
        return said == "True" and reason in message

    eventually(steady, 90, "the status says what inputs are compared with, and why")


def test_the_command_begins_one_too(watched: ServedModel, operator_logs: None) -> None:
    """The chart names no namespace in which monitors may ask whose a token is, as it comes."""
    reason = "tool changed"
    done = andon("rebaseline", watched.name, "--reason", reason, "--namespace", watched.namespace)
    assert done.returncode == 0, done.stderr
    assert "2,000 rows" in done.stdout
    renewal = monitor_says(watched.namespace, watched.name, "drift")["renewal"]
    assert (renewal["reason"], renewal["by"]) == (reason, f"system:serviceaccount:{watched.namespace}:default")


def test_a_monitor_that_is_killed_costs_no_client_an_answer(
    watched: ServedModel, machine: pd.DataFrame, operator_logs: None
) -> None:
    kubectl, pod = watched.plant.kubectl, "app.kubernetes.io/component=monitor"
    row = machine[list(NUMERIC)].iloc[0].to_numpy(np.float32)
    with load(f"{watched.name}.{watched.namespace}.svc.cluster.local", watched.name, row) as tallies:
        kubectl.run("delete", "pod", f"--selector={pod}", "--grace-period=0", "--force")
        before = [tally.answers for tally in tallies]
        watched.plant.until_ready_pod(pod)
        more = [tally.answers - answers for tally, answers in zip(tallies, before, strict=True)]
    assert min(more) > 0
    assert all(not tally.failures for tally in tallies), tallies
    eventually(
        lambda: monitor_says(watched.namespace, watched.name, "quality").get("labelled") == ROWS,
        90,
        "labels that were acknowledged are there",
    )
