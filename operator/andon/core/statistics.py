"""Intervals and tests that stay valid however often one looks; knows nothing of models or clusters.

One engine serves rates, paired differences and weighted labels alike: a gambler bets against the hypothesis that the
ratio of two means is at least some value. Under the hypothesis no strategy makes money on average, so wealth above
1/alpha at any time at all has a probability of at most alpha (Ville 1939). A fixed mixture of stakes needs no memory:
the wealth is a function of counts, so it can be computed anew from nothing but the counts, in any order.

Sources: Robbins (1970), Statistical methods related to the law of the iterated logarithm, for mixtures; Howard, Ramdas,
McAuliffe and Sekhon (2021), Time-uniform, nonparametric, nonasymptotic confidence sequences; Waudby-Smith and Ramdas
(2024), Estimating means of bounded random variables by betting, for the bets.
"""

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

_BOLD = ((0.27, 0.13), (0.5, 0.26), (0.69, 0.26), (0.92, 0.2))
_CAUTIOUS = tuple((1 / (1 + math.exp(7 - 0.75 * step)), 0.15 / 8) for step in range(8))
STAKES: tuple[tuple[float, float], ...] = _BOLD + _CAUTIOUS
"""Stakes, each a share of the most that may be staked, and how the first unit of wealth is spread over them.

Bold stakes win where losses are rare against the ratio that is bet on, as with two versions that agree nearly always;
cautious ones win where they are common. Chosen by simulation so that a margin of 0.05 at 5 to 20% disagreement needs,
in nine of ten runs, less than twice the sample of a single look (`benchmarks/rollout.py`). Any choice is valid, but it
must not change while a rollout is under way.
"""

_SCAN = 64
_BISECTIONS = 27


@dataclass(frozen=True)
class Interval:
    """A lower and an upper bound."""

    lower: float
    upper: float


@dataclass(frozen=True)
class Outcome:
    """One thing that can happen at a draw, and how often it did.

    Attributes
    ----------
    loss
        What it adds to the numerator.
    count
        How often it was seen, at least 0; 0 for what can happen but has not. Need not be whole, for projections.
    least, most
        What it adds to the denominator, at least 0. Where that is known only to lie between two values, both are given;
        None: the same as `least`; infinite: not known, so that nothing is said about ratios below 0.
    """

    loss: float
    count: float
    least: float = 1.0
    most: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.loss) and math.isfinite(self.count) and self.count >= 0):
            raise ValueError(f"loss must be finite and count finite and at least 0: {self}")
        if not (math.isfinite(self.least) and 0 <= self.least <= self._most):
            raise ValueError(f"weights must hold 0 <= least <= most: {self}")

    @property
    def _most(self) -> float:
        return self.least if self.most is None else self.most

    def weight(self, ratio: float) -> float:
        """Give the weight that is the harder one to reject a ratio with."""
        return self.least if ratio >= 0 else self._most


Sample = tuple[Outcome, ...]


def log_evidence(sample: Sample, ratio: float) -> float:
    """Give the log of the wealth won by betting against "mean loss / mean weight is at least `ratio`".

    Parameters
    ----------
    sample
        All outcomes that are possible, each with its count. Draws need not be independent; it is enough that given the
        past the mean loss is at least `ratio` times the mean weight under the hypothesis.
    ratio
        The hypothesis' smallest ratio, finite.

    Returns
    -------
    float
        log(1/alpha) or more rejects the hypothesis at level alpha, whenever one looks. 0 without any draw. Infinite
        where the draws cannot happen under the hypothesis.

    Notes
    -----
    With X = loss - ratio * weight and h its greatest possible value, each draw multiplies the wealth staked at share s
    by 1 - s X / h, which is positive and has a mean of at most 1 under the hypothesis (Waudby-Smith and Ramdas 2024,
    section 4). The mean over `STAKES` of these products is again such a process (Robbins 1970).
    """
    if not math.isfinite(ratio):
        raise ValueError(f"ratio must be finite, not {ratio}")
    weights = [outcome.weight(ratio) for outcome in sample]
    if not sample or math.inf in weights:
        return 0.0
    losses = [outcome.loss - ratio * weight for outcome, weight in zip(sample, weights, strict=True)]
    highest = max(losses)
    seen = [(outcome.count, -loss) for outcome, loss in zip(sample, losses, strict=True) if outcome.count > 0]
    if highest <= 0:
        return math.inf if any(gain > 0 for _, gain in seen) else 0.0
    scaled = [(count, gain / highest) for count, gain in seen]
    return _log_sum(
        [math.log(share) + sum(count * math.log1p(stake * gain) for count, gain in scaled) for stake, share in STAKES]
    )


