"""A monitor as a plant may set it up: what it knows in the plant's PostgreSQL, labels by client certificate."""

import base64
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pandas as pd
import psycopg
import pytest
import trustme

from tests.e2e.conftest import ServedModel
from tests.support.installation import install_chart
from tests.support.kubectl import condition, eventually
from tests.support.machine_requests import monitor_counts, send
from tests.support.plants import CATEGORICAL, NUMERIC
from tests.support.postgres import postgres

pytestmark = pytest.mark.fault


@dataclass(frozen=True)
class SetUp:
    """A served model whose monitor keeps to a PostgreSQL and speaks TLS."""

    model: ServedModel
    database: str
    authority: trustme.CA

    @property
    def host(self) -> str:
        return f"andon-monitor.{self.model.namespace}.svc.cluster.local"


def _secret(name: str, values: dict[str, bytes]) -> dict[str, object]:
    data = {key: base64.b64encode(value).decode() for key, value in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}


@pytest.fixture(scope="module")
def set_up(served_model: ServedModel, images: dict[str, str], node_address: str) -> Iterator[SetUp]:
    kubectl, authority = served_model.plant.kubectl, trustme.CA()
    with postgres(node_address) as url:
        made = SetUp(served_model, url, authority)
        served = authority.issue_cert(made.host)
        chain = b"".join(one.bytes() for one in served.cert_chain_pems)
        files = {"tls.crt": chain, "tls.key": served.private_key_pem.bytes(), "ca.crt": authority.cert_pem.bytes()}
        kubectl.apply(_secret("monitor-tls", files), _secret("monitor-database", {"url": url.encode()}))
        tls = {"secret": "monitor-tls", "clientCA": "ca.crt"}
        install_chart(images, monitor={"database": {"secret": "monitor-database"}, "tls": tls})
        _watch(served_model, enabled=True)
        try:
            served_model.plant.until(
                served_model.name,
                lambda model: condition(model, "MonitoringReady")[1] == "PrometheusOperatorAbsent",
                "the monitor is ready",
            )
            yield made
        finally:
            _watch(served_model, enabled=False)
            install_chart(images)
            kubectl.run("delete", "secret", "monitor-tls", "monitor-database")


def _watch(served: ServedModel, *, enabled: bool) -> None:
    patch = json.dumps({"spec": {"monitoring": {"enabled": enabled}}})
    served.plant.kubectl.run("patch", "faultmodel", served.name, "--type=merge", f"--patch={patch}")


def test_labels_by_client_certificate_lie_in_the_plants_database(
    set_up: SetUp, data: object, operator_logs: None
) -> None:
    model = set_up.model
    rows = pd.read_csv(str(data), nrows=1)[[*NUMERIC, *CATEGORICAL]]

    def seen() -> str:
        ((name, _),) = send(model.namespace, model.name, rows).places
        return name if monitor_counts(model.namespace, model.name, "andon_monitor_rows_total") else ""

    eventually(seen, 60, "copies reach the monitor")
    name = seen()
    trust = ssl.create_default_context()
    set_up.authority.configure_trust(trust)
    address = f"https://{set_up.host}:8443/v1/models/{model.name}/labels"
    with httpx.Client(verify=trust, trust_env=False) as nobody:
        assert nobody.post(address, json=[{"requestId": name, "fault": False}]).status_code == 401
    set_up.authority.issue_cert("line@plant", common_name="line").configure_cert(trust)
    with httpx.Client(verify=trust, trust_env=False) as line:

        def kept() -> bool:
            return line.post(address, json=[{"requestId": name, "fault": False}]).status_code == 200

        eventually(kept, 30, "the label is taken")
    with psycopg.connect(set_up.database) as connection:
        found = connection.execute(
            "SELECT DISTINCT sender FROM labels JOIN predictions p ON p.id = prediction_id WHERE request_id = %s",
            (name,),
        ).fetchall()
    assert found == [("certificate:line",)]
