#!/usr/bin/env python3
"""P that `attnspec spectrum` computes from stored Q and K (docs/dump-format.md), against an independent softmax in numpy."""

import unittest

import numpy as np

from support import truth
from support.dumps import as_bfloat16, from_bfloat16, normals, write_dump
from support.program import INPUT, Workplace

SAMPLES, LAYERS, HEADS, N, D = 2, 3, 4, 19, 6


class QueryKey(Workplace):
    def setUp(self):
        super().setUp()
        self.query = normals(1, SAMPLES, LAYERS, HEADS, N, D, sd=2.0)
        self.key = normals(2, SAMPLES, LAYERS, HEADS, N, D, sd=2.0)

    def assert_sigma(self, path, attention, *options):
        """`attention(sample, layer, head)`: P as float64. Sigma to 1e-11: P itself is the sum of rounded products."""
        results = self.spectrum(path, "--method", "direct", *options)
        sigma = results.h5()
        for place in np.ndindex(sigma.shape[:3]):
            wanted = truth.sigma_of(attention(*place))
            np.testing.assert_allclose(sigma[place][:len(wanted)], wanted, rtol=0, atol=1e-11, err_msg=str(place))
            self.assertTrue(np.isnan(sigma[place][len(wanted):]).all())
        return results

    def dump(self, **contents):
        return write_dump(self.path("a.h5"), **{"query": self.query, "key": self.key, "scale": 0.3, **contents})

    def attention(self, **rule):
        rule = {"scale": 0.3, **rule}
        return lambda s, l, h: truth.attention_of(self.query[s, l, h], self.key[s, l, h], **rule)

    def test_scale_alone_gives_a_plain_softmax(self):
        self.assert_sigma(self.dump(), self.attention())

    def test_without_a_scale_one_over_the_root_of_head_dim_is_taken(self):
        self.assert_sigma(self.dump(scale=None), self.attention(scale=D ** -0.5))

    def test_softcap_bends_the_logits_before_the_softmax(self):
        self.assert_sigma(self.dump(softcap=1.5), self.attention(softcap=1.5))

    def test_causal_and_sliding_masks_hide_what_the_format_says(self):
        for mask in ("causal", "sliding:1", "sliding:4", "sliding:19", "sliding:100"):
            with self.subTest(mask=mask):
                self.assert_sigma(self.dump(mask_kind=mask), self.attention(mask=mask))

    def test_rules_may_differ_by_layer(self):
        masks, scales, caps = ["causal", "sliding:3", "bidirectional"], np.array([0.1, 0.5, 0.9]), np.array([0.0, 2.0, 5.0])

        self.assert_sigma(self.dump(mask_kind=masks, scale=scales, softcap=caps),
                          lambda s, l, h: truth.attention_of(self.query[s, l, h], self.key[s, l, h], scales[l], caps[l], mask=masks[l]))

    def test_bias_is_added_after_the_softcap_and_before_the_mask(self):
        for layers in (1, LAYERS):
            bias = normals(3, layers, HEADS, N, N).astype(np.float32)
            with self.subTest(layers=layers):
                self.assert_sigma(self.dump(bias=bias, softcap=2.0, mask_kind="causal"),
                                  lambda s, l, h: truth.attention_of(self.query[s, l, h], self.key[s, l, h], 0.3, 2.0, bias[l % layers, h], "causal"))

    def test_bias_is_cut_with_the_padding_of_each_sample(self):
        bias, lengths, offsets = normals(3, 1, HEADS, N, N), np.array([12, 12]), np.array([7, 3])

        def cut(s, l, h):
            part = slice(offsets[s], offsets[s] + lengths[s])
            return truth.attention_of(self.query[s, l, h, part], self.key[s, l, h, part], 0.3, 0.0, bias[0, h, part, part])

        self.assert_sigma(self.dump(bias=bias, lengths=lengths, offsets=offsets), cut)

    def test_a_bias_of_another_shape_is_refused(self):
        for shape in ((2, HEADS, N, N), (1, HEADS - 1, N, N), (1, HEADS, N - 1, N), (HEADS, N, N)):
            with self.subTest(shape=shape):
                self.spectrum(self.dump(bias=normals(3, *shape)), code=INPUT)

    def test_grouped_query_heads_use_the_kv_head_of_their_group(self):
        self.key = self.key[:, :, :2]
        path = self.dump(n_kv_heads=2)

        self.assert_sigma(path, lambda s, l, h: truth.attention_of(self.query[s, l, h], self.key[s, l, h // 2], 0.3))

    def test_one_kv_head_serves_all_query_heads(self):
        self.key = self.key[:, :, :1]

        self.assert_sigma(self.dump(n_kv_heads=1), lambda s, l, h: truth.attention_of(self.query[s, l, h], self.key[s, l, 0], 0.3))

    def test_kv_heads_that_do_not_divide_the_query_heads_are_refused(self):
        self.key = self.key[:, :, :3]

        self.spectrum(self.dump(n_kv_heads=3), code=INPUT)

    def test_cross_attention_has_as_many_values_as_its_smaller_side(self):
        for keys in (11, 30):
            self.key = normals(4, SAMPLES, LAYERS, HEADS, keys, D)
            with self.subTest(keys=keys):
                results = self.assert_sigma(self.dump(mask_kind="cross", stack="cross"), self.attention(mask="cross"))
                self.assertEqual(set(results.curves.n), {min(N, keys)})

    def test_cross_attention_of_unlike_lengths_is_cut_on_each_side(self):
        self.key = normals(4, SAMPLES, LAYERS, HEADS, 30, D)
        rows, cols = np.array([19, 7]), np.array([25, 30])

        self.assert_sigma(self.dump(mask_kind="cross", lengths=rows, key_lengths=cols),
                          lambda s, l, h: truth.attention_of(self.query[s, l, h, :rows[s]], self.key[s, l, h, :cols[s]], 0.3))

    def test_cross_attention_with_bias_keeps_its_rows_when_only_the_shape_changes(self):
        # 6 x 4 and 4 x 6 have as many entries: a bias kept from the sample before would be taken for this one's.
        self.query, self.key = normals(1, 2, 1, 1, 6, D), normals(2, 2, 1, 1, 6, D)
        bias, rows, cols = normals(3, 1, 1, 6, 6), np.array([6, 4]), np.array([4, 6])

        self.assert_sigma(self.dump(mask_kind="cross", bias=bias, lengths=rows, key_lengths=cols),
                          lambda s, l, h: truth.attention_of(self.query[s, l, h, :rows[s]], self.key[s, l, h, :cols[s]], 0.3, 0.0,
                                                             bias[0, 0, :rows[s], :cols[s]]))

    def test_stored_cross_attention_is_read(self):
        P = np.stack([[[truth.attention_of(self.query[0, 0, h], normals(5, 8, D), 1.0) for h in range(HEADS)]]])

        self.assert_sigma(write_dump(self.path("a.h5"), P, mask_kind="cross"), lambda s, l, h: P[s, l, h])

    def test_padding_on_the_left_is_cut_from_queries_and_keys(self):
        lengths, offsets = np.array([12, 19]), np.array([7, 0])
        self.query[0, ..., :7, :] = np.nan
        self.key[0, ..., :7, :] = np.nan

        def cut(s, l, h):
            part = slice(offsets[s], offsets[s] + lengths[s])
            return truth.attention_of(self.query[s, l, h, part], self.key[s, l, h, part], 0.3, mask="causal")

        self.assert_sigma(self.dump(lengths=lengths, offsets=offsets, mask_kind="causal"), cut)

    def test_queries_and_keys_of_any_storage_give_the_attention_of_what_they_hold(self):
        for store, load in ((np.float16, np.float64), (np.float32, np.float64), (">f2", np.float64), (as_bfloat16, from_bfloat16)):
            pack = store if callable(store) and not isinstance(store, type) else lambda x, store=store: x.astype(store)
            unpack = load if load is from_bfloat16 else lambda x: x.astype(float)
            query, key = pack(self.query), pack(self.key)
            with self.subTest(store=str(store)):
                self.assert_sigma(self.dump(query=query, key=key),
                                  lambda s, l, h: truth.attention_of(unpack(query)[s, l, h], unpack(key)[s, l, h], 0.3))

    def test_logits_of_hundreds_overflow_nothing(self):
        self.query *= 100

        self.assert_sigma(self.dump(), self.attention())

    def test_unlike_head_dims_of_queries_and_keys_are_refused(self):
        self.spectrum(self.dump(key=self.key[..., :5]), code=INPUT)

    def test_queries_without_keys_are_refused(self):
        self.spectrum(self.dump(key=None), code=INPUT)

    def test_a_sink_column_forbids_attention_from_queries_and_keys(self):
        self.spectrum(self.dump(row_sum="at_most_one"), code=INPUT)


if __name__ == "__main__":
    unittest.main()
