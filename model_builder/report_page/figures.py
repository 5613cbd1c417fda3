"""The figures of a page, each drawn from the report's facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from model_builder.compression.report import CandidateFacts, CompressionReport
from model_builder.model_report import BinFacts, ClassScoreFacts, EvaluationFacts, ExplanationFacts, ScoreFacts
from model_builder.report import Reduction
from model_builder.report_page.plots import BAD, FIRST, GOOD, INK, MUTED, SECOND, THIRD, Picture, draw
from model_builder.report_page.words import metric, number, points, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHARES = ("accuracy", "precision", "recall", "f1", "macroF1", "bestF1", "averagePrecision")
"""Scores from 0 to 1 of which more is better, in the order in which they are shown."""


def scores(evaluation: EvaluationFacts, required: dict[str, float], name: str = "scores") -> Picture:
    """Draw each score with its interval, and what its gate asks for.

    Parameters
    ----------
    required
        The gates' limits by metric.
    """
    shown = [(key, evaluation.scores[key]) for key in SHARES if _known(evaluation.scores.get(key))]

    def paint(axes: Axes) -> None:
        for place, (key, score) in enumerate(shown):
            _whisker(axes, score, place)
            if key in required:
                axes.plot([required[key]] * 2, [place - 0.38, place + 0.38], color=BAD, linewidth=1.6)
        axes.set_yticks(range(len(shown)), [metric(key) for key, _ in shown])
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_xlim(0, 1.02)
        axes.grid(visible=False, axis="y")

    alt = "; ".join(f"{metric(key)} {number(score.value)} ({_bounds(score)})" for key, score in shown)
    alt += "".join(f"; {metric(key)} must reach {limit:g}" for key, limit in required.items())
    return draw(name, "Scores with their 95% intervals", alt, paint, height=0.7 + 0.27 * len(shown))


def calibration(bins: Sequence[BinFacts]) -> Picture:
    """Draw the share of faults over the mean score of each bin that has rows."""
    full = [each for each in bins if each.rows]
    most = max(each.rows for each in full)

    def paint(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)), label="a perfect score")
        axes.plot([each.score for each in full], [each.faults for each in full], color=FIRST, linewidth=1)
        sizes = [12 + 60 * each.rows / most for each in full]
        axes.scatter([each.score for each in full], [each.faults for each in full], s=sizes, color=FIRST, zorder=3)
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xlabel="mean score", ylabel="share of faults")
        axes.legend(loc="upper left")

    said = "; ".join(f"score {each.score:.2f}, faults {each.faults:.2f}, {each.rows:,} rows" for each in full)
    return draw("calibration", "What the score says, and what then was", said, paint)


def curve(evaluation: EvaluationFacts) -> Picture:
    """Draw precision over recall, and where the threshold puts the model."""
    found = evaluation.curve
    now = evaluation.scores["precision"].value, evaluation.scores["recall"].value
    average = number(evaluation.scores["averagePrecision"].value)

    def paint(axes: Axes) -> None:
        recall, precision = [0.0, *(each.recall for each in found)], [found[0].precision]
        precision += [each.precision for each in found]
        axes.step(recall, precision, where="pre", color=FIRST, linewidth=1.5, label=f"average precision {average}")
        if None not in now:
            label = f"threshold {evaluation.threshold:g}"
            axes.plot([now[1] or 0.0], [now[0] or 0.0], color=BAD, marker="D", markersize=6, linestyle="", label=label)
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.05), xlabel="recall", ylabel="precision")
        axes.legend(loc="lower left")

    told = found[:: max(1, len(found) // 8)]
    alt = "; ".join(f"recall {each.recall:.2f}, precision {each.precision:.2f}" for each in told)
    alt += f"; at the threshold precision {number(now[0])}, recall {number(now[1])}; average precision {average}"
    return draw("curve", "Precision over recall", alt, paint)


_LINES = tuple((colour, style) for style in ("-", (0, (4, 2))) for colour in (FIRST, SECOND, THIRD))
"""Colours and dashes of the curves of several classes: as many as can still be told apart."""


def class_curves(evaluation: EvaluationFacts) -> Picture:
    """Draw precision over recall of each class against all others; of many classes, of those that rank worst."""
    ranked = [(_average_precision(each), each) for each in evaluation.classes if each.curve]
    shown = sorted(ranked, key=lambda pair: pair[0])[: len(_LINES)]

    def paint(axes: Axes) -> None:
        for (average, each), (colour, style) in zip(shown, _LINES, strict=False):
            recall, precision = [0.0, *(point.recall for point in each.curve)], [each.curve[0].precision]
            precision += [point.precision for point in each.curve]
            label = f"{short(each.name, 20)} ({average:.2f})"
            axes.step(recall, precision, where="pre", color=colour, linestyle=style, linewidth=1.5, label=label)
            if each.precision.value is not None and each.recall.value is not None:
                axes.plot([each.recall.value], [each.precision.value], color=colour, marker="D", markersize=5)
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.05), xlabel="recall", ylabel="precision")
        axes.legend(loc="lower left")

    alt = "; ".join(
        f"{short(each.name, 60)}: average precision {average:.2f}, as called precision {number(each.precision.value)} "
        f"and recall {number(each.recall.value)}"
        for average, each in shown
    )
    left_out = len(ranked) > len(shown)
    which = f"the {len(shown)} classes that rank worst" if left_out else "each class"
    return draw("class-curves", f"Precision over recall, {which} against all others", alt, paint, height=3.6)


def _average_precision(each: ClassScoreFacts) -> float:
    score = each.average_precision
    return 0.0 if score is None or score.value is None else score.value


def importance(facts: ExplanationFacts, most: int = 12) -> Picture:
    """Draw how much each column moves the score on average."""
    shown = [each for each in facts.features if each.importance > 0][:most]
    unit = "the score" if facts.unit == "score" else "the score before its S-curve (log-odds)"

    def paint(axes: Axes) -> None:
        axes.barh(range(len(shown)), [each.importance for each in shown], color=FIRST, height=0.6)
        axes.set_yticks(range(len(shown)), [short(each.name, 34) for each in shown])
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_xlabel(f"mean effect on {unit}")
        axes.grid(visible=False, axis="y")

    alt = "; ".join(f"{short(each.name, 60)} {each.share:.0%}" for each in shown)
    return draw("importance", "What moves the score", f"Shares: {alt}", paint, height=0.8 + 0.27 * len(shown))


def steps(reductions: Sequence[Reduction]) -> Picture:
    """Draw the bytes of the model file after each step of compression."""
    names = ["plain export", *(each.step for each in reductions)]
    sizes = [reductions[0].bytes_before, *(each.bytes_after for each in reductions)]

    def paint(axes: Axes) -> None:
        axes.barh(range(len(sizes)), sizes, color=[MUTED, *[FIRST] * len(reductions)], height=0.6)
        for place, size in enumerate(sizes):
            axes.annotate(f"{size:,}", (size, place), xytext=(4, 0), textcoords="offset points", va="center")
        axes.set_yticks(range(len(names)), [short(name) for name in names])
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xscale("log")
        axes.set_xlim(right=max(sizes) * 8)
        axes.set_xlabel("bytes, on a logarithmic scale")
        axes.set_xticks([], [])
        axes.tick_params(which="both", bottom=False, labelbottom=False)
        axes.grid(visible=False)

    alt = "; ".join(f"{name}: {size:,} bytes" for name, size in zip(names, sizes, strict=True))
    return draw("steps", "Size after each step", alt, paint, height=0.9 + 0.3 * len(names))


_MEASURES = (
    ("macroF1", "macro_f1", FIRST, "o"),
    ("bestF1", "best_f1", SECOND, "s"),
    ("averagePrecision", "average_precision", THIRD, "^"),
)


def front(facts: CompressionReport) -> Picture:
    """Draw what each candidate of the front gains over the forest, over its bytes."""

    def paint(axes: Axes) -> None:
        axes.axhline(0, color=INK, linewidth=0.8)
        for key, field, colour, marker in _MEASURES:
            sizes = [each.bytes for each in facts.front]
            gained = [100 * _gain(each, field) for each in facts.front]
            lower = [100 * (_gain(each, field) - _gain(each, f"{field}_low")) for each in facts.front]
            axes.errorbar(
                sizes, gained, yerr=[lower, [0.0] * len(lower)], color=colour, marker=marker, markersize=4,
                linewidth=1, elinewidth=0.8, label=metric(key),
            )  # fmt: skip
        chosen = next((each for each in facts.front if each.name == facts.chosen), None)
        if chosen is not None:
            axes.axvline(chosen.bytes, color=GOOD, linewidth=5, alpha=0.3, zorder=0, label="chosen")
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.xaxis.set_minor_formatter("{x:,.0f}")
        axes.tick_params(axis="x", which="both", labelrotation=35)
        axes.set(xlabel="bytes", ylabel="points gained over the forest")
        axes.legend(loc="best")

    alt = "; ".join(
        f"{each.bytes:,} bytes: macro-F1 {points(each.macro_f1)}, best F1 {points(each.best_f1)}, "
        f"average precision {points(each.average_precision)} points" + (", chosen" if each.name == facts.chosen else "")
        for each in facts.front
    )
    return draw("front", "Candidates that none is both smaller and better than", alt, paint, height=3.6)


def _gain(candidate: CandidateFacts, field: str) -> float:
    return float(getattr(candidate, field))


def _known(score: ScoreFacts | None) -> bool:
    return score is not None and score.value is not None


def _bounds(score: ScoreFacts) -> str:
    if score.low is None or score.high is None:
        return "no interval"
    return f"{score.low:.3f} to {score.high:.3f}"


def _whisker(axes: Axes, score: ScoreFacts, place: float) -> None:
    if score.low is not None and score.high is not None:
        axes.plot([score.low, score.high], [place, place], color=FIRST, linewidth=5, alpha=0.35, solid_capstyle="round")
    axes.plot([score.value or 0.0], [place], color=FIRST, marker="o", markersize=6)
