"""What Andon writes for the Prometheus Operator, taken by the real one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from andon.api.v1alpha1 import Manifest
from andon.desired.scraping import ENVOY_PATH, KEPT_OF_ENVOY
from lab import monitoring_kinds
from tests.e2e.conftest import ServedModel
from tests.support import promtool
from tests.support.installation import OPERATOR_NAMESPACE, install_chart
from tests.support.kinds import monitoring_kinds_installed
from tests.support.kubectl import Kubectl, condition, eventually
from tests.support.prometheus import ask, rule_health, targets
from tests.support.prometheus_operator import (
    PrometheusOperator,
    as_configured,
    configuration,
    prometheus_operator,
    rule_files,
    scrape_jobs,
    selecting,
)

pytestmark = pytest.mark.prometheus_operator

LABELS = {"release": "plant"}
NAME = "plant"
NAMESPACE = "watch-e2e"


@dataclass(frozen=True)
class Taken:
    """A Prometheus whose configuration the Prometheus Operator has made."""

    kubectl: Kubectl
    by: PrometheusOperator
    model: ServedModel

    @property
    def jobs(self) -> tuple[str, ...]:
        """Names of the scrape jobs that Andon's objects ask for."""
        of_model = f"podMonitor/{self.model.namespace}/{self.model.name}"
        of_chart = (
            f"serviceMonitor/{OPERATOR_NAMESPACE}/andon-operator/0",
            f"podMonitor/{OPERATOR_NAMESPACE}/andon-monitors/0",
        )
        return (f"{of_model}/0", f"{of_model}/1", *of_chart)

    @property
    def rules(self) -> tuple[tuple[str, str], ...]:
        """Namespace and name of Andon's PrometheusRules."""
        return ((self.model.namespace, f"{self.model.name}-rules"), (OPERATOR_NAMESPACE, "andon-operator"))


@pytest.fixture(scope="module")
def taken(
    served_model: ServedModel, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Taken]:
    """The kinds come, Andon fills them in, the chart asks to be scraped, the Prometheus Operator has read it all."""
    kubectl, model = Kubectl(NAMESPACE), served_model
    on = {"enabled": True, "labels": LABELS}
    _watch(model, enabled=True)
    try:
        eventually(lambda: _ready(model)[:2] == ("False", "PrometheusOperatorAbsent"), 60, "no kinds")
        with monitoring_kinds_installed(kubectl, monitoring_kinds.of_prometheus_operator()):
            eventually(lambda: _ready(model)[0] == "True", 240, "the kinds are filled in without a restart")
            install_chart(images, metrics={"scraping": on, "rules": on})
            try:
                kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
                kubectl.apply(selecting(NAME, LABELS))
                with prometheus_operator(tmp_path_factory.mktemp("prometheus-operator")) as running:
                    made = Taken(kubectl, running, model)
                    eventually(lambda: set(made.jobs) <= scrape_jobs(kubectl, NAME).keys(), 60, "all jobs are there")
                    yield made
            finally:
                kubectl.run("delete", "namespace", NAMESPACE, "--ignore-not-found")
                install_chart(images)
    finally:
        _watch(model, enabled=False)


def _watch(model: ServedModel, *, enabled: bool) -> None:
    patch = yaml.safe_dump({"spec": {"monitoring": {"enabled": enabled, "labels": LABELS if enabled else None}}})
    model.plant.kubectl.run("patch", "faultmodel", model.name, "--type=merge", f"--patch={patch}")


def _ready(model: ServedModel) -> tuple[str, str, str]:
    return condition(model.plant.kubectl.get("faultmodel", model.name), "MonitoringReady")


def _broken_rule() -> Manifest:
    group = {"name": "broken", "rules": [{"record": "broken", "expr": "sum(("}]}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "broken", "labels": LABELS},
        "spec": {"groups": [group]},
    }


def _warned_of(kubectl: Kubectl) -> set[str]:
    found = kubectl.find("events.events.k8s.io")
    return {one["regarding"]["name"] for one in found if one.get("reason") == "InvalidConfiguration"}


def test_every_object_is_selected_and_none_rejected(taken: Taken) -> None:
    kinds = {"PodMonitor": 2, "ServiceMonitor": 1, "PrometheusRule": 2}
    eventually(
        lambda: all(taken.by.managed().get((kind, "selected")) == count for kind, count in kinds.items()),
        60,
        f"{kinds} are selected",
    )
    assert {kind: taken.by.managed().get((kind, "rejected"), 0) for kind in kinds} == dict.fromkeys(kinds, 0)
    assert [line for line in taken.by.complaints() if "andon" in line or taken.model.name in line] == []
    for namespace in (taken.model.namespace, OPERATOR_NAMESPACE):
        assert _warned_of(Kubectl(namespace)) == set()


