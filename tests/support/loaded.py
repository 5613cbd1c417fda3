"""What a router's pod has loaded, and what a request may meet while it loads other files in their place."""

import json
from dataclasses import dataclass

from andon.api.v1alpha1 import Manifest
from andon.desired.envoy_clusters import behind


@dataclass(frozen=True)
class Files:
    """Names of the clusters that a router's files have, and of those to which their route sends requests."""

    clusters: frozenset[str] = frozenset()
    routed: frozenset[str] = frozenset()

    @staticmethod
    def of(config: Manifest) -> "Files":
        """Read a router's ConfigMap; where requests go by another way than Envoy it has no files."""
        files = config.get("data") or {}
        if "routes.json" not in files:
            return Files()
        clusters = (one["name"] for one in json.loads(files["clusters.json"])["resources"])
        hosts = (host for one in json.loads(files["routes.json"])["resources"] for host in one["virtual_hosts"])
        actions = (route["route"]["weighted_clusters"] for host in hosts for route in host["routes"])
        return Files(frozenset(clusters), frozenset(one["name"] for action in actions for one in action["clusters"]))

    @property
    def behind(self) -> frozenset[int]:
        """The versions that answer for another one where no connection to that can be had."""
        return frozenset(version for name in self.routed if (version := behind(name)) is not None)

    def replaced_by(self, other: "Files") -> None:
        """Hold that every cluster of both routes is there, in whatever order clusters and route are loaded.

        Raises
        ------
        AssertionError
            Where for a moment requests would be sent to a cluster that is not there.
        """
        if self.routed and other.routed:
            missing = (self.routed - other.clusters) | (other.routed - self.clusters)
            assert not missing, f"requests may meet {sorted(missing)}, which is not there"
