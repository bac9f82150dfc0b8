#!/usr/bin/env python3
"""The peer that most researchers have: torch.linalg.svdvals in double precision over all heads of a layer."""

import torch

import peer_job


class Torch:
    def __init__(self, threads, values):
        torch.set_num_threads(threads)
        self._values = values
        self.versions = {"torch": torch.__version__, "torch_blas": "MKL" if torch.backends.mkl.is_available() else "not MKL"}

    def attention(self, stored):
        return torch.from_numpy(stored).double()

    def softmax(self, query, key, scale):
        query, key = torch.from_numpy(query).double(), torch.from_numpy(key).double()
        return torch.softmax(scale * query @ key.mT, dim=-1)

    def singular_values(self, matrices):
        if self._values == "svd-float32":
            return torch.linalg.svdvals(matrices.float()).double().numpy()
        if self._values == "gram":
            return torch.linalg.eigvalsh(matrices.mT @ matrices).flip(-1).clamp(min=0).sqrt().numpy()
        return torch.linalg.svdvals(matrices).numpy()


if __name__ == "__main__":
    peer_job.main("peer_torch.py", Torch)
