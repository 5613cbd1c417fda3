"""What a person can do next, from what is known of a FaultModel."""

from __future__ import annotations

from collections.abc import Callable

from andon.api.conditions import ConditionType, Reason
from andon.api.meta import (
    ANNOTATION_ABORT,
    ANNOTATION_APPROVE,
    ANNOTATION_FREEZE,
    ANNOTATION_PROMOTE,
    ANNOTATION_RETRAIN,
    ANNOTATION_ROLLBACK,
    COMPONENT_BUILD,
    COMPONENT_PREFLIGHT,
    COMPONENT_ROUTER,
    COMPONENT_SERVER,
    LABEL_COMPONENT,
    LABEL_FAULT_MODEL,
)
from andon.cli.facts import Facts

_OPERATOR = "app.kubernetes.io/name=andon,app.kubernetes.io/component=operator"


def advice(facts: Facts) -> tuple[str, ...]:
    """Give the next steps, most useful first; none where all is well.

    The condition's own message says what is to be mended; here stand the commands that help with it.
    """
    if facts.deleting:
        return ("It is being deleted: nothing to do.",)
    if not facts.current:
        return (
            f"Wait: the operator has not looked at generation {facts.generation} yet.",
            f"If that lasts longer than a minute, see whether the operator runs: kubectl get pods -A -l {_OPERATOR}",
        )
    if facts.ready:
        return ()
    ready = facts.condition(ConditionType.READY)
    reason = ready.reason if ready is not None else ""
    if facts.condition(ConditionType.STALLED) is None and reason in _UNDER_WAY:
        wait = f"Wait: {_UNDER_WAY[reason]} Follow it with: andon status {facts.name} -n {facts.namespace} --watch"
        return (wait, *_IF_IT_LASTS.get(reason, _nothing)(facts))
    return _ADVICE.get(reason, _mend_and_apply)(facts)


def _selector(facts: Facts, component: str) -> str:
    return f"-n {facts.namespace} -l {LABEL_FAULT_MODEL}={facts.name},{LABEL_COMPONENT}={component}"


def _retrain(facts: Facts) -> str:
    return f'kubectl annotate fm {facts.name} -n {facts.namespace} --overwrite {ANNOTATION_RETRAIN}="$(date +%s)"'


def _mend_and_apply(facts: Facts) -> tuple[str, ...]:
    return (
        "Mend what the message of the condition Ready names, and apply the manifest again.",
        f"If the data was mended under the same address, have it read again: {_retrain(facts)}",
        f"Log of the build: kubectl logs {_selector(facts, COMPONENT_BUILD)} --tail=50",
    )


def _build_again(facts: Facts) -> tuple[str, ...]:
    return (
        f"See the log of the build: kubectl logs {_selector(facts, COMPONENT_BUILD)} --tail=50",
        f"When the cause is gone, build again: {_retrain(facts)}",
    )


def _build_pod(facts: Facts) -> tuple[str, ...]:
    return (f"See why the build's pod does not start: kubectl describe pods {_selector(facts, COMPONENT_BUILD)}",)


def _server_pods(facts: Facts) -> tuple[str, ...]:
    selector = _selector(facts, COMPONENT_SERVER)
    return (
        f"See why the model server is not ready: kubectl describe pods {selector}",
        f"Its log: kubectl logs {selector} --all-containers --tail=50",
    )


def _router_pods(facts: Facts) -> tuple[str, ...]:
    return (f"See why the router is not ready: kubectl describe pods {_selector(facts, COMPONENT_ROUTER)}",)


def _approve(facts: Facts) -> tuple[str, ...]:
    newest = facts.candidate or (facts.versions[0] if facts.versions else None)
    digest = newest.digest if newest is not None and newest.digest else "DIGEST"
    return (
        "Let the clients send the new columns, then allow the switch:"
        f" kubectl annotate fm {facts.name} -n {facts.namespace} --overwrite {ANNOTATION_APPROVE}={digest}",
    )


