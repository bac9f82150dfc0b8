#!/usr/bin/env python3
"""Every way that HDF5 stores numbers: types, chunks, filters, formats, holes and damage; numbers against numpy's SVD of what h5py wrote."""

import json
import unittest
import zlib

import h5py
import numpy as np

from support.dumps import as_bfloat16, change_chunk, from_bfloat16, random_attention, root_attributes, write_created, write_dump
from support.program import INPUT, SKIPPED, Workplace, attnspec

SAMPLES, LAYERS, HEADS, N = 2, 2, 3, 12
SHAPE = (SAMPLES, LAYERS, HEADS, N, N)
P = random_attention(1, *SHAPE)
STEP = float(P.max() / 255)                      # of uint8
BFLOAT16, UINT8 = dict(bits="bfloat16"), dict(scale=STEP)
# Stored numbers, attributes of the dataset, and what they stand for.
TYPES = {**{name: (P.astype(name), {}, P.astype(name).astype(float)) for name in ("<f2", "<f4", "<f8", ">f2", ">f4", ">f8")},
         "bfloat16": (as_bfloat16(P), BFLOAT16, from_bfloat16(as_bfloat16(P))),
         "bfloat16 big-endian": (as_bfloat16(P).astype(">u2"), BFLOAT16, from_bfloat16(as_bfloat16(P))),
         "uint8": (np.rint(P / STEP).astype(np.uint8), UINT8, np.rint(P / STEP) * STEP)}
MATRIX, CUT, ODD, SPAN, SAMPLE, ALL = (1, 1, 1, N, N), (1, 1, 1, 5, 7), (1, 1, 2, 7, 3), (2, 1, 2, N, N), (1, LAYERS, HEADS, N, N), (2, 2, 3, N, N)
FILTERS = {"deflate": dict(compression="gzip"), "shuffle": dict(shuffle=True), "fletcher32": dict(fletcher32=True), "lzf": dict(compression="lzf"),
           "shuffle deflate": dict(shuffle=True, compression="gzip", compression_opts=9), "shuffle lzf": dict(shuffle=True, compression="lzf"),
           "all with deflate": dict(shuffle=True, compression="gzip", fletcher32=True), "all with lzf": dict(shuffle=True, compression="lzf", fletcher32=True)}


class Storage(Workplace):
    def stored(self, values, attributes=None, libver="earliest", userblock=0, name="a.h5", **storage):
        path = self.path(name)
        with h5py.File(path, "w", libver=libver, userblock_size=userblock) as file:
            root_attributes(file, *values.shape[1:3])
            file.create_dataset("attention", data=values, **storage).attrs.update(attributes or {})
        return path

    def assert_sigma(self, sigma, matrices):
        np.testing.assert_allclose(sigma, np.linalg.svd(np.asarray(matrices, float), compute_uv=False), rtol=0, atol=1e-12)

    def assert_read(self, path, matrices, *options, **more):
        self.assert_sigma(self.spectrum(path, "--method", "direct", *options, **more).h5(), matrices)

    def assert_each_read(self, cases):
        """Arguments of `stored` by the file names they get, each with what it stands for; one run for all of them."""
        paths = [self.stored(*words, name=f"{case}.h5", **options) for case, (words, options, _) in cases.items()]
        results = self.spectrum(*paths, "--method", "direct")
        for index, (case, (_, _, values)) in enumerate(cases.items()):
            with self.subTest(case):
                self.assert_sigma(results.h5(f"/dump{index}/sigma"), values)


