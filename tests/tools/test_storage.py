#!/usr/bin/env python3
"""Every way that HDF5 stores numbers: types, chunks, filters and formats, against numpy's SVD of what h5py wrote."""

import json
import unittest
import zlib

import h5py
import numpy as np

from support.dumps import as_bfloat16, change_chunk, from_bfloat16, random_attention, write_created, write_dump
from support.program import INPUT, attnspec
from support.storage import ALL, CUT, FILTERS, HEADS, LAYERS, MATRIX, ODD, SAMPLE, SAMPLES, SHAPE, SPAN, N, P, Storage

STEP = float(P.max() / 255)                      # of uint8
BFLOAT16, UINT8 = dict(bits="bfloat16"), dict(scale=STEP)
# Stored numbers, attributes of the dataset, and what they stand for.
TYPES = {**{name: (P.astype(name), {}, P.astype(name).astype(float))
            for name in ("<f2", "<f4", "<f8", ">f2", ">f4", ">f8")},
         "bfloat16": (as_bfloat16(P), BFLOAT16, from_bfloat16(as_bfloat16(P))),
         "bfloat16 big-endian": (as_bfloat16(P).astype(">u2"), BFLOAT16, from_bfloat16(as_bfloat16(P))),
         "uint8": (np.rint(P / STEP).astype(np.uint8), UINT8, np.rint(P / STEP) * STEP)}


class Numbers(Storage):
    def test_every_type_contiguous_and_in_chunks_of_every_cut(self):
        self.assert_each_read({f"{name}, {chunks}": ((stored, attributes), dict(chunks=chunks), values)
                               for name, (stored, attributes, values) in TYPES.items()
                               for chunks in (None, True, MATRIX, CUT, ODD, SPAN, SAMPLE, ALL)})

    def test_every_type_through_every_filter(self):
        self.assert_each_read({f"{name}, {filters}": ((stored, attributes), dict(chunks=ODD, **options), values)
                               for name, (stored, attributes, values) in TYPES.items()
                               for filters, options in FILTERS.items()})

    def test_every_cut_through_every_filter(self):
        self.assert_each_read({f"{chunks}, {filters}": ((P,), dict(chunks=chunks, **options), P)
                               for chunks in (True, MATRIX, CUT, SPAN, SAMPLE, ALL)
                               for filters, options in FILTERS.items()})

    def test_a_type_that_is_told_by_an_attribute_is_named_by_inspect(self):
        for name, told in {"bfloat16": "bfloat16", "uint8": "uint8", ">f2": "float16"}.items():
            with self.subTest(type=name):
                stored, attributes, _ = TYPES[name]
                seen = json.loads(attnspec("inspect", self.stored(stored, attributes), "--json").stdout)
                self.assertEqual((seen["dtype"], seen["sound"]), (told, True))

    def test_a_step_that_makes_no_sense_is_not_taken(self):
        for scale in (0.0, -STEP, np.nan, np.inf, "1/255", [STEP, STEP]):
            with self.subTest(scale=scale):
                self.spectrum(self.stored(TYPES["uint8"][0], dict(scale=scale)), code=INPUT)

    def test_the_instructions_that_widen_halves_change_no_byte(self):
        halves = random_attention(3, 2, 2, 2, 27, 27).astype(np.float16)
        halves[0, 0, 0, 3:, :4][halves[0, 0, 0, 3:, :4] < 1e-3] = np.float16(2 ** -24)      # the least of all
        for chunks in (None, (1, 1, 1, 13, 27)):
            path = self.stored(halves, chunks=chunks)
            found = {self.spectrum(path, "--method", "direct", variables={"ATTNSPEC_VECTORS": most}).h5().tobytes()
                     for most in ("portable", "avx2", "avx512")}
            self.assertEqual(len(found), 1)
            self.assert_read(path, halves, variables={"ATTNSPEC_VECTORS": "portable"})

    def test_threads_that_share_a_chunk_each_get_their_own_part(self):
        many = random_attention(4, 3, 4, 8, N, N)
        path = self.stored(many, chunks=(3, 4, 8, 5, N), compression="gzip", fletcher32=True)

        for options in (["--threads", "1"], ["--threads", "8"], ["--threads", "8", "--max-memory", "66M"]):
            self.assert_read(path, many, *options)

    def test_padding_on_the_left_is_cut_in_every_storage(self):
        lengths, offsets = np.array([7, 12]), np.array([5, 0])
        for dtype in ("<f4", ">f8"):
            padded = np.full(SHAPE, np.nan, dtype)
            parts = [random_attention(10 + s, LAYERS, HEADS, n, n).astype(dtype) for s, n in enumerate(lengths)]
            for s, (n, first) in enumerate(zip(lengths, offsets)):
                padded[s, :, :, first:first + n, first:first + n] = parts[s]
            for storage in (None, {"chunks": CUT}, {"chunks": SPAN, **FILTERS["all with lzf"]},
                            {"chunks": (1, 1, 1, 5, 5), **FILTERS["all with deflate"]}):
                with self.subTest(dtype=dtype, storage=storage):
                    path = write_dump(self.path("b.h5"), padded, storage, lengths=lengths, offsets=offsets)
                    sigma = self.spectrum(path, "--method", "direct").h5()
                    for s, n in enumerate(lengths):
                        self.assert_sigma(sigma[s, ..., :n], parts[s])
                        self.assertTrue(np.isnan(sigma[s, ..., n:]).all())

    def test_lengths_may_be_stored_in_any_way(self):
        for options in (dict(chunks=(1,)), FILTERS["all with deflate"], dict(dtype=">i2")):
            with self.subTest(**options):
                self.assert_read(self.with_lengths(**options), P)

    def with_lengths(self, **options):
        path = write_dump(self.path("b.h5"), P)
        with h5py.File(path, "a") as file:
            file.create_dataset("lengths", data=[N, N], **options)
        return path

    def test_lengths_in_lzf_are_refused_by_name(self):
        """HDF5 reads them, and does not know h5py's own filter."""
        self.assertIn("b.h5: /lengths can not be read",
                      self.spectrum(self.with_lengths(compression="lzf"), code=INPUT).outcome.stderr)

    def test_datasets_that_nobody_asks_for_may_be_stored_in_any_way(self):
        path = self.stored(P)
        with h5py.File(path, "a") as file:
            file.create_dataset("lzf", data=np.arange(1000), compression="lzf")
            file.create_dataset("scaled", data=np.arange(1000), scaleoffset=5)
            file.create_dataset("text", data=[b"a", b"b"], compression="gzip")
            file.create_dataset("damaged", data=np.arange(1000), fletcher32=True, chunks=(1000,))
            file["nothing"] = h5py.Empty("f4")
            file["type"] = np.dtype("f4")
        change_chunk(path, 0, lambda stored: stored.__setitem__(9, stored[9] ^ 1), "damaged")

        self.assert_read(path, P)


