#!/usr/bin/env python3
"""Dumps of other programs in many datasets: by its name, every matrix is taken for its own sample, layer and head."""
# Golden: tests/tools/golden/layouts.txt, made by: ATTNSPEC_WRITE_GOLDEN=1 /usr/bin/python3 tests/tools/test_layouts.py

import unittest

import numpy as np

from support import layouts
from support.dumps import normals, random_attention, softmax
from support.layouts import ALL, HEADS, LAYERS, N, SAMPLES, P
from support.program import INPUT, SKIPPED, Golden


class Layouts(layouts.Layouts):
    golden = Golden("layouts.txt")


class ManyDatasets(Layouts):
    """Names say layer, head and sample."""

    def test_attention_saver_has_a_dataset_a_head(self):
        halves = P.astype(np.float16)
        path = self.foreign({f"layer_{l}/batch_{s}/head_{h}": halves[s, l, h] for s, l, h in ALL})

        self.assert_read(path, halves, layout="layer_{L}/batch_{S}/head_{H} QK (attention-saver)")

    def test_a_dataset_a_matrix(self):
        path = self.foreign({f"layer_{l}_head_{h}_{s}": P[s, l, h] for s, l, h in ALL})

        self.assert_read(path, P, layout="layer_{L}_head_{H}_{S} QK (a dataset a matrix)")

    def test_contextual_corr_analysis_has_a_number_a_sample_of_any_length(self):
        sides = [7, 10, 8, 10, 6, 9, 10, 10, 10, 10, 5, 4]                  # sample 10 is not the second
        samples = [random_attention(20 + s, LAYERS, HEADS, n, n) for s, n in enumerate(sides)]
        path = self.foreign({str(s): values for s, values in enumerate(samples)})

        seen = self.inspected(path)
        sigma = self.sigma(path)

        self.assertEqual((seen["layout"], seen["lengths"]), ("{S} LHQK (contextual-corr-analysis)", sides))
        self.assertEqual(sigma.shape, (len(sides), LAYERS, HEADS, max(sides)))
        for s, values in enumerate(samples):
            self.assert_sigma(sigma[s, ..., :sides[s]], values)
            self.assertTrue(np.isnan(sigma[s, ..., sides[s]:]).all())

    def test_a_group_a_sample(self):
        path = self.foreign({f"sample_{s}/attentions": P[s] for s in range(SAMPLES)}, {"compression": "gzip"})

        self.assert_read(path, P, layout="sample_{S}/attentions LHQK (a group a sample)")

    def test_a_group_a_layer_with_any_names_for_samples_in_natural_order(self):
        names = ["ex 9", "ex 10", "the last"]
        path = self.foreign({f"layer_{l}/{name}": P[s, l] for s, name in enumerate(names) for l in range(LAYERS)})

        self.assert_read(path, P, layout="layer_{L}/{S*} HQK (a group a layer)")
        self.assertEqual(self.inspected(path)["notes"], [])

    def test_hook_pattern_of_transformer_lens_with_and_without_its_batch_axis(self):
        with self.subTest("a batch"):
            path = self.foreign({f"blocks.{l}.attn.hook_pattern": P[:, l] for l in range(LAYERS)})
            self.assert_read(path, P, layout="blocks.{L}.attn.hook_pattern SHQK (TransformerLens)")
        with self.subTest("one sample"):
            path = self.foreign({f"blocks.{l}.attn.hook_pattern": P[0, l] for l in range(LAYERS)})
            layout = "blocks.{L}.attn.hook_pattern HQK (TransformerLens, without its batch axis)"
            self.assert_read(path, P[:1], layout=layout)

    def test_layer_2_comes_before_layer_10(self):
        deep = random_attention(2, SAMPLES, 12, HEADS, N, N)
        with self.subTest("samples"):
            path = self.foreign({f"layer_{l}": deep[:, l] for l in range(12)})
            self.assert_read(path, deep, layout="layer_{L} SHQK (a dataset a layer)")
        with self.subTest("one sample"):
            path = self.foreign({f"layer_{l}": deep[0, l] for l in range(12)})
            self.assert_read(path, deep[:1], layout="layer_{L} HQK (a dataset a layer, one sample)")

    def test_other_datasets_beside_them_change_nothing(self):
        path = self.foreign({**{f"layer_{l}": P[:, l] for l in range(LAYERS)},
                             "input_ids": np.arange(SAMPLES * N).reshape(SAMPLES, N),
                             "logits": normals(3, SAMPLES, N, 50), "loss": np.float32(1), "names": [b"a", b"b"]})

        self.assert_read(path, P, layout="layer_{L} SHQK (a dataset a layer)")

    def test_a_selection_counts_from_0_whatever_the_names_are(self):
        path = self.foreign({f"layer_{l + 5}/batch_{2 * s}/head_{h}": P[s, l, h] for s, l, h in ALL})

        self.assert_sigma(self.sigma(path, "--samples", "1-2", "--layers", "1", "--heads", "3,0"),
                          P[1:][:, [1]][:, :, [0, 3]])

    def test_names_that_are_not_0_1_2_are_told_in_notes(self):
        path = self.foreign({f"layer_{5 * l + 6}/batch_{s}/head_{h + 1}": P[s, l, h] for s, l, h in ALL})

        self.assert_sigma(self.sigma(path), P)
        self.assertEqual(self.inspected(path)["notes"],
                         ["its layers are named 6, 11 in the file; results count them from 0",
                          "its heads are named 1, 2, 3, 4 in the file; results count them from 0"])

    def test_words_at_the_root_of_a_foreign_dump_are_obeyed(self):
        logits = np.where(np.tri(N, dtype=bool), normals(4, SAMPLES, LAYERS, HEADS, N, N), -np.inf)
        path = self.foreign({f"layer_{l}": logits[:, l] for l in range(LAYERS)},
                            model_id="somebody's model", stage="logits", mask_kind="causal")

        seen = self.inspected(path)

        self.assertEqual((seen["model"], seen["stage"], seen["masks"]),
                         ("somebody's model", "logits", ["causal"] * LAYERS))
        self.assert_sigma(self.sigma(path), softmax(logits))

    def test_a_mask_may_be_named_for_a_foreign_dump(self):
        causal = softmax(np.where(np.tri(N, dtype=bool), normals(5, SAMPLES, LAYERS, HEADS, N, N), -np.inf))
        path = self.foreign({f"layer_{l}": causal[:, l] for l in range(LAYERS)})

        self.assertEqual(self.inspected(path)["masks"], ["bidirectional"] * LAYERS)
        self.assertEqual(self.inspected(path, "--mask", "causal")["masks"], ["causal"] * LAYERS)
        self.assert_sigma(self.sigma(path, "--mask", "causal"), causal)

    def test_a_mask_that_the_matrices_do_not_keep_is_found(self):
        path = self.foreign({f"layer_{l}": P[:, l] for l in range(LAYERS)})

        outcome = self.spectrum(path, "--mask", "causal", "--samples", "0", "--layers", "1", "--heads", "2",
                                code=SKIPPED).outcome

        self.golden.check(self, "mass behind the mask that was named", outcome)


