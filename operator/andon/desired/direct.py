"""Provider Direct: the Service that clients call selects the servers of one version, and is switched in one write.

Nothing stands in between. A Service moves connections and not requests: a client that keeps its connection stays with
the version before until that version's server goes.
"""

from andon.api.meta import (
    ANNOTATION_WEIGHTS,
    COMPONENT_ROUTER,
    COMPONENT_SERVER,
    GRPC_PORT,
    HTTP_PORT,
    LABEL_VERSION,
    child_labels,
)
from andon.api.traffic import Traffic
from andon.api.v1alpha1 import Manifest
from andon.core.observed import Identity, Route, RouterPod
from andon.desired.pods import metadata
from andon.desired.providers import Asked, Live, note


class Direct:
    """Answers `andon.desired.providers.Provider`."""

    def manifests(self, asked: Asked) -> list[Manifest]:
        """Write the note and the Service.

        A route that shares requests out is left from another provider: the stable version gets them all.
        """
        identity, route = asked.identity, asked.forwarding.route
        meta = metadata(identity, identity.name, child_labels(identity.name, COMPONENT_ROUTER))
        meta["annotations"] = {ANNOTATION_WEIGHTS: str(route)}
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {
                "selector": child_labels(identity.name, COMPONENT_SERVER, asked.forwarding.stable),
                "ports": [
                    {"name": "http", "port": HTTP_PORT, "targetPort": "http"},
                    {"name": "grpc", "port": GRPC_PORT, "targetPort": "grpc", "appProtocol": "kubernetes.io/h2c"},
                ],
            },
        }
        return [note(asked), service]

    def entrances(self, identity: Identity, traffic: Traffic, live: Live) -> tuple[RouterPod, ...]:  # noqa: ARG002
        """Read which version the Service selects."""
        found = next((one for one in live["Service"] if one["metadata"]["name"] == identity.name), None)
        if found is None:
            return ()
        meta = found["metadata"]
        selected = found["spec"].get("selector", {}).get(LABEL_VERSION, "")
        try:
            route = Route.parse((meta.get("annotations") or {}).get(ANNOTATION_WEIGHTS, ""))
            follows = route if route.weight(int(selected)) == 100 and route.shadow is None else None
        except ValueError:
            follows = None
        trouble = "" if follows is not None else f"Service {identity.name} does not select the version it is to."
        return (RouterPod(identity.name, meta["uid"], live=follows, trouble=trouble),)
