#!/usr/bin/env python3
"""verify.csv as pandas reads it, and every kind of dump it is made from: samples, lengths, shared heads, cross attention, biases."""

import unittest

import numpy as np

from support import truth
from support.dumps import as_bfloat16, from_bfloat16, normals, random_attention, softmax, write_dump, write_group_dump
from support.program import ROOT, attnspec
from support.verify import Head, Verifications, each, pick

HEADER = ("dump,model,claim,reading,construction,columns,norm,delta,logits,layer,head,sample,n,d,epsilon,k,k_source,trials,failures,failure_rate,ci_low,"
          "ci_high,row_failure_rate,row_failure_se,claimed_bound,exact_rate,zero_failure_rate,rms_relative_error,rms_predicted,rho,verdict,reason,tested,"
          "exact_upper,rms_se").split(",")
ORDERS = {"claim": ["lemma1", "theorem1", "theorem2"], "reading": ["norm", "inner-relative", "inner-product", "relative", "rowwise", "as-quantified"],
          "construction": ["paper", "gaussian", "zero", "mean", "svd", "pool", "rank-one"], "columns": ["attention", "value", "gaussian", "ones"]}
SORTED_BY = ["claim", "reading", "construction", "columns", "sample", "layer", "head", "epsilon", "k"]
K, EPSILON, TRIALS = 6, 0.5, 9
FEW = ["--k", str(K), "--epsilon", str(EPSILON), "--trials", str(TRIALS)]


class Inputs(Verifications):
    def assert_head(self, table, one, logits="qk", **place):
        """Theorem 1 and Linformer's softmax form of one head against numpy."""
        rows = pick(table, **place)
        for construction, form, reading in (("paper", "linear", "relative"), ("paper", "linear", "rowwise"), ("gaussian", "softmax", "softmax-row-spectral"),
                                            ("gaussian", "softmax", "softmax-all-frobenius"), ("gaussian", "exp", "exp-row-spectral")):
            row, = each(pick(rows, construction=construction, reading=reading))
            measured = one.measure(reading, one.random_errors(construction, form, K, 0, range(TRIALS)), EPSILON)
            self.measured_values(row, measured)
            self.assertEqual((row.n, row.d), (one.tokens, one.V.shape[1]))
            if reading in ("relative", "softmax-row-spectral"):
                self.assert_close(row.rms_relative_error, measured.rms, row)
            if form != "linear":
                self.assertEqual(row.logits, logits)


