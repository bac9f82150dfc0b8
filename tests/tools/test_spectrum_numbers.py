#!/usr/bin/env python3
"""Curves and rank measures of `attnspec spectrum`, for every way to store attention, against numpy's SVD in float64."""

import unittest

import h5py
import numpy as np

from support import truth
from support.dumps import as_bfloat16, from_bfloat16, normals, random_attention, root_attributes, softmax, write_dump, write_group_dump
from support.program import INPUT, Workplace

SAMPLES, LAYERS, HEADS, N = 2, 3, 5, 24
SHAPE = (SAMPLES, LAYERS, HEADS, N, N)
# dgesdd: a few n eps; measured 30 eps. The Gram route squares and takes roots: its curves are promised within 2e-6.
TOLERANCE = {"direct": 1e-12, "reference": 1e-12, "gram": 1e-6}


class Numbers(Workplace):
    def assert_curves(self, results, matrices, method, n=None):
        """`matrices` [S, L, H, n, n]: what the dump holds, as float64."""
        tolerance = TOLERANCE[method]
        for layer, head in np.ndindex(matrices.shape[1:3]):
            sigmas = [truth.sigma_of(matrix) for matrix in matrices[:, layer, head]]
            rows = results.head(layer, head, n)
            self.assertEqual(list(rows["index"]), list(range(1, len(sigmas[0]) + 1)))
            self.assertEqual(set(rows.samples), {len(sigmas)})
            for column, curves in (("cumulative", [truth.shares(s) for s in sigmas]), ("energy", [truth.shares(s, 2) for s in sigmas]),
                                   ("sigma", sigmas)):
                # One value may be off by the method's own bound sqrt(n eps) sigma_1; a curve may not.
                slack = tolerance if column != "sigma" or method != "gram" else 1e-6
                np.testing.assert_allclose(rows[column + "_mean"], np.mean(curves, 0), rtol=0, atol=slack, err_msg=column)
                if len(sigmas) > 1:
                    np.testing.assert_allclose(rows[column + "_sd"], np.std(curves, 0, ddof=1), rtol=0, atol=2 * slack, err_msg=column)
                else:
                    self.assertTrue(rows[column + "_sd"].isna().all())

    def assert_dump(self, matrices, path, *options):
        for method in ("direct", "gram"):
            with self.subTest(method=method):
                self.assert_curves(self.spectrum(path, "--method", method, *options), matrices, method)


