#!/usr/bin/env python3
"""Dumps of other programs in one dataset: its axes are told, or follow from attributes, and are never guessed."""
# Golden: tests/tools/golden/one_dataset.txt, made by:
# ATTNSPEC_WRITE_GOLDEN=1 /usr/bin/python3 tests/tools/test_one_dataset.py

import unittest

import h5py

from support.dumps import normals, random_attention, softmax
from support.layouts import ALL, HEADS, LAYERS, N, SAMPLES, Layouts, P
from support.program import SKIPPED, Golden, attnspec


class OneDataset(Layouts):
    golden = Golden("one_dataset.txt")
    READINGS = {3: {"HQK": P[:1, :1], "LQK": P[:1, :, :1], "SQK": P[:, :1, :1]},
                4: {"LHQK": P[:1], "SHQK": P[:, :1]}, 5: {"SLHQK": P, "LSHQK": P}}
    TENSORS = {3: P[0, 0], 4: P[0], 5: P}

    def test_one_matrix_is_one_matrix(self):
        self.assert_read(self.foreign({"x/attn": P[0, 0, 0]}), P[:1, :1, :1], layout="dataset /x/attn as QK")

    def test_axes_that_could_be_others_are_asked_for(self):
        for rank, values in self.TENSORS.items():
            with self.subTest(rank=rank):
                path = self.foreign({"attn": values})
                self.assert_refused(f"one dataset of rank {rank}", path)
                with_dataset = attnspec("inspect", path, "--dataset", "attn")
                self.assertEqual(with_dataset.stderr, attnspec("inspect", path).stderr)

    def test_each_reading_that_is_offered_gives_what_it_says(self):
        for rank, readings in self.READINGS.items():
            for axes in readings:
                with self.subTest(axes=axes):
                    counts = [3 if letter == "S" else 2 if letter == "L" else 4 for letter in axes[:-2]]
                    values = random_attention(rank, *counts, N, N)
                    path = self.foreign({"attn": values})
                    order = sorted(range(rank - 2), key=lambda axis: "SLH".index(axes[axis]))
                    shape = [3 if "S" in axes else 1, 2 if "L" in axes else 1, 4 if "H" in axes else 1, N, N]
                    matrices = values.transpose(*order, -2, -1).reshape(shape)

                    self.assertIn(f"--axes {axes} (", attnspec("inspect", path).stderr)
                    self.assert_read(path, matrices, "--axes", axes, layout=f"dataset /attn as {axes}")
                    self.assert_read(path, matrices, "--dataset", "/attn", "--axes", axes,
                                     layout=f"dataset /attn as {axes}")

    def test_attributes_decide_where_they_leave_one_reading(self):
        six = random_attention(6, 6, 12, 5, 5)
        five = random_attention(7, 3, 6, 12, 5, 5)
        cases = [(six, dict(n_layers=6, n_heads=12), "LHQK", six[None]),
                 (six, dict(num_hidden_layers=6), "LHQK", six[None]),
                 (six, dict(num_layers=1, num_heads=12), "SHQK", six[:, None]),
                 (six[0], dict(n_head=12), "HQK", six[None, :1]),
                 (six[0], dict(n_layer=12, n_head=1), "LQK", six[0][None, :, None]),
                 (five, dict(n_layers=6), "SLHQK", five),
                 (five.swapaxes(0, 1), dict(n_layers=6, num_attention_heads=12), "LSHQK", five)]
        for values, attributes, axes, matrices in cases:
            with self.subTest(axes=axes, **attributes):
                self.assert_read(self.foreign({"attn": values}, **attributes), matrices,
                                 layout=f"dataset /attn as {axes}")

    def test_attributes_of_the_dataset_decide_too(self):
        path = self.foreign({"attn": P})
        with h5py.File(path, "a") as file:
            file["attn"].attrs["num_layers"] = LAYERS

        self.assert_read(path, P, layout="dataset /attn as SLHQK")

    def test_attributes_that_leave_two_readings_or_none_do_not_decide(self):
        square = random_attention(8, 4, 4, 2, 5, 5)
        self.assert_refused("both readings fit the attributes", self.foreign({"attn": square}, n_layers=4, n_heads=2))
        self.assert_refused("no reading fits the attributes", self.foreign({"attn": square}, n_layers=12, n_heads=2))

    def test_transposed_matrices_are_turned(self):
        logits = normals(9, SAMPLES, LAYERS, HEADS, N, N, sd=2)
        for axes in ("SLHKQ", "LSHKQ"):
            stored = logits.swapaxes(-1, -2) if axes == "SLHKQ" else logits.swapaxes(-1, -2).swapaxes(0, 1)
            for chunks in (None, (1, 1, 1, N, N), (2, 1, 3, 4, 7)):
                with self.subTest(axes=axes, chunks=chunks):
                    path = self.foreign({"attn": stored}, {"chunks": chunks})
                    # Rows of the turned matrices get the softmax: the spectra differ from those of the others.
                    self.assert_sigma(self.sigma(path, "--axes", axes, "--stage", "logits"), softmax(logits))

    def test_transposed_probabilities_are_found_unless_the_axes_say_so(self):
        path = self.foreign({"attn": P.swapaxes(-1, -2)})

        self.assertEqual(self.inspected(path, "--axes", "SLHQK", code=SKIPPED)["refused"], {"transposed": len(ALL)})
        self.assertTrue(self.inspected(path, "--axes", "SLHKQ")["sound"])

    def test_axes_of_another_rank_or_no_axes_at_all_are_refused(self):
        self.assert_refused("axes fewer than the dataset has", self.foreign({"attn": P}), "--axes", "LHQK")
        self.assert_usage("axes of other letters", self.path("a.h5"), "--axes", "BLHQK")
        self.assert_refused("a dataset of rank 6", self.foreign({"attn": P[None]}), "--dataset", "attn")

    def test_two_datasets_of_unknown_names_are_never_chosen_from(self):
        self.assert_refused("two datasets of unknown names", self.foreign({"a": P[0, 0, 0], "b": P[0, 0, 1]}))

    def test_a_matrix_that_is_not_square_needs_a_cross_mask(self):
        wide = random_attention(10, SAMPLES, LAYERS, HEADS, 6, 9)
        path = self.foreign({"attn": wide})

        self.assert_refused("not square", path, "--dataset", "attn", "--axes", "SLHQK")
        self.assert_sigma(self.sigma(path, "--dataset", "attn", "--axes", "SLHQK", "--mask", "cross"), wide)
        turned = self.foreign({"attn": wide.swapaxes(-1, -2)})
        self.assert_sigma(self.sigma(turned, "--dataset", "attn", "--axes", "SLHKQ", "--mask", "cross"), wide)

    def test_a_shape_beyond_any_model_is_refused(self):
        for case, shape in {"samples": (2 ** 22, 1, 1, 4, 4), "layers": (1, 2 ** 17, 1, 4, 4)}.items():
            with self.subTest(case):
                with h5py.File(self.path("a.h5"), "w") as file:
                    file.create_dataset("attn", shape, "f4")
                self.assert_refused(f"too many {case}", self.path("a.h5"), "--axes", "SLHQK")


if __name__ == "__main__":
    unittest.main()