class Table(Inputs):
    def setUp(self):
        super().setUp()
        shape = (2, 2, 2, 20)
        self.dumps = [write_dump(self.path("b.h5"), query=normals(1, *shape, 4), key=normals(2, *shape, 4), value=normals(3, *shape, 3), scale=0.5,
                                 model_id="one, \"two\""),
                      write_dump(self.path("a.h5"), random_attention(4, 1, 1, 2, 24, 24), model_id="bare")]

    def rank(self, column, values):
        order = ORDERS.get(column)
        return values if order is None else values.map(lambda name: order.index(name) if name in order else len(order))

    def assert_sorted(self, table):
        keys = [tuple(key) for key in zip(*(self.rank(column, table[column]).fillna(0) for column in SORTED_BY))]
        names = list(table.reading)
        for before, after, name, next_name in zip(keys, keys[1:], names, names[1:]):
            # Theorem 2's readings, all of one rank, by name.
            self.assertLessEqual((*before[:2], name, *before[2:]), (*after[:2], next_name, *after[2:]))

    def test_columns_are_those_of_the_contract_in_its_order(self):
        table = self.verify(*self.dumps, *FEW, "--samples", "0").table

        self.assertEqual(list(table.columns), HEADER)
        page = (ROOT / "docs" / "verify.md").read_text()
        self.assertEqual([name for name in HEADER[2:] if f"`{name}`" not in page], [])

    def test_rows_are_sorted_and_each_is_there_once(self):
        table = self.verify(self.dumps[0], "--samples", "0-1", "--trials", "8").table

        self.assert_sorted(table)
        self.assertEqual(set(table["sample"]), {0, 1})
        self.assertFalse(table.duplicated([*SORTED_BY, "k_source"]).any())

    def test_several_dumps_follow_each_other_as_they_were_given(self):
        both = self.verify(*self.dumps, *FEW).table
        alone = [self.verify(dump, *FEW).table for dump in self.dumps]

        self.assertEqual(list(both.dump.unique()), self.dumps)
        self.assertEqual(list(both.model.unique()), ["one, \"two\"", "bare"])
        for dump, single in zip(self.dumps, alone):
            mine = pick(both, dump=dump).reset_index(drop=True)
            self.assertEqual(mine.drop(columns=["delta"]).astype(str).values.tolist(), single.drop(columns=["delta"]).astype(str).values.tolist())

    def test_what_means_nothing_is_empty(self):
        table = self.verify(self.dumps[0], *FEW).table
        theorem1, theorem2, lemma1 = (pick(table, claim=claim) for claim in ("theorem1", "theorem2", "lemma1"))
        random = table.construction.isin(("paper", "gaussian"))

        for column in ("norm", "delta", "logits", "zero_failure_rate", "rms_relative_error", "rms_predicted", "rho"):
            self.assertTrue(lemma1[column].isna().all(), column)
        for column in ("norm", "delta", "logits"):
            self.assertTrue(theorem1[column].isna().all(), column)
        for column in ("rho", "exact_upper"):
            self.assertTrue(theorem2[column].isna().all(), column)
        self.assertTrue((theorem2.delta.notna() == theorem2.construction.eq("paper")).all())
        self.assertTrue((table.exact_upper.notna() == (table.reading.eq("rowwise") & table.construction.eq("paper"))).all())
        self.assertTrue(table[~random & table.claim.ne("lemma1")].rms_predicted.isna().all())
        for column in ("dump", "model", "claim", "reading", "construction", "columns", "layer", "head", "sample", "n", "verdict", "reason", "trials", "failures"):
            self.assertTrue(table[column].notna().all(), column)
        self.assertEqual(table[["layer", "head", "sample", "n", "trials", "failures"]].dtypes.astype(str).unique().tolist(), ["int64"])

    def test_constructions_that_are_chosen_are_the_only_rows(self):
        for word, names in (("zero", {"zero"}), ("paper,svd", {"paper", "svd", "rank-one"}), ("pool,mean,gaussian", {"pool", "mean", "gaussian"})):
            table = self.verify(self.dumps[0], *FEW, "--claim", "theorem1,theorem2", "--construction", word).table
            self.assertEqual(set(table.construction), names)

    def test_repeated_and_unsorted_lists_are_sets(self):
        one = self.verify(self.dumps[1], "--trials", "8", "--k", "4,9", "--epsilon", "0.3,0.5").bytes_of("verify.csv")
        other = self.verify(self.dumps[1], "--trials", "8", "--k", "9,4,9", "--epsilon", "0.5,0.3,0.5").bytes_of("verify.csv")

        self.assertEqual(one, other)

    def test_pooling_into_more_runs_than_tokens_is_no_row(self):
        table = self.verify(self.dumps[0], "--trials", "8", "--k", "20,21", "--claim", "theorem2").table

        self.assertEqual(set(pick(table, construction="pool").k), {20})
        self.assertEqual(set(pick(table, construction="svd").k), {20, 21})


