#!/usr/bin/env python3
"""The second peer: numpy.linalg.svd in double precision; its threads are set by OPENBLAS_NUM_THREADS."""

import numpy

import peer_job


def softmax(query, key, scale):
    logits = scale * (query.astype(numpy.float64) @ key.astype(numpy.float64).swapaxes(-1, -2))
    weights = numpy.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


class Numpy:
    def __init__(self, _threads, values):
        self._values = values
        blas = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]
        self.versions = {"numpy_blas": f"{blas['name']} {blas['version']}"}

    def attention(self, stored):
        return stored.astype(numpy.float64)

    def softmax(self, query, key, scale):
        return softmax(query, key, scale)

    def singular_values(self, matrices):
        if self._values == "svd-float32":
            return numpy.linalg.svd(matrices.astype(numpy.float32), compute_uv=False).astype(numpy.float64)
        if self._values == "gram":
            squares = numpy.linalg.eigvalsh(matrices.swapaxes(-1, -2) @ matrices)[..., ::-1]
            return numpy.sqrt(numpy.maximum(squares, 0))
        return numpy.linalg.svd(matrices, compute_uv=False)


if __name__ == "__main__":
    peer_job.main("peer_numpy.py", Numpy)
