"""Alerts on what the monitor sees: inputs, sensors, accuracy, labels."""

from andon.desired.promql import quoted, template_text
from andon.desired.rules_alert import Alert, Gate, Subject


def model_alerts(subject: Subject) -> list[Alert]:
    """Give the alerts on a FaultModel's inputs and its accuracy."""
    name = template_text(subject.name)
    alerts = [*_inputs(subject, name), _labels_overdue(subject, name), _accuracy_lost(subject, name)]
    return [*alerts, _accuracy(subject, name)] if subject.gates else alerts


def _inputs(subject: Subject, name: str) -> list[Alert]:
    everything = f"sum(rate(andon_monitor_inputs_total{subject.monitor()}[10m]))"
    dropped = f"sum(rate(andon_monitor_inputs_dropped_total{subject.monitor()}[10m]))"
    return [
        Alert(
            name="FaultModelDrift",
            severity="warning",
            expression=f"max by (feature) (andon_monitor_drift{subject.monitor()}) == 1",
            held="10m",
            summary=f"Inputs of {name} have drifted: {{{{ $labels.feature }}}}",
            description="This input no longer looks as it did when the model was built. Predictions may be off.",
            action=(
                "Ask what changed at the machine: tool, material, season. If the change is to stay, build anew with"
                " newer data, or declare a new baseline after maintenance."
            ),
        ),
        Alert(
            name="FaultModelSensorFault",
            severity="warning",
            expression=f"max by (feature, kind) (andon_monitor_sensor_fault{subject.monitor()}) == 1",
            held="5m",
            summary=f"A sensor of {name} looks broken: {{{{ $labels.feature }}}} ({{{{ $labels.kind }}}})",
            description="The values of this input cannot be right. Until then the model works on a false input.",
            action="Have the sensor and its line checked; do not retrain on these values.",
        ),
        Alert(
            name="FaultModelMonitorDropsInputs",
            severity="warning",
            expression=f"{dropped} / ({everything} + {dropped}) > 0.05",
            held="15m",
            summary=f"The monitor does not keep up with {name}",
            description="{{ $value | humanizePercentage }} of the mirrored requests are not seen. Serving goes on.",
            action="Give the monitor more CPU, or let the router mirror fewer requests.",
        ),
    ]


def _accuracy(subject: Subject, name: str) -> Alert:
    def lost(gate: Gate) -> str:
        where = subject.monitor(f"metric={quoted(gate.metric)}", 'track="stable"', 'bound="upper"')
        return f"max by (metric) (andon_monitor_quality{where}) < {gate.minimum}"

    gates = ", ".join(f"{gate.metric} at least {gate.minimum}" for gate in subject.gates)
    return Alert(
        name="FaultModelAccuracyBelowGate",
        severity="critical",
        expression=" or ".join(lost(gate) for gate in subject.gates),
        held="15m",
        summary=f"{name} finds fewer faults than it must: {{{{ $labels.metric }}}}",
        description=(
            "By the labels of late, {{ $labels.metric }} is at most {{ $value | humanize }}, with 95% confidence."
            f" Asked for: {template_text(gates)}."
        ),
        action=(
            "See whether inputs have drifted or a sensor is broken. If the machine has changed, build anew with newer"
            " data; if a new version did this, go back to the one before."
        ),
    )


def _accuracy_lost(subject: Subject, name: str) -> Alert:
    lost = subject.operator('type="AccuracyKept"', 'status="False"')
    return Alert(
        name="FaultModelAccuracyLost",
        severity="critical",
        # What is to be done about it waits for a while; people are to know before.
        expression=f"max(andon_faultmodel_condition{lost}) == 1",
        held="",
        summary=f"{name} finds fewer faults than it must, or than the version before it did",
        description="By the labels of late, and with chance allowed for: a gate is missed, or recall has fallen.",
        action=(
            f"`andon status {name}` tells by how much, and what monitoring.onAccuracyLoss does about it and when. See"
            " whether inputs have drifted or a sensor is broken."
        ),
    )


def _labels_overdue(subject: Subject, name: str) -> Alert:
    window = subject.objectives.labels_overdue
    alarms = f"sum(increase(andon_monitor_alarms_total{subject.monitor()}[{window}])) > 0"
    labels = f"sum(increase(andon_monitor_labels_total{subject.monitor()}[{window}])) > 0"
    return Alert(
        name="FaultModelLabelsOverdue",
        severity="warning",
        expression=f"{alarms} unless {labels}",
        held="1h",
        summary=f"Nobody has said whether the alarms of {name} were right",
        description=f"It raised alarms in the last {window}, and no label came. Its accuracy is not known any more.",
        action="Inspect what the queue of the monitor lists, and send the labels; a handful a day is enough.",
    )