class Samples(Inputs):
    def test_the_first_sample_is_taken_where_none_is_asked_for(self):
        P, V = random_attention(1, 3, 1, 2, 16, 16), normals(2, 3, 1, 2, 16, 3)
        dump = write_dump(self.path("a.h5"), P, value=V)
        for words, samples in (([], {0}), (["--samples", "0-1"], {0, 1}), (["--samples", "2"], {2})):
            table = self.verify(dump, *FEW, *words).table
            self.assertEqual(set(table["sample"]), samples)
            for sample in samples:
                for head in range(2):
                    self.assert_head(table, Head(P[sample, 0, head], V[sample, 0, head], np.log(P[sample, 0, head])), "log_p", sample=sample, head=head)

    def test_padding_on_either_side_is_cut_from_every_tensor(self):
        lengths, offsets = np.array([24, 13, 20]), np.array([0, 5, 4])
        tensors = [normals(seed, 3, 1, 2, 24, width) for seed, width in ((1, 4), (2, 4), (3, 3))]
        for tensor in tensors:
            for sample in range(3):
                tensor[sample, ..., :offsets[sample], :] = tensor[sample, ..., offsets[sample] + lengths[sample]:, :] = np.nan
        Q, key, V = tensors
        dump = write_dump(self.path("a.h5"), query=Q, key=key, value=V, scale=0.5, lengths=lengths, offsets=offsets)
        table = self.verify(dump, *FEW, "--samples", "0-2").table

        for sample, head in np.ndindex(3, 2):
            place = (sample, 0, head, slice(offsets[sample], offsets[sample] + lengths[sample]))
            A = 0.5 * Q[place] @ key[place].T
            self.assert_head(table, Head(softmax(A), V[place], A), sample=sample, head=head)

    def test_length_chooses_the_samples_of_that_length(self):
        parts = [random_attention(5, 1, 1, 12, 12), random_attention(6, 1, 1, 17, 17), random_attention(7, 1, 1, 17, 17)]
        dump = write_group_dump(self.path("a.h5"), parts)
        table = self.verify(dump, *FEW, "--length", "17").table

        self.assertEqual((set(table["sample"]), set(table.n)), ({1}, {17}))
        self.assert_rho(table, parts[1][0, 0])

    def assert_rho(self, table, P):
        rho = np.linalg.norm(P) * np.sqrt(P.shape[1]) / np.linalg.norm(P.sum(1))
        self.assert_close(pick(table, reading="relative", construction="paper", columns="ones").rho, rho)


