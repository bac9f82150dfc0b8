"""A Hugging Face model made ready to be recorded, and one forward pass of it."""

import inspect
import os
from dataclasses import dataclass

import torch
import transformers

from attention_dump import recorder
from attention_dump.errors import INPUT_REFUSED, USAGE, DumpError, first_line
from attention_dump.recorder import LayerCapture, NotRecordable
from attention_dump.samples import ByteEncoder, TokenizerEncoder

LONGEST_DEFAULT = 512
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.txt", "vocab.json", "spiece.model",
                   "sentencepiece.bpe.model")
TORCH_DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


@dataclass
class ModelRequest:
    """Which weights to load and how to run them."""
    name: str
    tokenizer: str = None
    random_seed: int = None         # None: the weights of the checkpoint
    compute: str = "f32"
    device: str = "cpu"
    stack: str = None               # encoder, decoder or cross; None: the model's only or first one


class AttentionModel:
    """One stack of attention layers; `run(ids, consumer)` hands over its layers in order, for one sample.

    `gives_qk` is False where a model does not go through transformers' attention interface: P alone is known then.
    """

    def __init__(self, request, say):
        self._request, self._say = request, say
        transformers.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        recorder.install()
        self.config = self._load_config()
        self._text_config = self.config.get_text_config(decoder=True) if _nested(self.config) else self.config
        self.is_encoder_decoder = bool(getattr(self.config, "is_encoder_decoder", False))
        self._stack_of_module = None
        self.gives_qk = True
        self._load_or_reload()

    @property
    def compute(self):
        return self._request.compute

    @property
    def stack(self):
        return self._request.stack or ("decoder" if self._listens() else "encoder")

    def encoder(self):
        """What turns text into token ids."""
        name = self._request.tokenizer or self._request.name
        is_folder = os.path.isdir(name)
        if not is_folder or any(os.path.exists(os.path.join(name, file)) for file in TOKENIZER_FILES):
            try:
                return TokenizerEncoder(transformers.AutoTokenizer.from_pretrained(name))
            except Exception as error:      # transformers raises whatever its parsers raise
                reason = first_line(error)
        else:
            reason = "none of " + ", ".join(TOKENIZER_FILES)
        if self._request.random_seed is None or self._request.tokenizer:
            raise DumpError(INPUT_REFUSED, f"{name}: no tokenizer could be loaded ({reason}); "
                                           "name one that fits the model: --tokenizer ID_OR_FOLDER")
        self._say(f"{name} has no tokenizer; the text's bytes are the token ids")
        return ByteEncoder(self.vocabulary)

    @property
    def vocabulary(self):
        return int(self._text_config.vocab_size)

    def length_limit(self):
        """(positions, what limits them): the longest sample that the model takes; (None, "") where nothing limits it."""
        config = self._text_config
        if self._listens() and getattr(config, "max_target_positions", None):
            return int(config.max_target_positions), "max_target_positions"
        positions = getattr(config, "max_position_embeddings", None)
        if not positions:
            return None, ""
        return int(positions) - self._reserved_positions(), "max_position_embeddings"

    def run(self, ids, consumer):
        """One forward pass; `consumer(layer, LayerCapture)` is called once a layer of the chosen stack."""
        inputs = self._inputs(ids)
        if not self.gives_qk:
            return self._run_for_outputs(inputs, consumer)
        layer = 0

        def keep(capture):
            nonlocal layer
            if self._stack_of_module and self._stack_of_module.get(id(capture.module)) != self.stack:
                return
            consumer(layer, capture)
            layer += 1

        self._forward(inputs, keep)
        return layer

    def query_ids(self, ids):
        """The token at each query position: a text decoder sees the sample shifted by one."""
        if self.is_encoder_decoder and self.stack != "encoder" and not self._listens():
            return self._shifted(torch.tensor([ids]))[0].tolist()
        return ids

    def describe(self):
        """head_dim and kv_heads where only P was seen, as far as the config tells."""
        config = self._text_config
        heads = int(config.num_attention_heads)
        return {"kv_heads": int(getattr(config, "num_key_value_heads", None) or heads),
                "head_dim": int(getattr(config, "head_dim", None) or config.hidden_size // heads)}

    def _load_config(self):
        name = self._request.name
        if os.path.isdir(name) and not os.path.exists(os.path.join(name, "config.json")):
            raise DumpError(INPUT_REFUSED, f"{name}: the folder has no config.json; "
                                           "give a folder written by save_pretrained, or a hub id")
        try:
            return transformers.AutoConfig.from_pretrained(name)
        except Exception as error:
            raise DumpError(INPUT_REFUSED, f"{name}: no such model ({first_line(error)}); give a folder with config.json "
                                           "or a hub id such as google-bert/bert-base-uncased, and check the network") from None

    def _load_or_reload(self):
        self._check_stack()
        try:
            self._model = self._load(recorder.IMPLEMENTATION)
            if self.is_encoder_decoder:
                self._stack_of_module = self._probe_stacks()
            elif self._count_calls() == 0:
                raise NotRecordable(f"{type(self._model).__name__} does not use transformers' attention interface")
        except NotRecordable as error:
            self._say(f"{error}; its P is taken through output_attentions, Q and K cannot be")
            self.gives_qk = False
            self._model = self._load("eager")

    def _check_stack(self):
        stack = self._request.stack
        if stack is None or self.is_encoder_decoder:
            return
        raise DumpError(USAGE, f"--stack {stack}: {self._request.name} ({self.config.model_type}) has one stack only; "
                               "leave --stack out")

    def _load(self, implementation):
        request, dtype = self._request, TORCH_DTYPES[self._request.compute]
        try:
            if request.random_seed is not None:
                torch.manual_seed(request.random_seed)
                model = transformers.AutoModel.from_config(self.config, attn_implementation=implementation, dtype=dtype)
            else:
                model, report = transformers.AutoModel.from_pretrained(
                    request.name, attn_implementation=implementation, dtype=dtype, output_loading_info=True)
                self._report_missing(report)
            model = model.to(request.device).eval()
        except Exception as error:
            if recorder.IMPLEMENTATION in str(error):
                raise NotRecordable(f"{self.config.model_type} does not know transformers' attention interface") from None
            raise DumpError(INPUT_REFUSED,
                            f"{request.name}: the model could not be loaded ({first_line(error)}); check that the folder holds "
                            "its weights, or give --random-weights SEED for a model without any") from None
        for config in (model.config, self._text_config):
            config.use_cache = False
        self._check_input(model.main_input_name)
        return model

    def _report_missing(self, report):
        missing = sorted(key for key in report["missing_keys"] if "pooler" not in key)
        if missing:
            self._say(f"warning: {len(missing)} weights are not in the checkpoint and are random, {missing[0]} for one")

    def _check_input(self, reads):
        self._reads = reads
        if reads != "input_ids" and not self._listens():
            raise DumpError(INPUT_REFUSED, f"{self._request.name} ({self.config.model_type}) reads {reads}, not text; "
                                           "take a text model, or the text part of this one")
        if not self._listens():
            return
        if self.stack == "encoder":
            raise DumpError(USAGE, f"--stack encoder: the encoder of {self._request.name} reads {reads}, not text; "
                                   "take --stack decoder or --stack cross")
        self._say("this model listens: its encoder gets seeded noise, so only the decoder's own attention means something")

    def _listens(self):
        """A speech model such as Whisper: the text goes to its decoder."""
        return self.is_encoder_decoder and self._reads == "input_features"

    def _reserved_positions(self):
        # RoBERTa and its kin count positions from padding_idx + 1.
        for name, module in self._model.named_modules():
            if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
                return module.padding_idx + 1
        return 0

    def _inputs(self, ids):
        """The arguments of one forward pass; a decoder beside an encoder gets the same text, shifted by one."""
        tokens = torch.tensor([ids], device=self._request.device)
        accepted = inspect.signature(self._model.forward).parameters
        if self._listens():
            return {"input_features": self._noise(), "decoder_input_ids": tokens}
        inputs = {"input_ids": tokens}
        if "attention_mask" in accepted:
            inputs["attention_mask"] = torch.ones_like(tokens)
        if self.is_encoder_decoder:
            inputs["decoder_input_ids"] = self._shifted(tokens)
        return inputs

    def _shifted(self, tokens):
        start = getattr(self.config, "decoder_start_token_id", None)
        start = self.config.pad_token_id if start is None else start
        first = torch.full_like(tokens[:, :1], 0 if start is None else start)
        return torch.cat([first, tokens[:, :-1]], dim=1)

    def _noise(self):
        generator = torch.Generator().manual_seed(0)
        frames = 2 * self.config.max_source_positions
        noise = torch.randn(1, self.config.num_mel_bins, frames, generator=generator)
        return noise.to(self._request.device, TORCH_DTYPES[self._request.compute])

    def _count_calls(self):
        calls = 0

        def count(_):
            nonlocal calls
            calls += 1

        self._forward(self._inputs([1, 2, 3]), count)
        return calls

    def _probe_stacks(self):
        """Which stack each attention module belongs to, told by lengths: the encoder sees 12 tokens, the decoder 7."""
        inputs = self._inputs(list(range(1, 13)))
        inputs["decoder_input_ids"] = torch.arange(1, 8, device=self._request.device)[None]
        stacks = {}

        def classify(capture):
            rows, columns = capture.attention.shape[1:]
            stack = "encoder" if rows != 7 else "decoder" if columns == 7 else "cross"
            stacks[id(capture.module)] = stack

        self._forward(inputs, classify)
        if self.stack not in stacks.values():
            raise NotRecordable(f"the {self.stack} of {type(self._model).__name__} does not use transformers' attention interface")
        return stacks

    def _forward(self, inputs, consumer, **options):
        try:
            with torch.inference_mode():
                return recorder.captures_of(lambda: self._model(**inputs, **options), consumer)
        except (DumpError, NotRecordable):
            raise
        except Exception as error:      # out of memory, an input the model does not take: torch has no class for each
            raise DumpError(INPUT_REFUSED, f"{self._request.name}: the forward pass failed ({type(error).__name__}: "
                                           f"{first_line(error)}); try a smaller --length, or --device cpu") from error

    def _run_for_outputs(self, inputs, consumer):
        outputs = self._forward(inputs, None, output_attentions=True)
        names = {"encoder": "encoder_attentions", "decoder": "decoder_attentions", "cross": "cross_attentions"}
        layers = getattr(outputs, names[self.stack] if self.is_encoder_decoder else "attentions", None) or ()
        seen = 0
        for attention in layers:
            if attention is None:       # a layer without attention in a hybrid model
                continue
            consumer(seen, LayerCapture(module=None, attention=attention[0]))
            seen += 1
        return seen


def _nested(config):
    return not hasattr(config, "vocab_size")
