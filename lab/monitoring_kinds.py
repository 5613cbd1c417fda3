"""The CustomResourceDefinitions of the Prometheus Operator and the Grafana Operator, from their Go modules."""

import json
from pathlib import Path

from lab import build, shell, versions

_PROMETHEUS_OPERATOR = f"github.com/prometheus-operator/prometheus-operator@v{versions.PROMETHEUS_OPERATOR}"
_GRAFANA_OPERATOR = f"github.com/grafana/grafana-operator/v5@v{versions.GRAFANA_OPERATOR}"
_WRITTEN_BY_ANDON = ("prometheusrules", "podmonitors", "servicemonitors")


def definitions() -> list[Path]:
    """Give the files of the kinds that Andon writes; each Go module's checksum is verified as for any module."""
    prometheus = _folder_of_prometheus_operator()
    files = [prometheus / f"monitoring.coreos.com_{plural}.yaml" for plural in _WRITTEN_BY_ANDON]
    grafana = _module(_GRAFANA_OPERATOR) / "config" / "crd" / "bases"
    return [*files, grafana / "grafana.integreatly.org_grafanadashboards.yaml"]


def of_prometheus_operator() -> list[Path]:
    """Give the files of all kinds of the Prometheus Operator, as it needs them to run."""
    return sorted(_folder_of_prometheus_operator().glob("*.yaml"))


def _folder_of_prometheus_operator() -> Path:
    return _module(_PROMETHEUS_OPERATOR) / "example" / "prometheus-operator-crd"


def _module(name: str) -> Path:
    build.check_go()
    found = shell.run("go", "mod", "download", "-json", name, environment=build.GO_ENVIRONMENT)
    return Path(json.loads(found.stdout)["Dir"])