class Models(Inputs):
    def test_query_heads_share_the_keys_and_values_of_their_group(self):
        Q, key, V = normals(1, 1, 2, 6, 20, 4), normals(2, 1, 2, 2, 20, 4), normals(3, 1, 2, 2, 20, 3)
        P = softmax(0.5 * Q @ np.repeat(key, 3, 2).swapaxes(-1, -2))
        tables = [self.verify(write_dump(self.path("a.h5"), attention, query=Q, key=key, value=V, scale=0.5, n_kv_heads=2), *FEW).table for attention in (None, P)]

        for table in tables:
            for layer, head in np.ndindex(2, 6):
                A = 0.5 * Q[0, layer, head] @ key[0, layer, head // 3].T
                self.assert_head(table, Head(softmax(A), V[0, layer, head // 3], A), layer=layer, head=head)

    def test_cross_attention_has_other_keys_than_queries(self):
        for queries, keys in ((14, 27), (27, 14)):
            Q, key, V = normals(1, 1, 1, 2, queries, 4), normals(2, 1, 1, 2, keys, 4), normals(3, 1, 1, 2, keys, 3)
            dump = write_dump(self.path("a.h5"), query=Q, key=key, value=V, scale=0.5, mask_kind="cross", stack="cross")
            table = self.verify(dump, *FEW).table
            for head in range(2):
                A = 0.5 * Q[0, 0, head] @ key[0, 0, head].T
                one = Head(softmax(A), V[0, 0, head], A)
                self.assert_head(table, one, head=head)
                bound = 2 * queries * np.exp(-(EPSILON ** 2 - EPSILON ** 3) * K / 4)            # over the rows there are
                self.assert_close(pick(table, head=head, reading="rowwise").claimed_bound, bound)
                row, = each(pick(table, head=head, construction="pool", reading="softmax-row-spectral"))
                self.measured_values(row, one.measure("softmax-row-spectral", one.baseline_error("pool", K), EPSILON), trials=TRIALS)
                self.assert_close(row.rms_relative_error, np.linalg.norm(one.baseline_error("pool", K)) / np.linalg.norm(one.target), row)

    def test_soft_caps_and_biases_are_in_the_logits(self):
        Q, key, V, bias = normals(1, 1, 2, 2, 20, 4), normals(2, 1, 2, 2, 20, 4), normals(3, 1, 2, 2, 20, 3), normals(4, 2, 2, 20, 20)
        for words in (dict(softcap=1.5), dict(bias=bias), dict(bias=bias[:1], softcap=1.5)):
            with self.subTest(**{name: np.shape(value) for name, value in words.items()}):
                table = self.verify(write_dump(self.path("a.h5"), query=Q, key=key, value=V, scale=0.5, **words), *FEW).table
                for layer, head in np.ndindex(2, 2):
                    A = 0.5 * Q[0, layer, head] @ key[0, layer, head].T
                    if "softcap" in words:
                        A = 1.5 * np.tanh(A / 1.5)
                    if "bias" in words:
                        A = A + words["bias"][layer % len(words["bias"]), head]
                    self.assert_head(table, Head(softmax(A), V[0, layer, head], A), layer=layer, head=head)

    def test_causal_attention_is_tried_by_theorem_1_with_its_values(self):
        Q, key, V = normals(1, 1, 1, 1, 20, 4), normals(2, 1, 1, 1, 20, 4), normals(3, 1, 1, 1, 20, 3)
        table = self.verify(write_dump(self.path("a.h5"), query=Q, key=key, value=V, scale=0.5, mask_kind="causal"), *FEW).table
        one = Head(truth.attention_of(Q[0, 0, 0], key[0, 0, 0], 0.5, mask="causal"), V[0, 0, 0])
        for reading in ("relative", "rowwise"):
            row, = each(pick(table, construction="paper", reading=reading))
            self.measured_values(row, one.measure(reading, one.random_errors("paper", "linear", K, 0, range(TRIALS)), EPSILON))

    def test_values_in_bfloat16_are_read_by_their_bits(self):
        P, bits = random_attention(1, 1, 1, 1, 20, 20), as_bfloat16(normals(2, 1, 1, 1, 20, 3))
        table = self.verify(write_dump(self.path("a.h5"), P, value=bits), *FEW).table

        self.assert_head(table, Head(P[0, 0, 0], from_bfloat16(bits)[0, 0, 0], np.log(P[0, 0, 0])), "log_p")

    def test_a_sequence_on_which_the_papers_delta_underflows_says_so(self):
        n = 1100
        dump = write_dump(self.path("a.h5"), softmax(normals(1, 1, 1, 1, n, n)).astype(np.float32))
        words = ["--claim", "theorem2", "--construction", "paper", "--k", "8", "--epsilon", "0.5", "--trials", "8", "--columns", "ones"]
        found, limit = self.verify(dump, *words).table, self.verify(dump, *words, "--delta", "0").table

        self.assertEqual((set(found.delta), set(limit.delta)), ({"2^-n (its limit, 0)"}, {"0"}))
        self.assertTrue(found.drop(columns="delta").equals(limit.drop(columns="delta")))
        self.assertTrue(pick(found, reading="softmax-row-frobenius").exact_rate.notna().all())

    def test_values_of_zero_stop_nothing(self):
        V = normals(2, 1, 1, 2, 20, 3)
        V[0, 0, 0] = 0
        dump = write_dump(self.path("a.h5"), random_attention(1, 1, 1, 2, 20, 20), value=V)
        outcome = attnspec("verify", dump, "-o", self.path("out"), "--trials", "8")

        self.assertEqual(outcome.code, 0, outcome.stderr)
        self.assertNotIn("nan", outcome.stdout)


if __name__ == "__main__":
    unittest.main()