def _better_or_approve(facts: Facts) -> tuple[str, ...]:
    return (
        "Train on better data, or compare more estimators. To let this version in although it scores worse:",
        _word(facts, "approve"),
    )


def _word(facts: Facts, verb: str) -> str:
    return f"andon {verb} {facts.name} -n {facts.namespace}"


def _preflight_pods(facts: Facts) -> tuple[str, ...]:
    selector = _selector(facts, COMPONENT_PREFLIGHT)
    return (
        f"See why: kubectl logs {selector} --tail=50",
        f"When the cause is gone, let it ask again: kubectl delete jobs {selector}",
    )


def _judge(facts: Facts) -> tuple[str, ...]:
    return (
        f"Let the candidate go on: {_word(facts, 'approve')}",
        f"Or call it off: {_word(facts, 'abort')}",
    )


def _wait_or_cut_short(facts: Facts) -> tuple[str, ...]:
    return (
        "Wait: it goes on by itself.",
        f"To go to all traffic at once: {_word(facts, 'promote')}",
        f"To call it off: {_word(facts, 'abort')}",
    )


def _wait_for_window(facts: Facts) -> tuple[str, ...]:
    return (
        "Wait: it goes on by itself when a window opens; to let it go on sooner, change spec.rollout.windows.",
        f"To call it off: {_word(facts, 'abort')}",
    )


def _wait_for_evidence(facts: Facts) -> tuple[str, ...]:
    return (
        "Wait: it goes on by itself when the evidence suffices. What people can settle by a look:"
        f" andon labels queue {facts.name} -n {facts.namespace}",
        f"To take it as it is: {_word(facts, 'promote')}",
        f"To call it off: {_word(facts, 'abort')}",
    )


def _take_without_evidence(facts: Facts) -> tuple[str, ...]:
    digest = facts.evidence is not None and next(
        (one.digest for one in facts.versions or () if one.version == facts.evidence.version), None
    )
    take = (
        f"kubectl annotate fm {facts.name} -n {facts.namespace} --overwrite {ANNOTATION_PROMOTE}={digest or 'DIGEST'}"
    )
    return ("Mend what is missing, then change the spec to have it tried again.", f"To take it as it is: {take}")


def _better_version(facts: Facts) -> tuple[str, ...]:
    return (
        "What serves goes on serving. The evidence above says which limit was broken; change the spec or the data.",
        f"If the data was mended under the same address, have it read again: {_retrain(facts)}",
    )


def _watch(facts: Facts) -> tuple[str, ...]:
    return (
        "Wait: nothing is wrong; the version before stands ready for a while.",
        f"To go back to it: {_word(facts, 'rollback')}",
    )


def _thaw(facts: Facts) -> tuple[str, ...]:
    return (
        f"Wait, or thaw the namespace: kubectl annotate namespace {facts.namespace} {ANNOTATION_FREEZE}-",
        f"To call it off: {_word(facts, 'abort')}",
    )


def _let_through(facts: Facts) -> tuple[str, ...]:
    return (
        "Wait: it goes on by itself when that is over for a while. InputsSteady and AccuracyKept above say how it is.",
        f"To let it in all the same, where it is the cure: {_word(facts, 'promote')}",
        f"To call it off: {_word(facts, 'abort')}",
    )


def _given_back(facts: Facts) -> tuple[str, ...]:
    return (
        "The version before serves. See whether the machine, a sensor or the data has changed; then change the spec.",
        f"If the data was mended under the same address, have it read again: {_retrain(facts)}",
    )


def _unroll(facts: Facts) -> tuple[str, ...]:
    return (
        "What serves goes on serving. Mend the spec or the data, then let versions come again:"
        f" kubectl annotate fm {facts.name} -n {facts.namespace} {ANNOTATION_ROLLBACK}-",
    )


