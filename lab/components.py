"""The components of the node: command line, what they are configured by, how they show that they are ready. Pure."""

from dataclasses import dataclass
from enum import Enum

from lab import network
from lab.paths import Paths

TRAEFIK_PORT = 8000
ETCD = "http://127.0.0.1:2379"


class Ready(Enum):
    """How a component shows that it is ready."""

    HEALTHZ = "an HTTP answer"
    SOCKET = "containerd's socket answers"
    NODE = "the node is Ready"


@dataclass(frozen=True)
class Component:
    """One process of the lab.

    Attributes
    ----------
    name : str
        Also the binary's, the log's and the record's name.
    arguments : tuple of str
        Without the binary.
    ready : Ready
        The kind of check.
    address : str
        What is asked for `Ready.HEALTHZ`.
    inputs : tuple of str
        Files below the state folder; when one changes, the component is started anew.
    environment : tuple of pairs
        Variables on top of the few that every component gets.
    deadline : float
        Seconds until it must be ready.
    grace : float
        Seconds to end after SIGTERM.
    """

    name: str
    arguments: tuple[str, ...]
    ready: Ready = Ready.HEALTHZ
    address: str = ""
    inputs: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    deadline: float = 60
    grace: float = 10


def etcd(paths: Paths) -> Component:
    return Component(
        "etcd",
        (
            f"--data-dir={paths.state}/etcd",
            f"--listen-client-urls={ETCD}",
            f"--advertise-client-urls={ETCD}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--unsafe-no-fsync",  # the lab's data need not survive a power cut, and its disk is shared
            "--log-level=warn",
        ),
        address=f"{ETCD}/readyz",
    )


def api_server(paths: Paths) -> Component:
    pki = paths.certificates
    return Component(
        "kube-apiserver",
        (
            f"--etcd-servers={ETCD}",
            f"--service-cluster-ip-range={network.SERVICE_NETWORK}",
            f"--advertise-address={network.NODE_ADDRESS}",
            "--secure-port=6443",
            f"--tls-cert-file={pki}/apiserver.crt",
            f"--tls-private-key-file={pki}/apiserver.key",
            f"--client-ca-file={pki}/ca.crt",
            f"--kubelet-certificate-authority={pki}/ca.crt",
            f"--kubelet-client-certificate={pki}/apiserver-kubelet.crt",
            f"--kubelet-client-key={pki}/apiserver-kubelet.key",
            "--kubelet-preferred-address-types=InternalIP",  # else logs and exec look the node's name up
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki}/service-accounts.key",
            f"--service-account-signing-key-file={pki}/service-accounts.key",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            f"--audit-policy-file={paths.config}/audit.yaml",
            f"--audit-log-path={paths.audit_log}",
            "--audit-log-maxsize=200",
            "--audit-log-maxbackup=2",
        ),
        address=f"{network.API_SERVER}/readyz",
        inputs=("config/audit.yaml", "pki/apiserver.crt", "pki/ca.crt", "pki/service-accounts.key"),
        grace=20,
    )


def controller_manager(paths: Paths) -> Component:
    pki = paths.certificates
    return Component(
        "kube-controller-manager",
        (
            f"--kubeconfig={paths.config}/controller-manager.kubeconfig",
            f"--service-account-private-key-file={pki}/service-accounts.key",
            f"--root-ca-file={pki}/ca.crt",
            f"--cluster-signing-cert-file={pki}/ca.crt",
            f"--cluster-signing-key-file={pki}/ca.key",
            "--use-service-account-credentials",
            f"--flex-volume-plugin-dir={paths.state}/kubelet/volume-plugins",
            f"--cluster-cidr={network.POD_NETWORK}",
            "--allocate-node-cidrs=false",
            "--leader-elect=false",
        ),
        address="https://127.0.0.1:10257/healthz",
        inputs=("config/controller-manager.kubeconfig",),
    )


def scheduler(paths: Paths) -> Component:
    return Component(
        "kube-scheduler",
        (f"--kubeconfig={paths.config}/scheduler.kubeconfig", "--leader-elect=false"),
        address="https://127.0.0.1:10259/healthz",
        inputs=("config/scheduler.kubeconfig",),
    )


def containerd(paths: Paths) -> Component:
    return Component(
        "containerd",
        (f"--config={paths.config}/containerd.toml",),
        ready=Ready.SOCKET,
        inputs=("config/containerd.toml",),
    )


def kubelet(paths: Paths) -> Component:
    return Component(
        "kubelet",
        (
            f"--config={paths.config}/kubelet.yaml",
            f"--kubeconfig={paths.config}/node.kubeconfig",
            f"--hostname-override={network.NODE_NAME}",
            f"--node-ip={network.NODE_ADDRESS}",
            f"--root-dir={paths.state}/kubelet",
            f"--cert-dir={paths.state}/kubelet/pki",
        ),
        ready=Ready.NODE,
        inputs=("config/kubelet.yaml", "config/node.kubeconfig"),
        deadline=90,
    )


def proxy(paths: Paths) -> Component:
    return Component(
        "kube-proxy",
        (f"--config={paths.config}/proxy.yaml",),
        address="http://127.0.0.1:10256/livez",
        inputs=("config/proxy.yaml", "config/proxy.kubeconfig"),
    )


def traefik(paths: Paths) -> Component:
    """Give Traefik as a process of the machine: the Gateway API's other side, not a part of the cluster."""
    provider = "--providers.kubernetesgateway"
    return Component(
        "traefik",
        (
            f"--entrypoints.web.address=:{TRAEFIK_PORT}",
            "--entrypoints.traefik.address=127.0.0.1:8090",
            "--ping=true",
            "--metrics.prometheus=true",
            "--global.checknewversion=false",
            "--global.sendanonymoususage=false",
            provider,
            f"{provider}.statusaddress.ip={network.NODE_ADDRESS}",
        ),
        address="http://127.0.0.1:8090/ping",
        inputs=("config/traefik.kubeconfig",),
        environment=(("KUBECONFIG", f"{paths.config}/traefik.kubeconfig"),),
    )


def all_of_them(paths: Paths) -> list[Component]:
    """List the components in the order in which they start; they stop in the reverse order."""
    makers = (etcd, api_server, containerd, controller_manager, scheduler, proxy, kubelet)
    return [make(paths) for make in makers]