class Storage(Numbers):
    """Each test stores the same attention in another way."""

    P = random_attention(1, *SHAPE)

    def test_float64_gives_the_curves_of_numpy_by_every_method(self):
        path = write_dump(self.path("a.h5"), self.P)

        self.assert_dump(self.P, path)
        self.assert_curves(self.spectrum(path, "--method", "reference"), self.P, "reference")

    def test_float32_and_float16_give_the_curves_of_what_they_hold(self):
        for dtype in (np.float32, np.float16):
            with self.subTest(dtype=dtype):
                self.assert_dump(self.P.astype(dtype).astype(float), write_dump(self.path("a.h5"), self.P.astype(dtype)))

    def test_big_endian_numbers_are_the_same_numbers(self):
        for dtype in (">f2", ">f4", ">f8"):
            with self.subTest(dtype=dtype):
                stored = self.P.astype(dtype)
                self.assert_dump(stored.astype(float), write_dump(self.path("a.h5"), stored))

    def test_bfloat16_in_uint16_is_read_by_its_bits(self):
        bits = as_bfloat16(self.P)
        self.assertLess(np.abs(from_bfloat16(bits) - self.P).max(), 2 ** -8)

        self.assert_dump(from_bfloat16(bits), write_dump(self.path("a.h5"), bits))

    def test_float16_subnormals_keep_their_values(self):
        tiny = np.float16(2 ** -24)                       # the least positive one
        stored = np.full((1, 1, 1, 8, 8), tiny, np.float16)
        stored[0, 0, 0][np.diag_indices(8)] = np.float16(1)
        stored[0, 0, 0, 0, 1] = 3 * tiny

        self.assert_dump(stored.astype(float), write_dump(self.path("a.h5"), stored))

    def test_chunks_may_cut_matrices_in_any_way(self):
        for chunks in (None, (1, 1, 1, N, N), (1, 1, 1, 7, N), (1, 1, 1, N, 5), (1, 1, 1, 7, 5), (2, 2, 2, 10, 10), (1, 3, 5, 24, 24), (2, 3, 5, 1, 1)):
            with self.subTest(chunks=chunks):
                path = write_dump(self.path("a.h5"), self.P, {"chunks": chunks} if chunks else None)
                self.assert_curves(self.spectrum(path, "--method", "direct"), self.P, "direct")

    def test_filters_that_the_format_names_are_undone(self):
        for options in ({"compression": "gzip"}, {"compression": "gzip", "shuffle": True, "fletcher32": True}, {"fletcher32": True},
                        {"shuffle": True}):
            with self.subTest(**options):
                path = write_dump(self.path("a.h5"), self.P, {"chunks": (1, 1, 2, 13, N), **options})
                self.assert_curves(self.spectrum(path, "--method", "direct"), self.P, "direct")

    def test_a_resizable_dataset_is_read_to_its_present_size(self):
        path = write_dump(self.path("a.h5"), self.P, {"chunks": (1, 1, 1, N, N), "maxshape": (None, None, None, None, None)})

        self.assert_dump(self.P, path)

    def test_a_compact_dataset_is_read(self):
        small = random_attention(2, 1, 1, 1, 8, 8)
        with h5py.File(self.path("a.h5"), "w") as file:
            root_attributes(file, 1, 1)
            creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            creation.set_layout(h5py.h5d.COMPACT)
            h5py.h5d.create(file.id, b"attention", h5py.h5t.IEEE_F64LE, h5py.h5s.create_simple(small.shape), creation).write(
                h5py.h5s.ALL, h5py.h5s.ALL, small)

        self.assert_dump(small, self.path("a.h5"))

    def test_a_file_of_the_newest_format_is_read(self):
        with h5py.File(self.path("a.h5"), "w", libver="latest", userblock_size=512) as file:
            root_attributes(file, LAYERS, HEADS)
            file.create_dataset("attention", data=self.P, chunks=(1, 1, 1, N, N))

        self.assert_dump(self.P, self.path("a.h5"))

    def test_an_attribute_may_be_any_string_or_number_of_h5py(self):
        path = write_dump(self.path("a.h5"), self.P, model_id=np.bytes_("fixed width"), mask_kind=["bidirectional"] * LAYERS,
                          complete=True, n_heads=float(HEADS), softcap=np.float32(0))

        results = self.spectrum(path, "--method", "direct")

        self.assert_curves(results, self.P, "direct")
        self.assertEqual(set(results.curves.model), {"fixed width"})

    def test_one_changed_entry_changes_the_table(self):
        before = self.spectrum(write_dump(self.path("a.h5"), self.P))
        changed = self.P.copy()
        changed[1, 2, 4, 3, :2] += [1e-5, -1e-5]
        after = self.spectrum(write_dump(self.path("a.h5"), changed))

        differing = (before.curves.cumulative_mean != after.curves.cumulative_mean)
        self.assertTrue(differing.any())
        self.assertEqual(set(zip(before.curves[differing]["layer"], before.curves[differing]["head"])), {(2, 4)})


class Ragged(Numbers):
    """Samples shorter than their tile."""

    LENGTHS, OFFSETS = np.array([20, 13, 20, 24]), np.array([4, 2, 0, 0])

    def padded(self):
        """Attention of each sample inside a tile of junk, and the parts that count."""
        tile = random_attention(3, 4, LAYERS, HEADS, N, N)
        parts = []
        for sample, (length, offset) in enumerate(zip(self.LENGTHS, self.OFFSETS)):
            part = random_attention(10 + sample, LAYERS, HEADS, length, length)
            tile[sample, :, :, offset:offset + length, offset:offset + length] = part
            parts.append(part)
        return tile, parts

    def assert_parts(self, path, parts, *options):
        results = self.spectrum(path, "--method", "direct", *options)
        self.assertEqual(sorted(set(results.curves.n)), sorted({part.shape[-1] for part in parts}))
        for n in {part.shape[-1] for part in parts}:
            self.assert_curves(results, np.stack([part for part in parts if part.shape[-1] == n]), "direct", n)
        return results

    def test_padding_on_either_side_is_cut_and_unlike_lengths_are_never_averaged(self):
        tile, parts = self.padded()

        results = self.assert_parts(write_dump(self.path("a.h5"), tile, lengths=self.LENGTHS, offsets=self.OFFSETS), parts)

        counts = results.summary.groupby("n").samples.first().to_dict()
        self.assertEqual(counts, {13: 1, 20: 2, 24: 1})

    def test_padding_of_nan_does_not_reach_the_numbers(self):
        tile, parts = self.padded()
        clean = np.full_like(tile, np.nan)
        for sample, (length, offset) in enumerate(zip(self.LENGTHS, self.OFFSETS)):
            clean[sample, :, :, offset:offset + length, offset:offset + length] = parts[sample]

        self.assert_parts(write_dump(self.path("a.h5"), clean, {"chunks": (1, 1, 1, 9, 9)}, lengths=self.LENGTHS, offsets=self.OFFSETS), parts)

    def test_lengths_of_any_integer_type_are_the_same_lengths(self):
        tile, parts = self.padded()
        for dtype in (np.int8, np.uint16, ">i4", np.uint64):
            with self.subTest(dtype=dtype):
                self.assert_parts(write_dump(self.path("a.h5"), tile, lengths=self.LENGTHS.astype(dtype), offsets=self.OFFSETS.astype(dtype)), parts)

    def test_a_length_that_is_no_whole_number_is_refused(self):
        self.spectrum(write_dump(self.path("a.h5"), self.padded()[0], lengths=self.LENGTHS - 0.5), code=INPUT)

    def test_a_group_a_sample_gives_the_numbers_of_its_matrices(self):
        parts = self.padded()[1]

        self.assert_parts(write_group_dump(self.path("a.h5"), parts), parts)

    def test_sigma_in_hdf5_is_nan_beyond_a_length(self):
        tile, parts = self.padded()
        results = self.spectrum(write_dump(self.path("a.h5"), tile, lengths=self.LENGTHS, offsets=self.OFFSETS), "--method", "direct")

        sigma = results.h5()

        self.assertEqual(list(results.h5("/length")), list(self.LENGTHS))
        for sample, part in enumerate(parts):
            length = part.shape[-1]
            self.assertTrue(np.isnan(sigma[sample, ..., length:]).all())
            np.testing.assert_allclose(sigma[sample, ..., :length], np.linalg.svd(part, compute_uv=False), rtol=0, atol=1e-12)


