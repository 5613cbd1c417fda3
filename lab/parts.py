"""The programs that are built from Go modules: which packages, which flags, which names."""

from dataclasses import dataclass

from lab import versions

_KUBERNETES_VERSION_PACKAGES = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
_CONTAINERD = "github.com/containerd/containerd/v2"


@dataclass(frozen=True)
class Part:
    """One Go module under `lab/go` and what comes out of it.

    Attributes
    ----------
    name : str
        The module's folder.
    version : str
        Of the software in it.
    packages : tuple of str
        What is built; the binaries are called by the last word of each, "." by the module's name.
    variables : dict
        Go variables set by the linker.
    tags : tuple of str
        Build tags.
    links : tuple of str
        More names for a binary that picks its task by the name it is called by.
    expected : str
        How long a cold build takes on two cores.
    """

    name: str
    version: str
    packages: tuple[str, ...] = (".",)
    variables: tuple[tuple[str, str], ...] = ()
    tags: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    expected: str = "a minute"

    @property
    def linker_flags(self) -> str:
        settings = [f"-X {name}={value}" for name, value in self.variables]
        return " ".join(["-s", "-w", *settings])


def _kubernetes_variables() -> tuple[tuple[str, str], ...]:
    # Without these the API server calls itself v0.0.0, which kubectl refuses to parse.
    major, minor, _ = versions.KUBERNETES.split(".")
    values = {
        "gitVersion": f"v{versions.KUBERNETES}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
    }
    return tuple((f"{package}.{k}", v) for package in _KUBERNETES_VERSION_PACKAGES for k, v in values.items())


KUBERNETES = Part(
    "kubernetes",
    versions.KUBERNETES,
    variables=_kubernetes_variables(),
    links=(
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-proxy",
        "kube-scheduler",
        "kubectl",
        "kubelet",
    ),
    expected="5 to 10 minutes the first time",
)
CONTAINERD = Part(
    "containerd",
    versions.CONTAINERD,
    packages=tuple(f"{_CONTAINERD}/cmd/{name}" for name in ("containerd", "containerd-shim-runc-v2", "ctr")),
    variables=((f"{_CONTAINERD}/version.Version", f"v{versions.CONTAINERD}"),),
    expected="1 to 4 minutes the first time",
)
COREDNS = Part("coredns", versions.COREDNS, expected="1 minute the first time")
HELM = Part(
    "helm",
    versions.HELM,
    packages=("helm.sh/helm/v4/cmd/helm",),
    variables=(("helm.sh/helm/v4/internal/version.version", f"v{versions.HELM}"),),
    expected="1 to 4 minutes the first time",
)
PAUSE = Part("pause", versions.PAUSE, expected="a few seconds")
KIND = Part("kind", versions.KIND, packages=("sigs.k8s.io/kind",), expected="1 minute the first time")
_PROMETHEUS_OPERATOR = "github.com/prometheus-operator/prometheus-operator"
PROMETHEUS_OPERATOR = Part(
    "prometheus-operator",
    versions.PROMETHEUS_OPERATOR,
    packages=(f"{_PROMETHEUS_OPERATOR}/cmd/operator",),
    variables=(("github.com/prometheus/common/version.Version", versions.PROMETHEUS_OPERATOR),),
    expected="2 minutes the first time",
)

_PROMETHEUS = "github.com/prometheus/prometheus"
PROMETHEUS = Part(
    "prometheus",
    versions.PROMETHEUS,
    packages=(f"{_PROMETHEUS}/cmd/prometheus",),
    variables=(("github.com/prometheus/common/version.Version", versions.PROMETHEUS),),
    # Of all discoveries that of Kubernetes alone, which Debian's build leaves out: the others are most of the code.
    tags=("remove_all_sd", "enable_kubernetes_sd"),
    expected="5 minutes the first time",
)

LAB = (KUBERNETES, CONTAINERD, PAUSE, COREDNS, HELM)
ON_REQUEST = (KIND, PROMETHEUS_OPERATOR, PROMETHEUS)