class Incomplete(Layouts):
    """Datasets that are not there, or do not belong together."""

    def heads(self, *but):
        return {f"layer_{l}/batch_{s}/head_{h}": P[s, l, h] for s, l, h in ALL if (s, l, h) not in but}

    def test_a_missing_head_is_named_and_the_others_are_computed(self):
        gap = (1, 0, 2)
        path = self.foreign(self.heads(gap))

        results = self.spectrum(path, "--method", "direct", code=SKIPPED)

        sigma = results.h5()
        self.assertTrue(np.isnan(sigma[gap]).all())
        there = np.ones(P.shape[:3], bool)
        there[gap] = False
        self.assert_sigma(sigma[there], P[there])
        self.assertEqual(results.run["inputs"][0]["skipped"], {"missing": 1})
        self.golden.check(self, "a missing head", results.outcome)
        seen = self.inspected(path, code=SKIPPED)
        self.assertEqual((seen["refused"], [seen["findings"][0][axis] for axis in ("sample", "layer", "head")]),
                         ({"missing": 1}, list(gap)))

    def test_the_first_head_may_be_the_missing_one(self):
        path = self.foreign(self.heads((0, 0, 0)))

        sigma = self.sigma(path, code=SKIPPED)

        self.assertTrue(np.isnan(sigma[0, 0, 0]).all())
        self.assert_sigma(sigma.reshape(-1, N)[1:], P.reshape(-1, N, N)[1:])

    def test_a_missing_head_stops_the_run_where_errors_are_wanted(self):
        outcome = self.spectrum(self.foreign(self.heads((1, 0, 2))), "--on-bad", "error", code=INPUT).outcome

        self.golden.check(self, "a missing head, --on-bad error", outcome)

    def test_datasets_that_are_unlike_are_refused(self):
        cases = {"unlike shapes in a sample": P[1, 1, 3, :9, :9],
                 "unlike types in a sample": P[1, 1, 3].astype(np.float32),
                 "a head of integers": np.eye(N, dtype=int), "a complex head": P[1, 1, 3] + 0j,
                 "an empty head": np.empty((0, 0)), "a head that is not square": P[1, 1, 3, :9]}
        for case, values in cases.items():
            with self.subTest(case):
                self.assert_refused(case, self.foreign({**self.heads(), "layer_1/batch_1/head_3": values}))

    def test_unlike_types_of_samples_are_refused(self):
        self.assert_refused("unlike types of samples", self.foreign({"0": P[0], "1": P[1].astype(np.float16)}))

    def test_unlike_numbers_of_heads_are_refused(self):
        self.assert_refused("unlike heads of samples", self.foreign({"0": P[0], "1": P[1, :, :3]}))

    def test_two_datasets_with_one_name_are_refused(self):
        self.assert_refused("layer_1 and layer_01",
                            self.foreign({"layer_0": P[:, 0], "layer_1": P[:, 1], "layer_01": P[:, 1]}))

    def test_names_of_more_places_than_datasets_could_fill_are_refused(self):
        sparse = {f"layer_{i}_head_{i}_{i}": P[0, 0, 0] for i in range(300)}
        self.assert_refused("names of 27 million matrices", self.foreign(sparse))

    def test_two_layouts_in_one_file_are_never_chosen_from_in_silence(self):
        path = self.foreign({**{f"layer_{l}": P[:, l] for l in range(LAYERS)},
                             **{f"blocks.{l}.attn.hook_pattern": P[::-1, l] for l in range(LAYERS)}})

        self.assert_refused("two layouts in one file", path)
        self.assert_sigma(self.sigma(path, "--dataset", "layer_{L}", "--axes", "SHQK"), P)
        self.assert_sigma(self.sigma(path, "--dataset", "blocks.{L}.attn.hook_pattern", "--axes", "SHQK"), P[::-1])

    def test_attributes_that_contradict_the_datasets_are_refused(self):
        self.assert_refused("n_layers of a foreign dump",
                            self.foreign({"layer_0": P[:, 0], "layer_1": P[:, 1]}, n_layers=3))

    def test_axes_without_a_dataset_are_obeyed(self):
        path = self.foreign({f"layer_{l}": P[:, l].swapaxes(0, 1) for l in range(LAYERS)})

        self.assert_sigma(self.sigma(path, "--axes", "HSQK"), P)

    def test_axes_that_make_no_sense_are_never_ignored(self):
        self.assert_usage("axes of other letters, named layout",
                          self.foreign({"layer_0": P[:, 0], "layer_1": P[:, 1]}), "--axes", "BLAH")