class Numbers(Storage):
    def test_every_type_contiguous_and_in_chunks_of_every_cut(self):
        self.assert_each_read({f"{name}, {chunks}": ((stored, attributes), dict(chunks=chunks), values) for name, (stored, attributes, values) in TYPES.items()
                               for chunks in (None, True, MATRIX, CUT, ODD, SPAN, SAMPLE, ALL)})

    def test_every_type_through_every_filter(self):
        self.assert_each_read({f"{name}, {filters}": ((stored, attributes), dict(chunks=ODD, **options), values)
                               for name, (stored, attributes, values) in TYPES.items() for filters, options in FILTERS.items()})

    def test_every_cut_through_every_filter(self):
        self.assert_each_read({f"{chunks}, {filters}": ((P,), dict(chunks=chunks, **options), P)
                               for chunks in (True, MATRIX, CUT, SPAN, SAMPLE, ALL) for filters, options in FILTERS.items()})

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
            found = {self.spectrum(path, "--method", "direct", variables={"ATTNSPEC_VECTORS": most}).h5().tobytes() for most in ("portable", "avx2", "avx512")}
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
            for storage in (None, {"chunks": CUT}, {"chunks": SPAN, **FILTERS["all with lzf"]}, {"chunks": (1, 1, 1, 5, 5), **FILTERS["all with deflate"]}):
                with self.subTest(dtype=dtype, storage=storage):
                    sigma = self.spectrum(write_dump(self.path("b.h5"), padded, storage, lengths=lengths, offsets=offsets), "--method", "direct").h5()
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
        self.assertIn("b.h5: /lengths can not be read", self.spectrum(self.with_lengths(compression="lzf"), code=INPUT).outcome.stderr)

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
        limits = {"one axis": (None, *SHAPE[1:]), "two axes": (None, *SHAPE[1:4], None), "no axis": SHAPE, "a larger one": (9, *SHAPE[1:])}
        for libver in ("earliest", "v108", "v110", "latest"):
            self.assert_each_read({f"{libver}, {limit}, {chunks}, {filters}": ((P, {}, libver), dict(chunks=chunks, maxshape=maxshape, **options), P)
                                   for limit, maxshape in limits.items() for chunks in (MATRIX, ODD, ALL)
                                   for filters, options in (("plain", {}), ("filtered", FILTERS["all with deflate"]))})

    def test_a_user_block_moves_every_number(self):
        storages = {"contiguous": {}, "plain": {"chunks": CUT}, "filtered": {"chunks": SPAN, "compression": "gzip"}}
        self.assert_each_read({f"{storage}, {libver}, {userblock}": ((P, {}, libver, userblock), options, P) for storage, options in storages.items()
                               for libver in ("earliest", "latest") for userblock in (512, 4096)})

    def test_numbers_among_the_metadata(self):
        for name in ("<f2", ">f4", "<f8"):
            with self.subTest(type=name):
                self.assert_read(write_created(self.path("a.h5"), TYPES[name][0], lambda creation: creation.set_layout(h5py.h5d.COMPACT)), TYPES[name][2])

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
        path = self.stored(random_attention(5, 5, LAYERS, HEADS, N, N), chunks=SPAN, maxshape=(None, *SHAPE[1:]), compression="gzip")
        with h5py.File(path, "a") as file:
            file["attention"].resize(1, 0)
            file["attention"].resize(SAMPLES, 0)
            file["attention"][...] = P

        self.assert_read(path, P)


