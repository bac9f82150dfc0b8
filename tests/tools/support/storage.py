"""One tensor in every way that HDF5 stores it, and what attnspec reads of it."""

import h5py

from support import truth
from support.dumps import random_attention, root_attributes
from support.program import Workplace

SAMPLES, LAYERS, HEADS, N = 2, 2, 3, 12
SHAPE = (SAMPLES, LAYERS, HEADS, N, N)
P = random_attention(1, *SHAPE)
# Chunks.
MATRIX, CUT, ODD, SPAN = (1, 1, 1, N, N), (1, 1, 1, 5, 7), (1, 1, 2, 7, 3), (2, 1, 2, N, N)
SAMPLE, ALL = (1, LAYERS, HEADS, N, N), (2, 2, 3, N, N)
FILTERS = {"deflate": dict(compression="gzip"), "shuffle": dict(shuffle=True), "fletcher32": dict(fletcher32=True),
           "lzf": dict(compression="lzf"),
           "shuffle deflate": dict(shuffle=True, compression="gzip", compression_opts=9),
           "shuffle lzf": dict(shuffle=True, compression="lzf"),
           "all with deflate": dict(shuffle=True, compression="gzip", fletcher32=True),
           "all with lzf": dict(shuffle=True, compression="lzf", fletcher32=True)}


class Storage(Workplace):
    def stored(self, values, attributes=None, libver="earliest", userblock=0, name="a.h5", **storage):
        path = self.path(name)
        with h5py.File(path, "w", libver=libver, userblock_size=userblock) as file:
            root_attributes(file, *values.shape[1:3])
            file.create_dataset("attention", data=values, **storage).attrs.update(attributes or {})
        return path

    assert_sigma = staticmethod(truth.assert_sigma)

    def assert_read(self, path, matrices, *options, **more):
        self.assert_sigma(self.spectrum(path, "--method", "direct", *options, **more).h5(), matrices)

    def assert_each_read(self, cases):
        """Arguments of `stored` by the file names they get, each with what it stands for; one run for all of them."""
        paths = [self.stored(*words, name=f"{case}.h5", **options) for case, (words, options, _) in cases.items()]
        results = self.spectrum(*paths, "--method", "direct")
        for index, (case, (_, _, values)) in enumerate(cases.items()):
            with self.subTest(case):
                self.assert_sigma(results.h5(f"/dump{index}/sigma"), values)