def _log_sum(logs: Sequence[float]) -> float:
    most = max(logs)
    if math.isinf(most):
        return most
    return most + math.log(sum(math.exp(value - most) for value in logs))


def joint_log_evidence(samples: Sequence[Sample], ratio: float) -> float:
    """Give the log of the mean wealth over several samples about one ratio.

    The samples may depend on each other in any way: the mean of processes of mean at most 1 is one again.
    """
    if not samples:
        return 0.0
    return _log_sum([log_evidence(sample, ratio) for sample in samples]) - math.log(len(samples))


def upper_bound(samples: Sequence[Sample], alpha: float, low: float = -1.0, high: float = 1.0) -> float:
    """Give an upper bound of a ratio of means that holds at all times at once with probability 1 - `alpha`.

    Parameters
    ----------
    samples
        One or more samples about the same ratio, as for `joint_log_evidence`.
    alpha
        Error probability, one-sided, between 0 and 1.
    low, high
        The ratio is known to lie between them; without evidence the bound is `high`.
    """
    _check_alpha(alpha)
    threshold = -math.log(alpha)
    rejected, accepted = high, None
    for step in range(_SCAN + 1):
        ratio = high - (high - low) * step / _SCAN
        if joint_log_evidence(samples, ratio) < threshold:
            accepted = ratio
            break
        rejected = ratio
    if accepted is None:
        return low
    if accepted == high:
        return high
    for _ in range(_BISECTIONS):
        middle = (accepted + rejected) / 2
        if joint_log_evidence(samples, middle) < threshold:
            accepted = middle
        else:
            rejected = middle
    return rejected


def mirrored(sample: Sample) -> Sample:
    """Turn a sample round, so that an upper bound of it is minus a lower bound of the ratio."""
    return tuple(replace(outcome, loss=-outcome.loss) for outcome in sample)


def rate_sample(hits: float, trials: float) -> Sample:
    """Give the sample of a rate: `hits` of `trials`, with 0 <= hits <= trials."""
    return (Outcome(1.0, hits), Outcome(0.0, trials - hits))


def rate_bounds(hits: float, trials: float, alpha: float) -> Interval:
    """Bound a rate, at all times at once; each bound fails with probability `alpha` at most.

    For a rate the bets are a mixture of binomial likelihood ratios over rates on one side of the one in question: the
    beta-binomial mixture of Robbins (1970), cut to one side and with the mixture written out as a sum.

    Parameters
    ----------
    hits, trials
        Counts, 0 <= hits <= trials.
    alpha
        Error probability of each side, between 0 and 1.

    Raises
    ------
    ValueError
        Where counts or alpha are out of range or not numbers.
    """
    sample = rate_sample(hits, trials)
    lower = -upper_bound([mirrored(sample)], alpha, low=-1.0, high=0.0)
    return Interval(lower + 0.0, upper_bound([sample], alpha, low=0.0, high=1.0))


def paired_sample(only_first: float, only_second: float, pairs: float) -> Sample:
    """Give the sample of a paired difference: rate of the first minus rate of the second, on the same cases.

    Parameters
    ----------
    only_first, only_second
        Cases in which only one of the two scored.
    pairs
        All cases, also those where both or neither scored.
    """
    return (Outcome(1.0, only_first), Outcome(-1.0, only_second), Outcome(0.0, pairs - only_first - only_second))


def paired_bounds(only_first: float, only_second: float, pairs: float, alpha: float) -> Interval:
    """Bound a paired difference at all times at once; each bound fails with probability `alpha` at most.

    For recall a case is a labelled fault and scoring is to catch it; for the rate of false alarms a case is a labelled
    non-fault and scoring is to raise an alarm. Parameters as for `paired_sample`; values within [-1, 1].

    Raises
    ------
    ValueError
        Where counts or alpha are out of range or not numbers.
    """
    sample = paired_sample(only_first, only_second, pairs)
    return Interval(-upper_bound([mirrored(sample)], alpha), upper_bound([sample], alpha))


def score_interval(only_first: int, only_second: int, pairs: int, alpha: float) -> Interval:
    """Give the score interval of a paired difference, for reports of a fixed size: valid for one look only.

    Parameters
    ----------
    only_first, only_second, pairs
        As for `paired_sample`; without any pair the interval is [-1, 1].
    alpha
        Error probability of each side, between 0 and 1: 0.025 for the usual interval of 95%.

    Notes
    -----
    Tango (1998), Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design, Statistics in Medicine 17: 891-908.
    """
    _check_alpha(alpha)
    paired_sample(only_first, only_second, pairs)  # checks the counts
    if pairs == 0:
        return Interval(-1.0, 1.0)
    quantile = NormalDist().inv_cdf(1 - alpha)
    upper = _score_bound(only_first, only_second, pairs, quantile)
    return Interval(-_score_bound(only_second, only_first, pairs, quantile), upper)


