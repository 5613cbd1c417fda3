"""The CustomResourceDefinitions of the Prometheus Operator and the Grafana Operator, from their Go modules."""

import json
from pathlib import Path

from lab import build, shell, versions

_SOURCES = {
    f"github.com/prometheus-operator/prometheus-operator@v{versions.PROMETHEUS_OPERATOR}": (
        "example/prometheus-operator-crd",
        ("prometheusrules", "podmonitors", "servicemonitors"),
        "monitoring.coreos.com",
    ),
    f"github.com/grafana/grafana-operator/v5@v{versions.GRAFANA_OPERATOR}": (
        "config/crd/bases",
        ("grafanadashboards",),
        "grafana.integreatly.org",
    ),
}


def definitions() -> list[Path]:
    """Give the files; each Go module's checksum is verified as for any module."""
    build.check_go()
    files = []
    for module, (folder, plurals, group) in _SOURCES.items():
        found = shell.run("go", "mod", "download", "-json", module, environment=build.GO_ENVIRONMENT)
        root = Path(json.loads(found.stdout)["Dir"]) / folder
        files += [root / f"{group}_{plural}.yaml" for plural in plurals]
    return files
