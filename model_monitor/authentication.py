"""Who sends labels, since these decide promotions: a token of the cluster's, or a client certificate."""

from __future__ import annotations

import hashlib
import os
import ssl
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import structlog

from model_monitor.errors import MonitorError, Reason, shown
from model_monitor.issuer import Issuer, NoAccountError
from model_monitor.settings import MonitorSettings

_log = structlog.get_logger(__name__)

REMEMBERED_SECONDS = 60.0
REMEMBERED = 1_000
_FAILURES = (httpx.HTTPError, OSError, ValueError, KeyError, TypeError)
_PATH = "/apis/authentication.k8s.io/v1/tokenreviews"


@dataclass(frozen=True)
class Sender:
    """Who sent labels."""

    name: str
    groups: tuple[str, ...] = ()


class Senders:
    """Tells who sends labels, and whether they may.

    Parameters
    ----------
    settings
        Accounts of the monitor's own namespace may always send; others are listed there.
    clock
        Monotonic, in seconds.
    """

    def __init__(self, settings: MonitorSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._audience = settings.label_audience
        self._namespace = settings.namespace
        self._allowed = {f"system:serviceaccounts:{settings.namespace}", *settings.label_senders}
        self._server = settings.api_server or _own_server()
        self._token_file = settings.api_token_file
        self._ca_file = settings.api_ca_file
        self._clock = clock
        self._issuer = Issuer(self._ask, settings.label_audience, clock)
        self._known: OrderedDict[str, tuple[float, Sender]] = OrderedDict()

    async def by_token(self, header: str | None) -> Sender:
        """Tell who sends a header ``Authorization``.

        Raises
        ------
        MonitorError
            ``Unauthenticated``, ``Forbidden`` or ``AuthenticationUnavailable``.
        """
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise self._unauthenticated("no bearer token came with the labels")
        token = token.strip()
        key = hashlib.sha256(token.encode()).hexdigest()
        known = self._known.get(key)
        if known is not None and self._clock() - known[0] < REMEMBERED_SECONDS:
            return known[1]
        sender = await self._sent_by(token)
        if not self._allowed & {sender.name, *sender.groups}:
            raise MonitorError(
                Reason.FORBIDDEN,
                f"{sender.name} may not send labels here",
                found=sender.name,
                allowed=f"service accounts of namespace {self._namespace}, and who else the settings list",
                remedy="use an account of this namespace, or have this one listed",
            )
        self._known[key] = (self._clock(), sender)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return sender

    async def _sent_by(self, token: str) -> Sender:
        """Have the API server say whose a token is; where it will not, see by its keys."""
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [self._audience]},
        }
        try:
            return self._identity((await self._ask(_PATH, review))["status"])
        except httpx.HTTPStatusError as refused:
            if refused.response.status_code != httpx.codes.FORBIDDEN:
                raise self._unavailable(refused) from None
            return await self._by_keys(token, refused)
        except _FAILURES as error:
            raise self._unavailable(error) from None

    async def _by_keys(self, token: str, refused: Exception) -> Sender:
        try:
            return Sender(*await self._issuer.account(token))
        except NoAccountError as error:
            raise self._unauthenticated(f"the token cannot be used here: {error}") from None
        except _FAILURES:
            raise self._unavailable(refused) from None

    async def _ask(self, path: str, document: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 (JSON)
        own = self._token_file.read_text(encoding="utf-8").strip()
        trust = ssl.create_default_context(cafile=self._ca_file if self._ca_file.exists() else None)
        headers = {"Authorization": f"Bearer {own}"}
        async with httpx.AsyncClient(base_url=self._server, verify=trust, timeout=10, headers=headers) as client:
            answer = await (client.get(path) if document is None else client.post(path, json=document))
            answer.raise_for_status()
            return answer.json()

    def _unavailable(self, error: Exception) -> MonitorError:
        code = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else None
        found = type(error).__name__ if code is None else f"{type(error).__name__} {code}"
        _log.warning("the API server does not say whose a token is", error=found)
        if code == httpx.codes.FORBIDDEN:
            return MonitorError(
                Reason.AUTHENTICATION_UNAVAILABLE,
                f"the monitor of namespace {self._namespace} may not ask the API server whose the token is, nor for its"
                " public keys",
                found=found,
                allowed=f"the chart's monitor.labelNamespaces with {self._namespace} in it, or a client certificate",
                remedy=f"have {self._namespace} added there: helm upgrade RELEASE CHART --namespace RELEASE-NAMESPACE"
                f" --reuse-values --set 'monitor.labelNamespaces={{{self._namespace}}}' (all namespaces that are to be"
                " there, between commas), and send again",
            )
        return MonitorError(
            Reason.AUTHENTICATION_UNAVAILABLE,
            "the API server cannot be asked about the token",
            found=found,
            allowed="an answer to a TokenReview",
            remedy="send again; if it lasts, see kubectl logs deployment/andon-monitor",
        )

    def _identity(self, status: dict[str, Any]) -> Sender:
        if not status.get("authenticated"):
            raise self._unauthenticated("the API server does not know the token, or it is for another audience")
        # A server that does not know of audiences leaves them out; then the token may be for anything.
        if self._audience not in status.get("audiences", ()):
            raise self._unauthenticated("the token is for another audience")
        user = status.get("user", {})
        return Sender(str(user.get("username", "")), tuple(map(str, user.get("groups", ()))))

    def _unauthenticated(self, what: str) -> MonitorError:
        return MonitorError(
            Reason.UNAUTHENTICATED,
            what,
            found=what,
            allowed=f"Authorization: Bearer TOKEN, of audience {self._audience}",
            remedy=f"kubectl create token ACCOUNT --namespace {self._namespace} --audience {self._audience}",
        )


def by_certificate(certificate: dict[str, Any]) -> Sender:
    """Tell who holds a client certificate that the TLS layer has checked: its common name.

    Raises
    ------
    MonitorError
        ``Unauthenticated`` where it names nobody.
    """
    for part in certificate.get("subject", ()):
        for key, value in part:
            if key == "commonName" and value:
                return Sender(f"certificate:{value}")
    raise MonitorError(
        Reason.UNAUTHENTICATED,
        "the client certificate has no common name",
        found=shown(str(certificate.get("subject", ""))),
        allowed="a common name",
        remedy="have a certificate made that names its holder",
    )


def _own_server() -> str:
    host = os.environ.get("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc")
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
