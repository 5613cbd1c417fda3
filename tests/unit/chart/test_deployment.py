"""The operator's Deployment: its settings, its security, its probes, its copies."""

from datetime import timedelta
from pathlib import Path

import pytest

from andon.api.meta import MONITOR_NAME
from andon.core.observed import Identity
from andon.desired.monitor import monitor
from andon.settings import Settings
from model_monitor.settings import MonitorSettings
from tests.unit.chart.rendering import CHART, NAMESPACE, Manifest, container, environment, of_kind, render, run, the


def settings(monkeypatch: pytest.MonkeyPatch, values: Manifest | None = None) -> Settings:
    """The settings that the operator reads from the environment that the chart gives it."""
    for name, value in environment(render(values)).items():
        monkeypatch.setenv(name, value)
    return Settings()


def test_lint_finds_nothing() -> None:
    done = run("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_setting_is_set_and_nothing_else() -> None:
    names = [entry["name"] for entry in container(render())["env"]]
    assert sorted(names) == sorted(f"ANDON_{field.upper()}" for field in Settings.model_fields)


def test_defaults_of_chart_and_operator_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(monkeypatch)
    resources = {f"{part}_resources" for part in ("build", "server", "router", "monitor")}
    chosen_by_chart = resources | {"lease_namespace", "identity"}
    for name, field in Settings.model_fields.items():
        if not field.is_required() and name not in chosen_by_chart:
            assert getattr(read, name) == field.default, name
    assert read.lease_namespace == NAMESPACE
    assert read.server_resources == {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}
    assert read.router_resources == {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}
    assert read.build_resources == {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}}


def test_what_monitors_keep_reaches_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keep = {"rows": True, "days": 7, "predictions": 12_000_000, "mebibytes": 4096, "dropColumns": ["operator"]}
    more = {"hashColumns": ["order"], "hashKey": {"secret": "pepper", "key": "bytes"}}
    values = {"monitor": {"keep": {**keep, **more}, "labelSenders": ["system:serviceaccounts:cmms"]}}
    platform = settings(monkeypatch, values).platform()
    written = monitor((Identity("press-shop", "spindle", "u", 1),), platform)
    (pod,) = [one["spec"]["template"]["spec"] for one in written if one["kind"] == "Deployment"]
    (monitors,) = pod["containers"]
    told = {entry["name"]: entry["value"] for entry in monitors["env"] if entry["name"].startswith("ANDON_MONITOR_")}
    (mount,) = [one for one in monitors["volumeMounts"] if one["name"] == "hash-key"]
    assert told["ANDON_MONITOR_HASH_KEY_FILE"].startswith(mount["mountPath"])
    (volume,) = [one["secret"] for one in pod["volumes"] if one["name"] == "hash-key"]
    assert (volume["secretName"], volume["items"]) == ("pepper", [{"key": "bytes", "path": "key"}])
    key = tmp_path / "key"
    key.write_bytes(b"0123456789abcdef")
    for name, value in {**told, "ANDON_MONITOR_HASH_KEY_FILE": str(key)}.items():
        monkeypatch.setenv(name, value)
    read = MonitorSettings()
    assert (read.keep_rows, read.keep_for, read.keep_predictions) == (True, timedelta(days=7), 12_000_000)
    assert (read.keep_bytes, read.drop_columns, read.hash_columns) == (4096 * 1024 * 1024, ("operator",), ("order",))
    assert read.label_senders == ("system:serviceaccounts:cmms",)