class Formats(Storage):
    """What the file around the numbers looks like."""

    def test_every_version_of_the_format_and_every_index_of_chunks(self):
        limits = {"one axis": (None, *SHAPE[1:]), "two axes": (None, *SHAPE[1:4], None), "no axis": SHAPE,
                  "a larger one": (9, *SHAPE[1:])}
        for libver in ("earliest", "v108", "v110", "latest"):
            self.assert_each_read({f"{libver}, {limit}, {chunks}, {filters}":
                                   ((P, {}, libver), dict(chunks=chunks, maxshape=maxshape, **options), P)
                                   for limit, maxshape in limits.items() for chunks in (MATRIX, ODD, ALL)
                                   for filters, options in (("plain", {}), ("filtered", FILTERS["all with deflate"]))})

    def test_a_user_block_moves_every_number(self):
        storages = {"contiguous": {}, "plain": {"chunks": CUT}, "filtered": {"chunks": SPAN, "compression": "gzip"}}
        self.assert_each_read({f"{storage}, {libver}, {userblock}": ((P, {}, libver, userblock), options, P)
                               for storage, options in storages.items()
                               for libver in ("earliest", "latest") for userblock in (512, 4096)})

    def test_numbers_among_the_metadata(self):
        for name in ("<f2", ">f4", "<f8"):
            with self.subTest(type=name):
                path = write_created(self.path("a.h5"), TYPES[name][0],
                                     lambda creation: creation.set_layout(h5py.h5d.COMPACT))
                self.assert_read(path, TYPES[name][2])

    def test_chunks_that_were_allocated_before_they_were_written(self):
        def early(creation):
            creation.set_chunk(CUT)
            creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        self.assert_read(write_created(self.path("a.h5"), P, early), P)

    def test_filters_in_another_order_than_h5py_writes_them(self):
        def fletcher_first(creation):
            creation.set_chunk(ODD)
            creation.set_fletcher32()
            creation.set_deflate(5)
            creation.set_shuffle()
        def twice(creation):
            creation.set_chunk(ODD)
            creation.set_deflate(1)
            creation.set_deflate(9)
        for prepare in (fletcher_first, twice):
            with self.subTest(prepare.__name__):
                self.assert_read(write_created(self.path("a.h5"), P, prepare), P)

    def test_chunks_that_went_through_some_of_their_filters_only(self):
        """Bit i of a chunk's mask: filter i was left out."""
        path = self.stored(np.zeros(SHAPE), chunks=MATRIX, shuffle=True, compression="gzip")
        with h5py.File(path, "a") as file:
            for i, place in enumerate(np.ndindex(SHAPE[:3])):
                plain = np.ascontiguousarray(P[place]).tobytes()
                shuffled = np.frombuffer(plain, np.uint8).reshape(-1, 8).T.tobytes()
                stored = {0: zlib.compress(shuffled), 1: zlib.compress(plain), 2: shuffled, 3: plain}[i % 4]
                file["attention"].id.write_direct_chunk((*place, 0, 0), stored, i % 4)

        self.assert_read(path, P)

    def test_lzf_leaves_numbers_alone_that_it_can_not_shorten(self):
        path = self.stored(P, chunks=MATRIX, compression="lzf")
        with h5py.File(path) as file:
            self.assertEqual(file["attention"].id.get_chunk_info(0).filter_mask, 1, "this fixture has no such chunk")

        self.assert_read(path, P)

    def test_rewritten_chunks_are_read_where_they_lie_now(self):
        path = self.stored(np.full(SHAPE, 1 / N), chunks=SPAN, compression="gzip")
        with h5py.File(path, "a") as file:
            file["attention"][...] = P

        self.assert_read(path, P)

    def test_a_dataset_that_shrank_and_grew_is_read_to_its_present_size(self):
        path = self.stored(random_attention(5, 5, LAYERS, HEADS, N, N), chunks=SPAN, maxshape=(None, *SHAPE[1:]),
                           compression="gzip")
        with h5py.File(path, "a") as file:
            file["attention"].resize(1, 0)
            file["attention"].resize(SAMPLES, 0)
            file["attention"][...] = P

        self.assert_read(path, P)


if __name__ == "__main__":
    unittest.main()