def _score_bound(first: int, second: int, pairs: int, quantile: float) -> float:
    inside, outside = (first - second) / pairs, 1.0
    for _ in range(60):
        middle = (inside + outside) / 2
        if _score(first, second, pairs, middle) > -quantile:
            inside = middle
        else:
            outside = middle
    return outside


def _score(first: int, second: int, pairs: int, difference: float) -> float:
    slope = (2 * pairs - first + second) * difference - first - second
    constant = -second * difference * (1 - difference)
    restricted = (math.sqrt(max(slope * slope - 8 * pairs * constant, 0.0)) - slope) / (4 * pairs)
    variance = pairs * (2 * restricted + difference * (1 - difference))
    excess = first - second - pairs * difference
    return excess / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, excess) if excess else 0.0


def mcnemar(only_first: int, only_second: int) -> float:
    """Give the exact two-sided p-value of McNemar's test (1947): do the two differ? Valid for one look only.

    It never says that two are equal: a large value may only mean few cases.
    """
    if min(only_first, only_second) < 0:
        raise ValueError("counts must be at least 0")
    total, fewer = only_first + only_second, min(only_first, only_second)
    logs = [_log_choose(total, number) - total * math.log(2) for number in range(fewer + 1)]
    return min(1.0, 2 * math.exp(_log_sum(logs)))


def _log_choose(total: int, number: int) -> float:
    return math.lgamma(total + 1) - math.lgamma(number + 1) - math.lgamma(total - number + 1)


def quantile_bounds(values: Sequence[float], quantile: float, alpha: float) -> Interval:
    """Bound a quantile from a sample, at all times at once; each bound fails with probability `alpha` at most.

    Parameters
    ----------
    values
        What was measured, finite, in any order.
    quantile
        Such as 0.99, between 0 and 1.
    alpha
        Error probability of each side, between 0 and 1.

    Returns
    -------
    Interval
        Values of the sample; infinite on a side where there are too few to tell.

    Notes
    -----
    A quantile is below x where the rate of values above x is small enough, so bounds of a rate are turned round. The
    true quantile is one fixed x, so nothing is paid for trying many (Howard and Ramdas 2022, Sequential estimation of
    quantiles with applications to A/B testing and best-arm identification, Bernoulli 28: 1704-1728).
    """
    _check_alpha(alpha)
    if not (0 < quantile < 1 and all(map(math.isfinite, values))):
        raise ValueError("values must be finite and the quantile between 0 and 1")
    ordered, above, threshold = sorted(values), 1 - quantile, -math.log(alpha)
    size = len(ordered)

    def shown_below(number: int) -> bool:  # that many above are too few for a rate of `above`
        return log_evidence(rate_sample(number, size), above) >= threshold

    def shown_above(number: int) -> bool:
        return log_evidence(mirrored(rate_sample(number, size)), -above) >= threshold

    numbers = range(size + 1)
    few = bisect.bisect_left(numbers, x=True, key=lambda number: not shown_below(number))
    many = bisect.bisect_left(numbers, x=True, key=shown_above)
    upper = ordered[size - few] if few > 0 else math.inf
    return Interval(ordered[size - many] if many <= size else -math.inf, upper)


def more_needed(
    sample: Sample, rates: Sequence[float], ratio: float, alpha: float, most: int = 1_000_000
) -> int | None:
    """Say how many more draws would show the ratio to be below one, if outcomes come at given rates from now on.

    Parameters
    ----------
    sample
        What was seen until now.
    rates
        For each outcome of the sample, its share of the draws to come.
    ratio, alpha
        What is to be shown, and at which level.
    most
        The largest number to look for.

    Returns
    -------
    int or None
        A forecast, right in about half of all cases; None where `most` would not do.
    """
    _check_alpha(alpha)
    threshold = -math.log(alpha)

    def settled(number: int) -> bool:
        later = tuple(
            replace(outcome, count=outcome.count + number * rate) for outcome, rate in zip(sample, rates, strict=True)
        )
        return log_evidence(later, ratio) >= threshold

    if settled(0):
        return 0
    reach = 1
    while not settled(reach):
        if reach >= most:
            return None
        reach = min(2 * reach, most)
    low = reach // 2
    return low + 1 + bisect.bisect_left(range(low + 1, reach), x=True, key=settled)


def _check_alpha(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")
