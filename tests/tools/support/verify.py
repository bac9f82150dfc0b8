"""What `attnspec verify` should find, trial by trial in numpy and scipy: constructions, errors, laws, written a second time."""

import re
from typing import NamedTuple

import numpy as np
from scipy import integrate, stats

from support.dumps import softmax
from support.program import Workplace

NEAR = 1e-9                     # an error this near to its limit may fall on either side
LAST_TRIAL = 2 ** 64 - 1        # names the Gaussian columns
BASELINES = ("zero", "mean", "svd", "pool")


def standard_normals(rows, n, seed, trial):
    """The first rows of Z, docs/projections.md."""
    count = rows * n
    words = np.random.Philox(key=seed, counter=int(trial) << 128).random_raw(count + count % 2)
    u = 1 - (words[0::2] >> np.uint64(12)) * 2.0 ** -52
    v = (words[1::2] >> np.uint64(12)) * 2.0 ** -52
    r = np.sqrt(-2 * np.log(u))
    return np.stack([r * np.cos(2 * np.pi * v), r * np.sin(2 * np.pi * v)], axis=1).ravel()[:count].reshape(rows, n)


def projection(k, n, seed, trial):
    return standard_normals(k, n, seed, trial) / np.sqrt(k)


def gaussian_columns(n, seed):
    return standard_normals(8, n, seed, LAST_TRIAL).T


def lengths(vectors, axis):
    return np.linalg.norm(vectors, axis=axis)


