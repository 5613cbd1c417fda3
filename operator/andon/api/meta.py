"""Group, version, labels, annotations, and the names of children: everything that is spelled the same everywhere."""

GROUP = "andon.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

FIELD_MANAGER = "andon"

LABEL_FAULT_MODEL = f"{GROUP}/faultmodel"
"""On every child: the FaultModel that it belongs to. The operator watches children by this label only."""
LABEL_VERSION = f"{GROUP}/version"
LABEL_COMPONENT = "app.kubernetes.io/component"
LABEL_NAME = "app.kubernetes.io/name"
LABEL_INSTANCE = "app.kubernetes.io/instance"
LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"

ANNOTATION_RETRAIN = f"{GROUP}/retrain"
"""Set by people: a new value makes the operator read the data again."""
ANNOTATION_APPROVE = f"{GROUP}/approve"
"""Set by people: the digest of the artifact that may go on where the operator asks for approval."""
ANNOTATION_PROMOTE = f"{GROUP}/promote"
"""Set by people: the digest of a candidate that may skip what is left of its steps."""
ANNOTATION_ABORT = f"{GROUP}/abort"
"""Set by people: the digest of an artifact that is to leave the line, and to stay away while the note is there."""
ANNOTATION_ROLLBACK = f"{GROUP}/rollback"
"""Set by people: the digest of a version that held all traffic before, and is to hold it again while the note is
there, whatever the spec asks for."""
ANNOTATION_FREEZE = f"{GROUP}/freeze"
"""Set by people on a namespace: no version gains traffic in it while the note is there, whatever its value."""
ANNOTATION_RESTART = f"{GROUP}/restart"
"""Set by people: a new value makes servers and router anew, with the images and templates of the running operator."""
ANNOTATION_REBASELINE = f"{GROUP}/rebaseline"
"""Set by people: what was changed at the machine on purpose. A new value makes the monitor begin a new baseline."""
ANNOTATION_INPUTS = f"{GROUP}/inputs"
"""On Deployments: digest of what they were made from. The same inputs leave a standing Deployment as it is."""
ANNOTATION_MANIFEST = f"{GROUP}/manifest"
"""On Deployments: the manifest that they were made with."""
ANNOTATION_WEIGHTS = f"{GROUP}/weights"
"""On the router's ConfigMap: the route in short; with it, what serves can be told from the cluster alone."""
ANNOTATION_SINCE = f"{GROUP}/since"
"""On the router's ConfigMap: when the route was decided."""
ANNOTATION_CANARY = f"{GROUP}/canary"
"""On the router's ConfigMap: which version is the candidate, at which step it is since when, and how it ended."""
ANNOTATION_WATCH = f"{GROUP}/watch"
"""On the router's ConfigMap: which version served before the one that is watched, and since when that is."""
ANNOTATION_SIGNALS = f"{GROUP}/signals"
"""On the router's ConfigMap: since when drift or a loss of accuracy is seen, and when that was last reacted to."""
ANNOTATION_RETRAINING = f"{GROUP}/retraining"
"""On the router's ConfigMap: for which time the data was last read again, why, and since when a schedule is kept."""
ANNOTATION_PROMOTED = f"{GROUP}/promoted"
"""On the router's ConfigMap: the versions that have held all traffic at some time."""
ANNOTATION_ROUTE = f"{GROUP}/route"
"""On router pods and their ConfigMap: the digest of the files that they should have. A change makes the kubelet refresh
their files at once."""

HEADER_MODEL = "x-andon-model"
"""On each request that the router forwards: the FaultModel's name."""
HEADER_VERSIONS = "x-andon-versions"
"""On each request that the router forwards: the version that serves and, while there is one, that on trial, each with
its artifact's digest: 4=sha256:…,5=sha256:…"""
HEADER_ASSET = "x-andon-asset"
"""On a request that names its asset: that name."""
HEADER_VERSION = "x-andon-version"
"""On each answer: the version that gave it."""

COMPONENT_BUILD = "build"
COMPONENT_PREFLIGHT = "preflight"
COMPONENT_SERVER = "server"
COMPONENT_ROUTER = "router"
COMPONENT_MONITOR = "monitor"
COMPONENT_MONITORING = "monitoring"

NAME_MAX_LENGTH = 45
"""Characters of a FaultModel's name: what 63 (a Service's name, a Job's label) leaves after the longest suffix."""

HTTP_PORT = 8000
GRPC_PORT = 8001
METRICS_PORT = 8002

MONITOR_API_PORT = 8080
MONITOR_TLS_PORT = 8443
MONITOR_PAGE_PORT = 8090
MONITOR_NAME = "andon-monitor"
"""Name of a namespace's monitor and of its Service."""


def version_name(fault_model: str, version: int) -> str:
    """Name of a FaultModelVersion, and of the Deployment and Service that serve it."""
    return f"{fault_model}-v{version}"


def build_name(fault_model: str, plan_digest: str) -> str:
    """Name of the Job that carries out a build plan, and of the ConfigMap that holds the plan."""
    return f"{fault_model}-build-{plan_digest.removeprefix('sha256:')[:8]}"


def preflight_name(fault_model: str, version: int) -> str:
    """Name of the Job that asks a version's server for its golden samples."""
    return f"{fault_model}-check-v{version}"


def router_name(fault_model: str) -> str:
    """Name of the router's Deployment and of the ConfigMap with its route."""
    return f"{fault_model}-router"


def dashboard_name(fault_model: str) -> str:
    """Name of the ConfigMap, and of the GrafanaDashboard, with the dashboard of a FaultModel."""
    return f"{fault_model}-dashboard"


def rules_name(fault_model: str) -> str:
    """Name of the PrometheusRule, or of the ConfigMap, with the rules of a FaultModel."""
    return f"{fault_model}-rules"


def child_labels(fault_model: str, component: str, version: int | None = None) -> dict[str, str]:
    """Labels of a child of a FaultModel."""
    labels = {
        LABEL_FAULT_MODEL: fault_model,
        LABEL_COMPONENT: component,
        LABEL_NAME: "andon",
        LABEL_INSTANCE: fault_model,
        LABEL_MANAGED_BY: FIELD_MANAGER,
    }
    if version is not None:
        labels[LABEL_VERSION] = str(version)
    return labels