class Patterns(Layouts):
    """--dataset with {L}, {H}, {S} and {S*}."""

    def test_a_pattern_reads_names_of_nobody_we_know(self):
        path = self.foreign({f"attn/l{l}h{h}": P[:, l, h] for l in range(LAYERS) for h in range(HEADS)})

        self.assert_read(path, P, "--dataset", "attn/l{L}h{H}", "--axes", "SQK",
                         layout="attn/l{L}h{H} SQK (as --dataset says)")
        self.assert_sigma(self.sigma(path, "--dataset", "/attn/l{L}h{H}", "--axes", "SQK"), P)

    def test_letters_may_stand_in_any_order_and_on_either_side(self):
        cases = {"{H}.{S}.{L}": ("QK", {f"{h}.{s}.{l}": P[s, l, h] for s, l, h in ALL}),
                 "a/{S*}/x": ("HLQK", {f"a/{name}/x": P[s].swapaxes(0, 1)
                                       for s, name in enumerate(("no 2", "no 11", "z"))}),
                 "{L}": ("HSQK", {str(l): P[:, l].swapaxes(0, 1) for l in range(LAYERS)}),
                 "h{H}x": ("LSQK", {f"h{h}x": P[:, :, h].swapaxes(0, 1) for h in range(HEADS)}),
                 "{S}": ("LHKQ", {str(s): P[s].swapaxes(-1, -2) for s in range(SAMPLES)})}
        for pattern, (axes, datasets) in cases.items():
            with self.subTest(pattern):
                self.assert_sigma(self.sigma(self.foreign(datasets), "--dataset", pattern, "--axes", axes), P)

    def test_what_does_not_fit_the_pattern_is_left_out(self):
        path = self.foreign({**{f"layer_{l}": P[:, l] for l in range(LAYERS)}, "layer_7_old": P[:, 0],
                             "old/layer_8": P[:, 0], "layer_x": P[:, 0], "layer_1234567890": P[:, 0],
                             "xlayer_3": P[:, 0]})

        self.assert_sigma(self.sigma(path, "--dataset", "layer_{L}", "--axes", "SHQK"), P)

    def test_patterns_that_make_no_sense_are_usage_errors(self):
        path = self.foreign({f"layer_{l}": P[:, l] for l in range(LAYERS)})
        cases = {"an unknown letter": ("layer_{X}", "SHQK"), "a letter twice": ("layer_{L}{L}", "SHQK"),
                 "an open brace": ("layer_{L", "SHQK"), "an empty brace": ("layer_{}", "SHQK"),
                 "a star for a layer": ("layer_{L*}", "SHQK"), "a letter in both": ("layer_{L}", "LHQK"),
                 "a pattern without axes": ("layer_{L}", None), "axes that end in S": ("layer_{L}", "QKHS"),
                 "an axis twice": ("layer_{L}", "SSQK"), "an axis of another name": ("layer_{L}", "BHQK")}
        for case, (pattern, axes) in cases.items():
            with self.subTest(case):
                self.assert_usage("pattern: " + case, path, "--dataset", pattern, *(["--axes", axes] if axes else []))

    def test_patterns_that_fit_nothing_or_another_rank_are_refused(self):
        path = self.foreign({f"layer_{l}": P[:, l] for l in range(LAYERS)})

        self.assert_refused("a pattern that fits nothing", path, "--dataset", "block_{L}", "--axes", "SHQK")
        self.assert_refused("a pattern of another rank", path, "--dataset", "layer_{L}", "--axes", "HQK")


if __name__ == "__main__":
    unittest.main()
