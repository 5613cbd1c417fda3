"""The one table of what the lab is made of; the Go modules under `lab/go` pin the same versions."""

KUBERNETES = "1.36.3"
ETCD = "3.6.16"
CONTAINERD = "2.4.2"
COREDNS = "1.15.0"
HELM = "4.3.1"
PAUSE = "1"
TRAEFIK = "3.7.15"
GATEWAY_API = "1.6.1"
PROMETHEUS = "3.13.5"
PROMETHEUS_OPERATOR = "0.85.0"
GRAFANA_OPERATOR = "5.18.0"
KIND = "0.33.0"

GO_MINIMUM = (1, 26, 6)
DEBIAN_SUITE = "bookworm"
