#!/usr/bin/env python3
"""Which matrices `attnspec spectrum` reads, and how: --layers, --heads, --samples, --length, --dataset, --axes, --stage."""

import unittest

import h5py
import numpy as np

from support import truth
from support.dumps import normals, random_attention, softmax, write_dump
from support.program import INPUT, USAGE, Workplace

SAMPLES, LAYERS, HEADS, N = 4, 3, 5, 12


class Selections(Workplace):
    P = random_attention(1, SAMPLES, LAYERS, HEADS, N, N)

    def sigma(self, *dump_and_options):
        return self.spectrum(*dump_and_options, "--method", "direct").h5()

    def assert_sigma(self, sigma, matrices):
        np.testing.assert_allclose(sigma, np.linalg.svd(matrices, compute_uv=False), rtol=0, atol=1e-12)

    def test_lists_and_ranges_pick_samples_layers_and_heads(self):
        path = write_dump(self.path("a.h5"), self.P)

        results = self.spectrum(path, "--method", "direct", "--samples", "1-2", "--layers", "2,0", "--heads", "4,0-1,1")

        self.assert_sigma(results.h5(), self.P[1:3][:, [0, 2]][:, :, [0, 1, 4]])
        self.assertEqual(sorted(set(zip(results.curves["layer"], results.curves["head"]))), [(l, h) for l in (0, 2) for h in (0, 1, 4)])
        self.assertEqual(list(results.h5("/samples")), [1, 2])
        self.assertEqual(list(results.h5("/layers")), [0, 2])
        self.assertEqual(list(results.h5("/heads")), [0, 1, 4])
        self.assertEqual(set(results.curves.samples), {2})

    def test_a_selection_gives_the_same_numbers_as_the_whole(self):
        path = write_dump(self.path("a.h5"), self.P)

        whole = self.spectrum(path)
        part = self.spectrum(path, "--layers", "1", "--heads", "3")

        columns = ["index", "sigma_mean", "sigma_sd", "cumulative_mean", "cumulative_sd", "energy_mean", "energy_sd"]
        self.assertTrue((whole.head(1, 3)[columns].values == part.curves[columns].values).all())

    def test_length_picks_the_samples_of_that_length(self):
        path = write_dump(self.path("a.h5"), random_attention(3, SAMPLES, LAYERS, HEADS, 8, 8), lengths=np.array([8, 5, 8, 1]), row_sum="at_most_one")

        results = self.spectrum(path, "--length", "8")

        self.assertEqual(set(results.curves.n), {8})
        self.assertEqual(list(results.h5("/samples")), [0, 2])

    def test_a_length_that_no_sample_has_is_a_usage_error(self):
        self.spectrum(write_dump(self.path("a.h5"), self.P), "--length", "7", code=USAGE)

    def test_axes_name_the_order_of_a_foreign_dataset(self):
        orders = {"SLHQK": self.P, "LSHQK": self.P.swapaxes(0, 1), "HSLQK": np.moveaxis(self.P, 2, 0), "LHSQK": np.moveaxis(self.P, 0, 2)}
        for axes, stored in orders.items():
            with self.subTest(axes=axes):
                with h5py.File(self.path("a.h5"), "w") as file:
                    file["some/where/attn"] = stored
                self.assert_sigma(self.sigma(self.path("a.h5"), "--dataset", "/some/where/attn", "--axes", axes), self.P)

    def test_axes_that_a_dataset_lacks_have_length_one(self):
        cases = {"LHQK": self.P[0], "SHQK": self.P[:, 0], "SLQK": self.P[:, :, 0], "HQK": self.P[0, 0], "LQK": self.P[0, :, 0], "SQK": self.P[:, 0, 0],
                 "QK": self.P[0, 0, 0]}
        for axes, stored in cases.items():
            with self.subTest(axes=axes):
                with h5py.File(self.path("a.h5"), "w") as file:
                    file["attn"] = stored
                shape = [stored.shape[axes.index(letter)] if letter in axes else 1 for letter in "SLH"]
                self.assert_sigma(self.sigma(self.path("a.h5"), "--dataset", "attn", "--axes", axes), stored.reshape(*shape, N, N))

    def test_one_matrix_needs_no_axes(self):
        with h5py.File(self.path("a.h5"), "w") as file:
            file["attn"] = self.P[0, 0, 0]

        self.assert_sigma(self.sigma(self.path("a.h5"), "--dataset", "attn"), self.P[:1, :1, :1])

    def test_five_axes_without_names_are_never_guessed(self):
        with h5py.File(self.path("a.h5"), "w") as file:
            file["attn"] = self.P

        outcome = self.spectrum(self.path("a.h5"), "--dataset", "attn", code=INPUT).outcome

        self.assertIn("--axes SLHQK", outcome.stderr)
        self.assertIn("--axes LSHQK", outcome.stderr)

    def test_axes_overrule_the_canonical_reading(self):
        path = write_dump(self.path("a.h5"), self.P[:3, :, :3], n_heads=3)

        self.assert_sigma(self.sigma(path, "--axes", "LSHQK"), self.P[:3, :, :3].swapaxes(0, 1))

    def test_stage_logits_applies_a_softmax_to_each_row(self):
        logits = normals(5, SAMPLES, LAYERS, HEADS, N, N, sd=3)
        path = write_dump(self.path("a.h5"), logits)

        self.assert_sigma(self.sigma(path, "--stage", "logits"), softmax(logits))

    def test_a_dump_may_say_itself_that_it_holds_logits_and_masked_ones_are_zeros(self):
        logits = np.where(np.tri(N, dtype=bool), normals(5, SAMPLES, LAYERS, HEADS, N, N, sd=3), -np.inf)
        path = write_dump(self.path("a.h5"), logits, stage="logits", mask_kind="causal")

        self.assert_sigma(self.sigma(path), softmax(logits))

    def test_a_dataset_beside_attention_can_be_chosen(self):
        path = write_dump(self.path("a.h5"), self.P)
        other = random_attention(9, SAMPLES, LAYERS, HEADS, N, N)
        with h5py.File(path, "a") as file:
            file["other"] = other

        self.assert_sigma(self.sigma(path, "--dataset", "other", "--axes", "SLHQK"), other)

    def test_index_is_where_the_summary_reads_the_curve(self):
        path = write_dump(self.path("a.h5"), self.P[:1])

        summary = self.spectrum(path, "--index", "5", "--method", "direct").summary

        wanted = [truth.shares(truth.sigma_of(self.P[0, l, h]))[4] for l, h in np.ndindex(LAYERS, HEADS)]
        self.assertEqual(set(summary["index"]), {5})
        np.testing.assert_allclose(summary.cumulative_at_index_mean, wanted, rtol=0, atol=1e-12)

    def test_two_dumps_have_rows_and_groups_of_their_own(self):
        first = write_dump(self.path("a.h5"), self.P[:2], model_id="first")
        second = write_dump(self.path("b.h5"), random_attention(8, 2, 2, HEADS, 7, 7), model_id="second")

        results = self.spectrum(first, second, "--method", "direct")

        self.assert_sigma(results.h5("/dump0/sigma"), self.P[:2])
        self.assertEqual(results.h5("/dump1/sigma").shape, (2, 2, HEADS, 7))
        self.assertEqual(list(results.curves.groupby("model", sort=False).dump.first().items()), [("first", first), ("second", second)])
        self.assertEqual([entry["model"] for entry in results.run["inputs"]], ["first", "second"])


if __name__ == "__main__":
    unittest.main()
