"""What attnspec should find, computed by numpy in float64."""

import numpy as np

from support.dumps import softmax


def sigma_of(matrix):
    return np.linalg.svd(np.asarray(matrix, np.float64), compute_uv=False)


def assert_sigma(sigma, matrices):
    """Spectra [..., n] against those of `matrices` [..., n, m]."""
    np.testing.assert_allclose(sigma, sigma_of(matrices), rtol=0, atol=1e-12)


def shares(sigma, power=1):
    """C(j), or its energy form with power 2."""
    return np.cumsum(sigma ** power) / np.sum(sigma ** power)


def reach(sigma, share, power=1):
    return 1 + int(np.argmax(shares(sigma, power) >= share))


def measures(sigma):
    """The columns of summary.csv that are means over samples, for one sample."""
    p = sigma / sigma.sum()
    positive = p[p > 0]
    return {
        "effective_rank_mean": np.exp(-np.sum(positive * np.log(positive))),
        "stable_rank_mean": np.sum(sigma ** 2) / sigma[0] ** 2,
        "participation_ratio_mean": np.sum(sigma ** 2) ** 2 / np.sum(sigma ** 4),
        "nuclear_norm_mean": sigma.sum(),
        "spectral_norm_mean": sigma[0],
        "k90_mean": reach(sigma, 0.90), "k95_mean": reach(sigma, 0.95), "k99_mean": reach(sigma, 0.99),
        "energy_k90_mean": reach(sigma, 0.90, 2), "energy_k95_mean": reach(sigma, 0.95, 2), "energy_k99_mean": reach(sigma, 0.99, 2),
    }


def visible(mask, queries, keys):
    """True where query i sees key j."""
    i, j = np.arange(queries)[:, None], np.arange(keys)[None, :]
    if mask in ("bidirectional", "cross"):
        return np.ones((queries, keys), bool)
    if mask == "causal":
        return j <= i
    window = int(mask.removeprefix("sliding:"))
    return (j <= i) & (i - j < window)


def attention_of(query, key, scale, softcap=0.0, bias=None, mask="bidirectional"):
    """docs/dump-format.md, "P from Q and K"."""
    logits = scale * np.asarray(query, np.float64) @ np.asarray(key, np.float64).T
    if softcap > 0:
        logits = softcap * np.tanh(logits / softcap)
    if bias is not None:
        logits = logits + np.asarray(bias, np.float64)
    return softmax(np.where(visible(mask, *logits.shape), logits, -np.inf))