def _unabort(facts: Facts) -> tuple[str, ...]:
    return (
        "What serves goes on serving. To try that version again, change the spec or the data and take the annotation"
        f" away: kubectl annotate fm {facts.name} -n {facts.namespace} {ANNOTATION_ABORT}-",
    )


def _resume(facts: Facts) -> tuple[str, ...]:
    patch = f'kubectl patch fm {facts.name} -n {facts.namespace} --type merge -p \'{{"spec":{{"suspend":false}}}}\''
    return (f"What serves goes on serving. To let it go on, set spec.suspend to false: {patch}",)


def _operator(facts: Facts) -> tuple[str, ...]:
    return (
        f"Find the operator with: kubectl get pods -A -l {_OPERATOR}",
        f"Its log tells more: kubectl logs -n NAMESPACE POD | grep {facts.name}",
    )


def _nothing(_: Facts) -> tuple[str, ...]:
    return ()


_UNDER_WAY: dict[str, str] = {
    Reason.PENDING: "the operator has just begun.",
    Reason.BUILD_RUNNING: "the build is at work.",
    Reason.BUILD_SUCCEEDED: "the build is done, the version is being made.",
    Reason.VERSION_STARTING: "the version starts.",
    Reason.PREFLIGHT_RUNNING: "the new server is asked for its golden samples.",
    Reason.CANARY_ADVANCING: "the candidate comes to its next step.",
    Reason.SHADOWING: "the candidate gets copies of requests.",
    Reason.SUPERSEDED: "the candidate of an earlier spec gives its traffic back.",
    Reason.SWITCHING_TRAFFIC: "traffic moves to the new version.",
}

_IF_IT_LASTS: dict[str, Callable[[Facts], tuple[str, ...]]] = {
    Reason.BUILD_RUNNING: lambda facts: (
        f"See what it does: kubectl logs {_selector(facts, COMPONENT_BUILD)} --tail=5 --follow",
    ),
    Reason.VERSION_STARTING: _server_pods,
}

_ADVICE: dict[str, Callable[[Facts], tuple[str, ...]]] = {
    Reason.BUILD_FAILED: _build_again,
    Reason.BUILD_OUT_OF_MEMORY: _build_again,
    Reason.BUILD_TIMED_OUT: _build_again,
    Reason.BUILD_EVICTED: _build_again,
    Reason.BUILD_NOT_STARTED: _build_pod,
    Reason.VERSION_NOT_READY: _server_pods,
    Reason.VERSION_FAILED_BEFORE: _server_pods,
    Reason.PROGRESS_DEADLINE_EXCEEDED: _server_pods,
    Reason.PREFLIGHT_FAILED: _preflight_pods,
    Reason.CANDIDATE_FAILED: _server_pods,
    Reason.ABORTED: _unabort,
    Reason.PAUSED: _wait_or_cut_short,
    Reason.AWAITING_APPROVAL: _judge,
    Reason.AWAITING_EVIDENCE: _wait_for_evidence,
    Reason.EVIDENCE_EXHAUSTED: _judge,
    Reason.EVIDENCE_MISSING: _take_without_evidence,
    Reason.ANALYSIS_FAILED: _better_version,
    Reason.WATCHING: _watch,
    Reason.FROZEN: _thaw,
    Reason.HELD_BY_DRIFT: _let_through,
    Reason.HELD_BY_ACCURACY_LOSS: _let_through,
    Reason.DRIFTED: _given_back,
    Reason.ACCURACY_LOST: _given_back,
    Reason.ROLLBACK_ASKED: _unroll,
    Reason.INVALID_ROLLBACK: _unroll,
    Reason.WAITING_FOR_WINDOW: _wait_for_window,
    Reason.ROUTER_NOT_READY: _router_pods,
    Reason.SIGNATURE_CHANGED: _approve,
    Reason.LOSS_TO_STABLE: _better_or_approve,
    Reason.SUSPENDED: _resume,
    Reason.INVALID_SPEC: _operator,
    Reason.REJECTED: _operator,
    Reason.FORBIDDEN: _operator,
}
