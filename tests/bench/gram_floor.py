"""D: how many times the flop floor of the Gram route a matrix takes.

    D(n) = [ T * threads / matrices ] / [ 7/6 t_dgemm(n, n, n; one thread) ]
"""

import json
import os
import subprocess
import sys

import child

HERE = os.path.dirname(os.path.abspath(__file__))
GRAM_FLOOR = 7 / 6          # of 2 n^3 flops: n^3 for P^T P, 4/3 n^3 to tridiagonal


def dgemm(kernel, n):
    """Milliseconds of one on one thread, in the OpenBLAS kernel that attnspec uses: {"median", "min", "max"}."""
    environment = dict(os.environ, OPENBLAS_CORETYPE=kernel) if kernel else None
    command = [sys.executable, os.path.join(HERE, "openblas_dgemm.py"), str(n)]
    answer = json.loads(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    if kernel and answer["kernel"] != kernel:
        raise child.ChildFailed(f"openblas_dgemm.py ran {answer['kernel']} kernels, attnspec runs {kernel}: two different libraries?")
    return answer["milliseconds"][str(n)]