class Measures(Numbers):
    def test_every_measure_of_the_summary_is_that_of_numpy(self):
        P = random_attention(5, *SHAPE)
        for method in ("direct", "gram"):
            summary = self.spectrum(write_dump(self.path("a.h5"), P), "--method", method).summary.set_index(["layer", "head"])
            for layer, head in np.ndindex(LAYERS, HEADS):
                row = summary.loc[layer, head]
                sigmas = [truth.sigma_of(matrix) for matrix in P[:, layer, head]]
                wanted = [truth.measures(sigma) for sigma in sigmas]
                for column in wanted[0]:
                    mean = np.mean([one[column] for one in wanted])
                    self.assertLess(abs(row[column] - mean), 1e-5 if method == "gram" else 1e-11, f"{method} {column}")
                ranks = [one["effective_rank_mean"] for one in wanted]
                self.assertAlmostEqual(row.effective_rank_sd, np.std(ranks, ddof=1), delta=1e-5)
                self.assertEqual(row["index"], N // 4)
                at_index = [truth.shares(sigma)[N // 4 - 1] for sigma in sigmas]
                self.assertAlmostEqual(row.cumulative_at_index_mean, np.mean(at_index), delta=1e-6)
                self.assertAlmostEqual(row.cumulative_at_index_sd, np.std(at_index, ddof=1), delta=1e-6)
                self.assertAlmostEqual(row.energy_at_index_mean, np.mean([truth.shares(sigma, 2)[N // 4 - 1] for sigma in sigmas]), delta=1e-6)
                self.assertEqual(row.rank_tolerance, max(row.quantisation_floor, row.error_bound))
                self.assertEqual(row.skipped, 0)

    def test_the_numerical_rank_counts_values_above_the_tolerance_beside_it(self):
        basis = normals(6, N, 4, sd=1.0)
        P = softmax(basis @ basis.T / 4)[None, None, None]
        P = (0.5 * P + 0.5 / N)                                     # smooth: values fall below float16's floor
        stored = P.astype(np.float16)
        summary = self.spectrum(write_dump(self.path("a.h5"), stored), "--method", "direct").summary.iloc[0]

        sigma = truth.sigma_of(stored[0, 0, 0])

        self.assertEqual(summary.numerical_rank_mean, np.sum(sigma > summary.rank_tolerance))
        rounding = np.linalg.norm(stored.astype(float) - P)          # what storage did in truth
        self.assertGreater(summary.quantisation_floor, np.linalg.norm((stored.astype(float) - P)[0, 0, 0], 2))
        self.assertLess(summary.quantisation_floor, 10 * rounding)

    def test_a_curve_is_the_mean_of_curves_and_not_the_curve_of_the_mean(self):
        P = random_attention(7, 8, 1, 1, N, N)
        rows = self.spectrum(write_dump(self.path("a.h5"), P), "--method", "direct").head(0, 0)

        of_the_mean = truth.shares(truth.sigma_of(P[:, 0, 0].mean(0)))
        mean_of = np.mean([truth.shares(truth.sigma_of(matrix)) for matrix in P[:, 0, 0]], 0)

        self.assertGreater(np.abs(of_the_mean - mean_of).max(), 0.05)
        np.testing.assert_allclose(rows.cumulative_mean, mean_of, rtol=0, atol=1e-12)

    def test_matrices_of_one_two_and_three_tokens_have_curves(self):
        for n in (1, 2, 3):
            with self.subTest(n=n):
                P = random_attention(n, 2, 2, 2, n, n)
                self.assert_dump(P, write_dump(self.path("a.h5"), P))


if __name__ == "__main__":
    unittest.main()