def test_a_rule_that_cannot_be_read_is_rejected(taken: Taken) -> None:
    """A rejection would be seen: else the test above could not fail."""
    taken.kubectl.apply(_broken_rule())
    try:
        eventually(lambda: taken.by.managed().get(("PrometheusRule", "rejected")) == 1, 60, "one is rejected")
        eventually(lambda: _warned_of(taken.kubectl) == {"broken"}, 60, "an Event says so")
        assert any("broken" in line for line in taken.by.complaints())
    finally:
        taken.kubectl.run("delete", "prometheusrule", "broken")
    eventually(lambda: taken.by.managed().get(("PrometheusRule", "rejected"), 0) == 0, 60, "it is forgotten")


def _labelled(job: dict[str, Any]) -> dict[str, list[str]]:
    steps = job["relabel_configs"]
    return {each["target_label"]: each.get("source_labels", []) for each in steps if "target_label" in each}


def _kept(job: dict[str, Any]) -> dict[tuple[str, ...], str]:
    """Give by what a job's targets are chosen."""
    steps = job["relabel_configs"]
    return {tuple(each["source_labels"]): each["regex"] for each in steps if each.get("action") == "keep"}


def test_scrape_jobs_are_as_asked_for(taken: Taken) -> None:
    jobs = scrape_jobs(taken.kubectl, NAME)
    router, server, operator, monitors = (jobs[name] for name in taken.jobs)
    port = ("__meta_kubernetes_pod_container_port_name",)
    for job, named, path in ((router, "status", ENVOY_PATH), (server, "metrics", "/metrics")):
        assert _kept(job)[port] == named
        assert job["metrics_path"] == path
        assert _labelled(job)["faultmodel"] == ["__meta_kubernetes_pod_label_andon_dev_faultmodel"]
        assert _labelled(job)["namespace"] == ["__meta_kubernetes_namespace"]
        assert job["kubernetes_sd_configs"][0]["namespaces"]["names"] == [taken.model.namespace]
    kept = [each for each in router["metric_relabel_configs"] if each.get("action") == "keep"]
    assert [each["regex"] for each in kept] == [KEPT_OF_ENVOY]
    assert _kept(monitors)[port] == "api"
    assert _kept(operator)[("__meta_kubernetes_endpoint_port_name",)] == "metrics"


def test_the_configuration_is_what_prometheus_reads(taken: Taken, tmp_path: Path) -> None:
    found = configuration(taken.kubectl, NAME)
    assert found is not None
    # Debian builds Prometheus without the discovery of Kubernetes, so its promtool does not know this one field.
    for job in found["scrape_configs"]:
        assert job.pop("kubernetes_sd_configs")
    text = yaml.safe_dump(found)
    assert promtool.check_config(tmp_path, text) == ""


def test_rules_arrive_whole(taken: Taken, tmp_path: Path) -> None:
    def arrived() -> dict[str, Any]:
        files = rule_files(taken.kubectl, NAME)
        return files if len(files) == len(taken.rules) else {}

    files = eventually(arrived, 60, "a rule file each")
    for namespace, name in taken.rules:
        asked = Kubectl(namespace).get("prometheusrule", name)
        assert asked is not None
        assert files[f"{namespace}-{name}"] == asked["spec"]["groups"]
        assert promtool.check_rules(tmp_path, files[f"{namespace}-{name}"]) == ""


def test_a_real_prometheus_finds_and_scrapes_the_targets_and_evaluates_the_rules(taken: Taken, tmp_path: Path) -> None:
    eventually(lambda: len(rule_files(taken.kubectl, NAME)) == len(taken.rules), 60, "a rule file each")
    groups = {group["name"] for file in rule_files(taken.kubectl, NAME).values() for group in file}
    with as_configured(taken.kubectl, NAME, tmp_path) as address:

        def scraped() -> bool:
            found = targets(address)
            return all(set(found.get(job, {}).values()) == {"up"} for job in taken.jobs)

        def evaluated() -> bool:
            health = rule_health(address)
            return health.keys() == groups and all(states == {"ok"} for states in health.values())

        try:
            eventually(scraped, 90, f"targets of {taken.jobs} are found and up")
            eventually(evaluated, 90, "each group of rules is evaluated without an error")
        except AssertionError as error:
            error.add_note(
                f"{targets(address)} {rule_health(address)}\n{(tmp_path / 'prometheus.log').read_text()[-4000:]}"
            )
            raise
        of_model = f'namespace="{taken.model.namespace}",faultmodel="{taken.model.name}"'
        assert ask(address, f"envoy_http_downstream_rq_completed{{{of_model}}}"), (
            "the router, under the labels of rules"
        )
        assert ask(address, f'andon_faultmodel_phase{{model="{taken.model.name}"}}'), "the operator"
