#!/usr/bin/env python3
"""R by its name: what numpy makes of it, with the very lines that docs/projections.md gives, and its bits."""
import hashlib
import os
import pathlib
import re
import subprocess
import unittest

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
PRINTER = os.environ.get("ATTNSPEC_GAUSSIAN_MAP") or str(ROOT / "build" / "dev" / "bin" / "attnspec-print-gaussian-map")
LARGEST = 2**64 - 1
# k, n, seed, trial: odd and even numbers of entries, one entry, more than a buffer, names of 64 bits.
NAMES = [(1, 1, 0, 0), (3, 5, 1, 0), (4, 384, 20260731, 17), (7, 73, LARGEST, 0), (5, 101, 0, LARGEST), (256, 512, 2**63, 2**63 + 1),
         (17, 3001, 12345678901234567890, 9876543210987654321)]


def printed(k, n, seed, trial):
    words = [PRINTER, *map(str, (k, n, seed, trial))]
    return np.frombuffer(subprocess.run(words, check=True, capture_output=True, timeout=120).stdout, "<f8").reshape(k, n)


def documented():
    """The function that docs/projections.md gives under its heading about numpy."""
    page = (ROOT / "docs" / "projections.md").read_text()
    section = re.search(r"^#+ [^\n]*\bnumpy\b.*?(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)[0]
    names = {}
    exec(re.search(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)[1], names)
    return names["projection"]


def exact_normals(count, seed, trial):
    """Z from the raw words, in long double and without rounding the angle, so that small normals keep their digits."""
    words = np.random.Philox(key=seed, counter=trial << 128).random_raw(count + count % 2) >> np.uint64(12)
    u, v = ((words[i::2] * np.longdouble(2)**-52) for i in (0, 1))
    r = np.sqrt(-2 * np.log(1 - u))
    quarter = np.rint(4 * v)
    angle = (4 * v - quarter) * np.longdouble("1.57079632679489661923132169163975144")
    cosine, sine = np.cos(angle), np.sin(angle)
    turned = [np.choose(quarter.astype(int) % 4, parts) for parts in ([cosine, -sine, -cosine, sine], [sine, cosine, -sine, -cosine])]
    return np.stack([r * part for part in turned], axis=1).ravel()[:count]


class GaussianMap(unittest.TestCase):
    def test_it_is_the_matrix_that_the_documented_lines_make(self):
        projection = documented()
        for k, n, seed, trial in NAMES:
            with self.subTest(k=k, n=n, seed=seed, trial=trial):
                # numpy rounds 2 pi v, which moves a normal by up to 1e-15 r; measured worst of ten million entries of Z: 3.1e-15.
                np.testing.assert_allclose(printed(k, n, seed, trial), projection(k, n, seed, trial), rtol=8e-15, atol=8e-15 / np.sqrt(k))

    @unittest.skipIf(np.finfo(np.longdouble).eps > 1e-18, "long double is no wider than double here")
    def test_it_is_the_raw_stream_to_the_last_bits(self):
        for k, n, seed, trial in NAMES:
            with self.subTest(k=k, n=n, seed=seed, trial=trial):
                exact = exact_normals(k * n, seed, trial).reshape(k, n) / np.sqrt(np.longdouble(k))

                # Measured worst of ten million entries of Z: 4.6e-16; the division by sqrt(k) may add 2.2e-16.
                np.testing.assert_allclose(printed(k, n, seed, trial).astype(np.longdouble), exact, rtol=8e-16, atol=0)

    def test_its_bits_are_the_same_on_every_machine(self):
        digest = hashlib.sha256(b"".join(printed(*name).tobytes() for name in NAMES)).hexdigest()

        self.assertEqual(digest, "fa2c0e345e9761153e85f5ab7824c7ca40c3b77c4ab6beb149acb1660db576bb")


if __name__ == "__main__":
    unittest.main()