def test_a_database_of_the_plant_takes_the_place_of_the_claim(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    platform = settings(monkeypatch, {"monitor": {"database": {"secret": "plant", "key": "dsn"}}}).platform()
    written = monitor((Identity("press-shop", "spindle", "u", 1),), platform)
    (pod,) = [one["spec"]["template"]["spec"] for one in written if one["kind"] == "Deployment"]
    (monitors,) = pod["containers"]
    (mount,) = [one for one in monitors["volumeMounts"] if one["name"] == "database"]
    told = {entry["name"]: entry["value"] for entry in monitors["env"]}
    assert told["ANDON_MONITOR_DATABASE_FILE"] == f"{mount['mountPath']}/url"
    assert mount["readOnly"]
    (volume,) = [one["secret"] for one in pod["volumes"] if one["name"] == "database"]
    assert (volume["secretName"], volume["items"]) == ("plant", [{"key": "dsn", "path": "url"}])
    assert not [
        one for one in pod["volumes"] if (one.get("persistentVolumeClaim") or {}).get("claimName") == MONITOR_NAME
    ]
    (tmp_path / "url").write_text("postgresql://andon@db.plant/press\n")
    monkeypatch.setenv("ANDON_MONITOR_DATABASE_FILE", str(tmp_path / "url"))
    assert MonitorSettings().database_url() == "postgresql://andon@db.plant/press"


def test_labels_may_be_sent_by_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    platform = settings(monkeypatch, {"monitor": {"tls": {"secret": "labels-tls", "clientCA": "ca.crt"}}}).platform()
    written = {one["kind"]: one for one in monitor((Identity("press-shop", "spindle", "u", 1),), platform)}
    pod = written["Deployment"]["spec"]["template"]["spec"]
    (monitors,) = pod["containers"]
    (mount,) = [one for one in monitors["volumeMounts"] if one["name"] == "tls"]
    (volume,) = [one["secret"] for one in pod["volumes"] if one["name"] == "tls"]
    assert volume["secretName"] == "labels-tls"
    for entry in monitors["env"]:
        if entry["name"].startswith("ANDON_MONITOR_TLS_"):
            monkeypatch.setenv(entry["name"], entry["value"])
    read, folder = MonitorSettings(), Path(mount["mountPath"])
    assert (read.tls_certificate, read.tls_key) == (folder / "tls.crt", folder / "tls.key")
    assert read.tls_client_ca == folder / "ca.crt"
    ports = {one["name"]: one["containerPort"] for one in monitors["ports"]}
    assert ports["api-tls"] == read.tls_port
    assert {"name": "api-tls", "port": read.tls_port, "targetPort": "api-tls"} in written["Service"]["spec"]["ports"]
    admitted = [one["port"] for rule in written["NetworkPolicy"]["spec"]["ingress"] for one in rule["ports"]]
    assert read.tls_port in admitted
    assert monitors["readinessProbe"]["httpGet"]["port"] == "api"


def test_monitors_keep_no_rows_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    written = monitor((Identity("press-shop", "spindle", "u", 1),), settings(monkeypatch).platform())
    (pod,) = [one["spec"]["template"]["spec"] for one in written if one["kind"] == "Deployment"]
    env = {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"]}
    for name in MonitorSettings.model_fields:
        if value := env.get(f"ANDON_MONITOR_{name.upper()}"):
            monkeypatch.setenv(f"ANDON_MONITOR_{name.upper()}", value)
    read, defaults = MonitorSettings(), MonitorSettings.model_fields
    for name in ("keep_rows", "keep_for", "keep_predictions", "keep_bytes", "drop_columns", "hash_columns"):
        assert getattr(read, name) == defaults[name].default, name
    assert read.hash_key_file is None


def test_values_reach_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(
        monkeypatch,
        {
            "imagePullSecrets": [{"name": "plant-registry"}, {"name": "spare"}],
            "images": {"pullPolicy": "Always"},
            "watchNamespaces": ["press-shop", "paint"],
            "clusterDomain": "plant.internal",
            "store": {
                "claim": {"name": "models", "size": "5Gi", "storageClass": "fast", "accessMode": "ReadWriteMany"},
                "s3": {
                    "uri": "s3://plant/models",
                    "endpoint": "https://minio.plant.example:9000",
                    "credentialsSecret": "s3",
                    "caBundle": {"configMap": "plant-ca", "key": "root.pem"},
                },
            },
            "builder": {"deadlineSeconds": 86400, "resources": {"limits": {"cpu": 4, "memory": "8Gi"}}},
            "operator": {"workers": 8, "resyncSeconds": 2.5, "logLevel": "DEBUG", "logFormat": "console"},
        },
    )
    assert read.image_pull_secrets == ("plant-registry", "spare")
    assert read.image_pull_policy == "Always"
    assert read.namespaces == ("press-shop", "paint")
    assert read.cluster_domain == "plant.internal"
    store = read.platform().store
    assert (store.claim, store.size) == ("models", "5Gi")
    assert (store.storage_class, store.access_mode) == ("fast", "ReadWriteMany")
    assert (store.uri, store.credentials_secret) == ("s3://plant/models", "s3")
    assert store.endpoint == "https://minio.plant.example:9000"
    assert (store.ca_config_map, store.ca_key) == ("plant-ca", "root.pem")
    assert read.build_deadline == 86400
    assert read.build_resources["limits"] == {"cpu": 4, "memory": "8Gi"}
    assert (read.workers, read.resync_seconds, read.log_level, read.log_format) == (8, 2.5, "DEBUG", "console")


def test_pod_passes_pod_security_restricted() -> None:
    manifests = render()
    pod = the(manifests, "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 65532
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(manifests)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert all(list(volume) == ["name", "emptyDir"] for volume in pod["volumes"])
    assert {"requests", "limits"} == container(manifests)["resources"].keys()


def test_only_the_pod_asks_for_the_token_and_takes_no_service_for_a_setting() -> None:
    manifests = render()
    pod = the(manifests, "Deployment")["spec"]["template"]["spec"]
    assert the(manifests, "ServiceAccount")["automountServiceAccountToken"] is False
    assert pod["automountServiceAccountToken"] is True
    assert pod["serviceAccountName"] == the(manifests, "ServiceAccount")["metadata"]["name"] == "andon-operator"
    assert pod["enableServiceLinks"] is False


def test_probes_and_service_name_the_port_that_the_operator_listens_on() -> None:
    manifests = render()
    operator = container(manifests)
    assert operator["ports"] == [{"name": "metrics", "containerPort": 8080, "protocol": "TCP"}]
    assert environment(manifests)["ANDON_PORT"] == "8080"
    paths = {probe: operator[f"{probe}Probe"]["httpGet"] for probe in ("startup", "liveness", "readiness")}
    assert paths["liveness"] == {"path": "/healthz", "port": "metrics"}
    assert paths["readiness"] == {"path": "/readyz", "port": "metrics"}
    service = the(manifests, "Service")["spec"]
    assert service["ports"] == [{"name": "metrics", "port": 8080, "targetPort": "metrics", "protocol": "TCP"}]
    labels = the(manifests, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()


def test_one_copy_has_no_disruption_budget_and_two_have_one() -> None:
    alone, several = render(), render({"operator": {"replicas": 2}})
    assert of_kind(alone, "PodDisruptionBudget") == []
    budget = the(several, "PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"] == the(several, "Deployment")["spec"]["selector"]
    assert the(several, "Deployment")["spec"]["replicas"] == 2


def test_placement_and_labels_reach_the_pod() -> None:
    values = {
        "imagePullSecrets": [{"name": "plant-registry"}],
        "operator": {
            "priorityClassName": "plant-critical",
            "nodeSelector": {"cabinet": "a"},
            "tolerations": [{"key": "edge", "operator": "Exists", "effect": "NoSchedule"}],
            "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
            "podAnnotations": {"note": "x"},
            "podLabels": {"team": "press", "app.kubernetes.io/name": "other"},
        },
    }
    template = the(render(values), "Deployment")["spec"]["template"]
    pod = template["spec"]
    assert pod["imagePullSecrets"] == [{"name": "plant-registry"}]
    assert pod["priorityClassName"] == "plant-critical"
    assert pod["nodeSelector"] == {"cabinet": "a"}
    assert pod["tolerations"] == values["operator"]["tolerations"]  # type: ignore[index]
    assert pod["affinity"] == values["operator"]["affinity"]  # type: ignore[index]
    assert template["metadata"]["annotations"] == {"note": "x"}
    assert template["metadata"]["labels"]["team"] == "press"
    # The selector's labels are not the values' to change.
    assert template["metadata"]["labels"]["app.kubernetes.io/name"] == "andon"
