"""Alerts on what the operator says of a FaultModel: serving, rollout, build, artifacts."""

from andon.desired.promql import template_text
from andon.desired.rules_alert import Alert, Subject


def rollout_alerts(subject: Subject) -> list[Alert]:
    """Give the alerts on a FaultModel's rollout."""
    name = template_text(subject.name)
    return [*_serving(subject, name), *_moving(subject, name), *_artifacts(subject, name)]


def _serving(subject: Subject, name: str) -> list[Alert]:
    unavailable = subject.operator('type="Available"', 'status!="True"', 'reason!="NothingServes"')
    stable = subject.operator('track="stable"')
    refused = subject.server('reason=~"REJECTED|BACKEND|"')  # not of requests that no model could answer
    failed = f"sum by (version) (rate(nv_inference_request_failure{refused}[10m]))"
    answered = f"sum by (version) (rate(nv_inference_request_success{subject.server()}[10m]))"
    return [
        Alert(
            name="FaultModelUnavailable",
            severity="critical",
            expression=f"max by (reason) (andon_faultmodel_condition{unavailable}) == 1",
            held="2m",
            summary=f"{name} answers nobody",
            description="No replica of the version that should serve is ready, or no router: {{ $labels.reason }}.",
            action=f"`kubectl describe faultmodel {name}` says what is missing; then the pods of server and router.",
        ),
        Alert(
            name="FaultModelVersionFails",
            severity="warning",
            expression=f"{failed} / ({failed} + {answered}) > 0.05 and {failed} * 600 >= 5",
            held="5m",
            summary=f"Version {{{{ $labels.version }}}} of {name} fails at predictions",
            description="Its model server could not compute {{ $value | humanizePercentage }} of the requests it took.",
            action=(
                "If the version is on trial, `andon abort`. Else read the log of its pods, and go back to the version"
                " before by the spec it was built from."
            ),
        ),
        Alert(
            name="FaultModelNoTraffic",
            severity="warning",
            expression=f"model:andon_requests:rate5m{subject.recorded()} == 0",
            held=subject.objectives.no_traffic,
            summary=f"Nobody asks {name} for predictions",
            description=f"No request has come for {subject.objectives.no_traffic}, and the model is there to answer.",
            action="If the line stands still, silence this. Else see whether its clients run and reach the Service.",
        ),
        Alert(
            name="FaultModelNotScraped",
            severity="warning",
            expression=(
                f"count(andon_faultmodel_version_weight{stable})"
                f" unless count(envoy_http_downstream_rq_completed{subject.router()})"
            ),
            held="15m",
            summary=f"Prometheus gets no metrics from the router of {name}",
            description="A version serves, but its router is not scraped: the other alerts of this model are blind.",
            action="Look for the target in Prometheus (Status, Targets), and at the labels it selects monitors by.",
        ),
    ]


def _moving(subject: Subject, name: str) -> list[Alert]:
    rolled_back = subject.operator('phase=~"RollingBack|RolledBack"')
    build_failed = subject.operator('type="Built"', 'status="False"')
    return [
        Alert(
            name="FaultModelCanaryHeld",
            severity="warning",
            expression=f"max by (reason, version) (andon_faultmodel_held{subject.operator()}) == 1",
            held=subject.objectives.held,
            summary=f"Version {{{{ $labels.version }}}} of {name} waits",
            description=f"It has gone no further for {subject.objectives.held}: {{{{ $labels.reason }}}}.",
            action=f"`andon status {name}` says what it waits for: an approval, labels, a window, or a person.",
        ),
        Alert(
            name="FaultModelRolledBack",
            severity="warning",
            expression=f"max(andon_faultmodel_phase{rolled_back}) == 1",
            held="",
            summary=f"A new version of {name} was taken off the line",
            description="The version before it serves again. The new one is not tried again until spec or data change.",
            action=f"`andon status {name}` tells the reason and the evidence. Mend data or spec, then apply it.",
        ),
        Alert(
            name="FaultModelBuildFailed",
            severity="warning",
            expression=f"max by (reason) (andon_faultmodel_condition{build_failed}) == 1",
            held="5m",
            summary=f"The build of {name} failed",
            description="Reason {{ $labels.reason }}. What serves goes on serving.",
            action=f"`kubectl describe faultmodel {name}` says what was found and how to mend it.",
        ),
    ]


def _artifacts(subject: Subject, name: str) -> list[Alert]:
    def trouble(reasons: str) -> str:
        troubles = f"andon_faultmodel_server_trouble{subject.operator(reasons)}"
        return f"max by (version) (max_over_time({troubles}[10m])) == 1"

    return [
        Alert(
            name="FaultModelArtifactDigestMismatch",
            severity="critical",
            expression=trouble('reason="DigestMismatch"'),
            held="",
            summary=f"A file of version {{{{ $labels.version }}}} of {name} is not what was built",
            description="A model server refused to start: the artifact in the store is damaged or was changed.",
            action=(
                "What runs goes on. Find out who can write to the store; restore the artifact from a copy, or build"
                " it anew with the annotation andon.dev/retrain."
            ),
        ),
        Alert(
            name="FaultModelArtifactFetchFails",
            severity="warning",
            expression=trouble('reason="FetchFailed"'),
            held="5m",
            summary=f"Servers of version {{{{ $labels.version }}}} of {name} cannot fetch their model",
            description="The store does not answer, or the artifact is not there. Pods that run are not touched.",
            action="Look at the log of the container fetch of the waiting pod; see that the store is reachable.",
        ),
    ]