class Holes(Storage):
    """Chunks that were never written, and chunks that were damaged."""

    BAD = (1, 0, 2)

    def assert_all_but(self, path, bad, kind):
        """The matrices of `bad` are skipped for `kind`, and all others are those of P."""
        results = self.spectrum(path, "--method", "direct", code=SKIPPED)
        sigma, there = results.h5(), np.ones(SHAPE[:3], bool)
        for place in bad:
            there[place] = False
        self.assertTrue(np.isnan(sigma[~there]).all())
        self.assert_sigma(sigma[there], P[there])
        self.assertEqual(results.run["inputs"][0]["skipped"], {kind: len(bad)})
        seen = attnspec("inspect", path, "--json")
        self.assertEqual((seen.code, json.loads(seen.stdout)["refused"]), (SKIPPED, {kind: len(bad)}))
        self.spectrum(path, "--on-bad", "error", code=INPUT)
        return results.outcome.stderr

    def with_hole(self, holes, **storage):
        path = self.path("a.h5")
        with h5py.File(path, "w") as file:
            root_attributes(file, LAYERS, HEADS)
            dataset = file.create_dataset("attention", SHAPE, "f8", **storage)
            for place in np.ndindex(SHAPE[:3]):
                if place not in holes:
                    dataset[place] = P[place]
        return path

    def test_a_matrix_that_was_never_written_is_found_with_any_fill_value(self):
        for fill in ({}, {"fillvalue": np.nan}, {"fillvalue": 1 / N}):
            for filters in ({}, FILTERS["all with deflate"]):
                with self.subTest(**fill, **filters):
                    stderr = self.assert_all_but(self.with_hole([self.BAD], chunks=MATRIX, **fill, **filters), [self.BAD], "unwritten")
                    self.assertIn("(sample 1, layer 0, head 2)", stderr)

    def test_a_piece_of_a_matrix_that_was_never_written_is_found(self):
        path = self.with_hole([self.BAD], chunks=(1, 1, 1, 6, N), fillvalue=1 / N)
        with h5py.File(path, "a") as file:
            file["attention"][(*self.BAD, slice(6))] = P[self.BAD][:6]

        self.assert_all_but(path, [self.BAD], "unwritten")

    def test_a_shape_without_any_numbers_is_refused(self):
        for chunks in (None, MATRIX, ALL):
            with self.subTest(chunks=chunks):
                outcome = self.spectrum(self.with_hole(list(np.ndindex(SHAPE[:3])), chunks=chunks), code=INPUT).outcome
                self.assertIn("nothing was ever written", outcome.stderr)

    def damaged(self, change, chunk=0, **storage):
        path = self.stored(P, **storage)
        corner = change_chunk(path, chunk, change)
        with h5py.File(path) as file:
            sides = file["attention"].chunks
        inside = [place for place in np.ndindex(SHAPE[:3]) if all(c <= p < c + side for p, c, side in zip(place, corner, sides))]
        return path, inside

    def test_a_flipped_bit_under_a_checksum_spoils_its_matrices_and_no_others(self):
        def flip(stored):
            stored[len(stored) // 2] ^= 1
        for chunks in (MATRIX, CUT, (1, 1, 2, N, N), (1, 2, 3, N, N)):
            for options in ({}, {"compression": "lzf", "shuffle": True}, {"compression": "gzip"}):
                for chunk in (0, 1):
                    with self.subTest(chunks=chunks, chunk=chunk, **options):
                        path, inside = self.damaged(flip, chunk, chunks=chunks, fletcher32=True, **options)
                        stderr = self.assert_all_but(path, inside, "damaged")
                        self.assertIn("checksum", stderr)

    def test_a_damaged_stream_spoils_its_matrices_and_no_others(self):
        def wipe(stored):
            stored[2:len(stored) // 2] = bytes(len(stored) // 2 - 2)
        for compression in ("gzip", "lzf"):
            for chunks in (MATRIX, CUT, (1, 1, 2, N, N)):
                with self.subTest(compression=compression, chunks=chunks):
                    path, inside = self.damaged(wipe, 1, chunks=chunks, compression=compression, shuffle=True)
                    self.assert_all_but(path, inside, "damaged")

    def test_a_stream_of_more_or_fewer_bytes_than_its_chunk_is_damaged(self):
        whole = np.ascontiguousarray(P[self.BAD]).tobytes()
        for case, numbers in {"empty": b"", "short": whole[:-8], "long": whole + bytes(8), "far longer": bytes(900_000)}.items():
            with self.subTest(case):
                path = self.stored(P, chunks=MATRIX, compression="gzip")
                with h5py.File(path, "a") as file:
                    file["attention"].id.write_direct_chunk((*self.BAD, 0, 0), zlib.compress(numbers))
                self.assert_all_but(path, [self.BAD], "damaged")

    def test_what_is_damaged_is_told_by_name(self):
        def flip(stored):
            stored[5] ^= 0x80
        path, _ = self.damaged(flip, 0, chunks=MATRIX, fletcher32=True)

        stderr = self.spectrum(path, "--on-bad", "error", code=INPUT).outcome.stderr

        self.assertEqual(stderr.count("\n"), 1, stderr)
        self.assertIn("a.h5: /attention (sample 0, layer 0, head 0)", stderr)
        self.assertIn("fletcher32", stderr)


if __name__ == "__main__":
    unittest.main()
