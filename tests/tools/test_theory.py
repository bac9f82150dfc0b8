#!/usr/bin/env python3
"""The exact laws of lib/theory against scipy: other formulas, other quadrature, a few hundred random arguments."""

import os
import pathlib
import subprocess
import unittest

import numpy as np
from scipy import integrate, stats

BUILD = pathlib.Path(__file__).resolve().parents[2] / "build" / "dev" / "bin"
PROGRAM = os.environ.get("ATTNSPEC_THEORY", str(BUILD / "attnspec-print-theory"))


def answers(requests):
    """The numbers that the program prints for each request, a tuple of words."""
    text = "".join(" ".join(str(word) if isinstance(word, (str, int)) else f"{word:.17g}" for word in request) + "\n"
                   for request in requests)
    done = subprocess.run([PROGRAM], input=text, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise AssertionError(f"{PROGRAM} exited with {done.returncode}: {done.stderr}")
    rows = [[float(word) for word in line.split()] for line in done.stdout.splitlines()]
    if len(rows) != len(requests):
        raise AssertionError(f"{len(requests)} requests, {len(rows)} answers")
    return rows


def pieces(function, cuts):
    """Adaptive quadrature between neighbouring cuts."""
    return sum(integrate.quad(function, low, high, epsabs=0, epsrel=1e-11, limit=200)[0]
               for low, high in zip(cuts, cuts[1:]) if low < high)


def inner_product_tail(k, plus, minus, t):
    """Pr(plus U - minus W > k t): the chi-square of the larger factor, given the other one."""
    larger, smaller = max(plus, minus), min(plus, minus)

    def given(log_w):
        w = np.exp(log_w)
        if plus >= minus:
            return w * stats.chi2.pdf(w, k) * stats.chi2.sf((k * t + smaller * w) / larger, k)
        return w * stats.chi2.pdf(w, k) * stats.chi2.cdf((smaller * w - k * t) / larger, k)

    low = np.log(max(stats.chi2.ppf(1e-25, k), 1e-60))
    cuts = list(np.linspace(low, np.log(stats.chi2.isf(1e-25, k)), 17))
    edge = -k * t / smaller if plus >= minus else k * t / smaller
    if edge > 0:
        cuts = sorted(cuts + [min(max(np.log(edge), cuts[0]), cuts[-1])])
    return pieces(given, cuts)


def inner_product_rate(k, cosine, tolerance):
    plus, minus = (1 + cosine) / 2, (1 - cosine) / 2
    return (inner_product_tail(k, plus, minus, cosine + tolerance)
            + inner_product_tail(k, minus, plus, tolerance - cosine))


def two_terms_tail(x, lambdas, shifts):
    """Pr(sum of two terms > x), the first given the second."""
    def given(g):
        rest = (x - lambdas[1] * (g - shifts[1]) ** 2) / lambdas[0]
        if rest <= 0:
            return stats.norm.pdf(g)
        root = np.sqrt(rest)
        return stats.norm.pdf(g) * (stats.norm.sf(root - shifts[0]) + stats.norm.sf(root + shifts[0]))

    edge = np.sqrt(x / lambdas[1])
    cuts = np.concatenate([np.linspace(-9, 9, 13), np.clip([shifts[1] - edge, shifts[1] + edge], -9, 9)])
    return pieces(given, sorted(cuts))


def imhof_tail(x, lambdas, shifts):
    """Imhof (1961), eq. 3.2, as it stands, by the midpoint rule on the real line: for many terms."""
    u = (np.arange(400_000) + 0.5) * (40 / 400_000 / np.median(lambdas))
    theta, log_rho = -0.5 * x * u, np.zeros_like(u)
    for weight, shift in zip(lambdas, shifts):
        v = weight * u
        theta += 0.5 * (np.arctan(v) + shift * shift * v / (1 + v * v))
        log_rho += 0.25 * np.log1p(v * v) + 0.5 * shift * shift * v * v / (1 + v * v)
    return 0.5 + np.sum(np.sin(theta) / u * np.exp(-log_rho)) * (u[1] - u[0]) / np.pi


def exponentials_tail(x, means):
    """Pr(sum of independent exponentials with distinct means > x): a quadratic form with each lambda twice."""
    return sum(np.exp(-x / one) * np.prod([one / (one - other) for other in means if other != one]) for one in means)


class Laws(unittest.TestCase):
    def setUp(self):
        self.random = np.random.default_rng(20200608)

    def assert_close(self, requests, expected, relative=0.0, absolute=0.0):
        for request, row, wanted in zip(requests, answers(requests), expected):
            np.testing.assert_allclose(row, wanted, rtol=relative, atol=absolute, err_msg=str(request))

    def random_k(self, largest):
        return int(np.floor(np.exp(self.random.uniform(0, np.log(largest + 1)))))

    def test_norms(self):
        arguments = [(self.random_k(100_000), self.random.uniform(0.001, 0.999)) for _ in range(200)]
        expected = [stats.chi2.sf(k * (1 + epsilon) ** 2, k) for k, epsilon in arguments]
        self.assert_close([("norm", *pair) for pair in arguments], expected, relative=1e-9, absolute=1e-280)
        expected = [stats.chi2.cdf(k * (1 - epsilon), k) + stats.chi2.sf(k * (1 + epsilon), k)
                    for k, epsilon in arguments]
        self.assert_close([("squared-norm", *pair) for pair in arguments], expected, relative=1e-9, absolute=1e-280)

    def test_inner_products(self):
        requests = []
        for i in range(150):
            k = self.random_k(20_000)
            cosine = self.random.uniform(-1, 1)
            if i % 3 == 0:
                cosine = np.sign(cosine) * (1 - 10 ** self.random.uniform(-9, -1))
            tolerance = 10 ** self.random.uniform(-2, 0.8) * np.sqrt((1 + cosine ** 2) / k)
            requests.append(("inner", k, cosine, tolerance))
        self.assert_close(requests, [inner_product_rate(*request[1:]) for request in requests],
                          relative=1e-8, absolute=1e-20)

    def test_intervals(self):
        requests, expected = [], []
        for _ in range(300):
            trials = self.random_k(1_000_000)
            failures = int(self.random.choice([0, 1, trials, self.random.integers(0, trials + 1)]))
            confidence = self.random.choice([0.9, 0.95, 0.99, 1 - 1e-6])
            surprise = (1 - confidence) / 2
            requests.append(("cp", failures, trials, confidence))
            expected.append([stats.beta.ppf(surprise, failures, trials - failures + 1) if failures else 0,
                             stats.beta.isf(surprise, failures + 1, trials - failures) if failures < trials else 1])
        self.assert_close(requests, expected, relative=1e-9)

    def quadratic(self, x, lambdas, shifts):
        return ("quadratic", x, len(lambdas), *lambdas, *shifts)

    def test_equal_lambdas_are_noncentral_chi_square(self):
        requests, expected = [], []
        for _ in range(100):
            size, weight = self.random_k(200), 10 ** self.random.uniform(-3, 3)
            shifts = self.random.normal(size=size) * self.random.uniform(0, 4)
            law = stats.ncx2(size, np.sum(shifts ** 2))
            x = max(law.mean() + law.std() * self.random.uniform(-4, 6), 0.01 * law.mean())
            requests.append(self.quadratic(weight * x, np.full(size, weight), shifts))
            expected.append(law.sf(x))
        self.assert_close(requests, expected, absolute=1e-9)

    def test_two_terms(self):
        requests, expected = [], []
        for _ in range(60):
            lambdas, shifts = 10 ** self.random.uniform(-6, 0, 2), self.random.normal(size=2) * 2
            mean = np.sum(lambdas * (1 + shifts ** 2))
            x = mean * 10 ** self.random.uniform(-2, 0.7)
            requests.append(self.quadratic(x, lambdas, shifts))
            expected.append(two_terms_tail(x, lambdas, shifts))
        self.assert_close(requests, expected, absolute=1e-9)

    def test_many_terms(self):
        requests, expected = [], []
        for _ in range(20):
            size = int(self.random.integers(12, 60))
            lambdas, shifts = self.random.uniform(0.2, 1, size), self.random.normal(size=size)
            mean, variance = np.sum(lambdas * (1 + shifts ** 2)), np.sum(2 * lambdas ** 2 * (1 + 2 * shifts ** 2))
            x = mean + np.sqrt(variance) * self.random.uniform(-2, 4)
            requests.append(self.quadratic(x, lambdas, shifts))
            expected.append(imhof_tail(x, lambdas, shifts))
        self.assert_close(requests, expected, absolute=1e-9)

    def test_pairs_of_lambdas_are_sums_of_exponentials(self):
        requests, expected = [], []
        for _ in range(100):
            ratios = self.random.uniform(1.5, 4, int(self.random.integers(1, 8)))
            lambdas = 1 / np.cumprod(ratios)
            x = 2 * np.sum(lambdas) * 10 ** self.random.uniform(0, 1.5)
            doubled = np.repeat(lambdas, 2)
            requests.append(self.quadratic(x, doubled, np.zeros(doubled.size)))
            expected.append(exponentials_tail(x, 2 * lambdas))
        self.assert_close(requests, expected, relative=1e-8)


if __name__ == "__main__":
    unittest.main()