class Head:
    """P [n_q, n_k], the logits A behind it, and the columns V [n_k, d] that are tested together."""

    def __init__(self, P, V, A=None):
        self.P, self.V, self.A = P, V, A
        self.target = P @ V
        self.row_norms, self.column_norms = lengths(P, 1), lengths(V, 0)
        self.column = int(np.argmax(self.column_norms / lengths(self.target, 0)))
        cosines = np.abs(self.target) / np.outer(self.row_norms, self.column_norms)
        self.rowwise_column, self.largest_cosine = int(np.argmax(cosines.max(0))), cosines.max()
        self.row = int(np.argmax(lengths(self.target, 1) / self.row_norms))
        self.rho = np.linalg.norm(P) * np.linalg.norm(V) / np.linalg.norm(self.target)

    @property
    def tokens(self):
        return self.P.shape[1]

    def svd_output(self, k):
        u, s, vt = np.linalg.svd(self.P, full_matrices=False)
        return (u[:, :k] * s[:k]) @ vt[:k] @ self.V

    def answer(self, E, F, form):
        """The three forms; the exponential one with each row in units of sum_j exp(A_ij), so that its target is P V too."""
        if form == "linear":
            return self.P @ E.T @ (F @ self.V)
        if form == "softmax":
            return softmax(self.A @ E.T) @ (F @ self.V)
        return np.exp(self.A @ E.T) @ (F @ self.V) / np.exp(self.A).sum(1, keepdims=True)

    def random_errors(self, construction, form, k, seed, trials, delta=0.0, scale=1.0):
        """[trials, n_q, d]. `scale` spoils R, to see that a test would notice."""
        errors = []
        for trial in trials:
            R = projection(k, self.tokens, seed, trial) * scale
            E, F = (delta * R, np.exp(-delta) * R) if construction == "paper" and form != "linear" else (R, R)
            errors.append(self.answer(E, F, form) - self.target)
        return np.stack(errors)

    def baseline_error(self, name, k):
        """[1, n_q, d]."""
        n = self.tokens
        if name == "zero":
            output = np.zeros_like(self.target)
        elif name == "mean":
            output = np.tile(self.V.mean(0), (self.P.shape[0], 1))
        elif name == "svd":
            output = self.svd_output(k)
        else:
            pool = np.zeros((k, n))
            for r in range(k):
                run = slice(r * n // k, (r + 1) * n // k)
                pool[r, run] = 1 / (run.stop - run.start)
            output = self.answer(pool, pool, "softmax")
        return (output - self.target)[None]

    def measure(self, reading, errors, epsilon):
        """What a reading counts in errors [trials, n_q, d]."""
        if reading == "relative":
            sizes, limits, tested = lengths(errors, 1), lengths(self.target, 0), self.column
        elif reading == "rowwise":
            sizes, limits = np.abs(errors[:, :, self.rowwise_column]), self.row_norms * self.column_norms[self.rowwise_column]
            tested = None
        else:
            _, over, norm = reading.split("-")
            sizes = lengths(errors, 2)
            limits = self.row_norms * np.linalg.norm(self.V, "fro" if norm == "frobenius" else 2)
            tested = self.row if over == "row" else None
        rms = np.sqrt(np.mean(np.sum(errors ** 2, (1, 2)))) / np.linalg.norm(self.target)
        return Measured.of(sizes / (epsilon * limits), tested, rms)


class Measured(NamedTuple):
    """Failures in a number of trials, as a lower and an upper count that differ only where an error lies at its limit."""

    trials: int
    failures: tuple
    shares: tuple       # of failing items, in all trials
    share_se: tuple
    rms: float = None

    @classmethod
    def of(cls, ratios, tested=None, rms=None):
        """`ratios` [trials, items] of error and limit; a trial fails where the tested item does, or without one where any does."""
        found = [ratios > 1 + NEAR, ratios > 1 - NEAR]
        counts = tuple(int((f.any(1) if tested is None else f[:, tested]).sum()) for f in found)
        se = tuple(f.mean(1).std(ddof=1) / np.sqrt(len(f)) if len(f) > 1 else 0.0 for f in found)
        return cls(len(ratios), counts, tuple(f.mean() for f in found), se, rms)


def lemma1_bound(k, epsilon):
    return np.exp(-(epsilon ** 2 - epsilon ** 3) * k / 4)


def theorem1_bound(queries, k, epsilon):
    return 2 * queries * lemma1_bound(k, epsilon)


def theorem2_bound(reading, queries, d, k, epsilon, k_source="given"):
    if "-row-" in reading:
        return 2 * d * lemma1_bound(k, epsilon)
    return (4 * d * d if k_source == "theorem2-proof-rank" else 2 * queries * d) * lemma1_bound(k, epsilon)


def clopper_pearson(failures, trials, confidence):
    alpha = (1 - confidence) / 2
    return (stats.beta.ppf(alpha, failures, trials - failures + 1) if failures else 0.0,
            stats.beta.isf(alpha, failures + 1, trials - failures) if failures < trials else 1.0)


def norm_rate(k, epsilon):
    """Pr(|Rx| > (1 + epsilon) |x|)."""
    return stats.chi2.sf(k * (1 + epsilon) ** 2, k)


def inner_product_rate(k, cosine, tolerance):
    """Pr(|<Rx, Ry> - <x, y>| > tolerance |x| |y|): k <Rx, Ry> is (1 + c)/2 U - (1 - c)/2 W, integrated over U."""
    if abs(cosine) > 1 - 1e-12:
        return stats.chi2.sf(k * (1 + tolerance), k) + stats.chi2.cdf(k * (1 - tolerance), k)

    def above(c, t):
        plus, minus = (1 + c) / 2, (1 - c) / 2
        edge = k * (c + t) / plus
        low, high = stats.chi2.ppf(1e-14, k), stats.chi2.isf(1e-14, k)
        cuts = [low, *[x for x in (edge, k) if low < x < high], high]
        density = lambda u: stats.chi2.pdf(u, k) * stats.chi2.cdf((plus * u - k * (c + t)) / minus, k)
        return sum(integrate.quad(density, a, b, epsabs=1e-14, epsrel=1e-11, limit=400)[0] for a, b in zip(sorted(cuts), sorted(cuts)[1:]))

    return above(cosine, tolerance) + above(-cosine, tolerance)


class Verifications(Workplace):
    """Runs of verify held against this room's numbers."""

    def measured_values(self, row, measured, trials=None):
        """Counts, shares, rates and the interval of a row; `trials` where a fixed construction stands for all of them."""
        repeats = (trials or measured.trials) // measured.trials
        where = row[["claim", "reading", "construction", "columns", "layer", "head", "sample", "epsilon", "k"]].to_dict()
        self.assertEqual(row.trials, trials or measured.trials, where)
        low, high = (count * repeats for count in measured.failures)
        self.assertTrue(low <= row.failures <= high, f"{row.failures} failures, numpy finds {low} to {high}: {where}")
        self.assertEqual(row.failure_rate, row.failures / row.trials, where)
        self.assertTrue(measured.shares[0] - 1e-14 <= row.row_failure_rate <= measured.shares[1] + 1e-14,
                        f"{row.row_failure_rate}, numpy finds {measured.shares}: {where}")
        if trials is not None:
            interval = (row.failure_rate, row.failure_rate)
            self.assertEqual(row.row_failure_se, 0, where)
        else:
            interval = clopper_pearson(row.failures, row.trials, 0.95)
            self.assertTrue(min(measured.share_se) - 1e-12 <= row.row_failure_se <= max(measured.share_se) + 1e-12,
                            f"{row.row_failure_se}, numpy finds {measured.share_se}: {where}")
        np.testing.assert_allclose((row.ci_low, row.ci_high), interval, rtol=1e-9, err_msg=str(where))

    def assert_close(self, found, wanted, row=None, rtol=1e-9, atol=0.0):
        np.testing.assert_allclose(found, wanted, rtol=rtol, atol=atol, err_msg="" if row is None else str(row.to_dict()))


def pick(table, **values):
    """The rows with these values in these columns."""
    for column, value in values.items():
        table = table[table[column].isin(value) if isinstance(value, (list, tuple)) else table[column] == value]
    return table


def each(table):
    return (row for _, row in table.iterrows())


def number_in(text, word):
    """17 in "row 3, column 17" for the word column."""
    return int(re.search(rf"\b{word} (\d+)", text)[1])
