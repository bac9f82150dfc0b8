"""One dump from start to end: a probe pass that finds out what the model does, then one sample after the other."""

from dataclasses import dataclass

import numpy
import torch

from attention_dump import PARTS, checks
from attention_dump.destination import check_space, size_text
from attention_dump.dumpfile import DumpFile, from_storage, to_storage
from attention_dump.errors import INPUT_REFUSED, USAGE, DumpError
from attention_dump.layer_facts import check_capture, check_same_shape, learn_layer, residual, share_bias
from attention_dump.progress import Progress


@dataclass
class DumpRequest:
    """What to store and how."""
    path: str
    store: tuple            # of PARTS
    dtype: str              # f16, f32, bf16
    compress: bool
    layers: tuple           # None: all
    check_all: bool
    attributes: dict        # model_id, text_sha256: known before the model runs
    quiet: bool


class Dumper:
    """Runs the model over samples and writes the dump; `say` takes one sentence for the user."""

    def __init__(self, model, request, say):
        self._model, self._request, self._say = model, request, say
        self._dtypes = (request.dtype, model.compute)
        self._tolerance = max(checks.QK_TOLERANCE[dtype] for dtype in self._dtypes)
        self._store = set(request.store)

    def dump(self, samples):
        self._probe(max(samples, key=len))
        self._choose_parts()
        check_space(self._request.path, 0 if self._request.compress else self._bytes(len(samples)))
        self._say_what_is_written(len(samples))
        with DumpFile(self._request.path, self._request.dtype, self._request.compress) as file:
            self._create(file, len(samples))
            self._write_samples(file, samples)
            file.set_attributes(self._attributes())
            file.finish()

    # The probe pass.

    def _probe(self, ids):
        facts = {}

        def learn(layer, capture):
            if self._selected(layer):
                facts[layer] = learn_layer(capture, self._model)
                if self._wants_qk() and capture.query is not None:
                    facts[layer].residual = residual(capture, facts[layer], self._request.dtype)
                    facts[layer].exact_residual = residual(capture, facts[layer], "f32")

        seen = self._model.run(ids, learn)
        if seen == 0:
            raise DumpError(INPUT_REFUSED, "the model returned no attention, neither through transformers' attention "
                                           "interface nor through output_attentions; it cannot be dumped")
        self._layers = sorted(facts)
        unknown = [layer for layer in self._request.layers or () if layer >= seen]
        if unknown:
            raise DumpError(USAGE, f"--layers names layer {unknown[0]}, the model has layers 0 to {seen - 1}")
        self._facts = [facts[layer] for layer in self._layers]
        self._layers_seen = seen
        check_same_shape(self._layers, self._facts)
        share_bias(self._facts)

    def _choose_parts(self):
        if not self._model.gives_qk:
            self._choose_attention_only()
        elif self._wants_qk():
            self._say_whether_qk_give_p()

    def _choose_attention_only(self):
        hidden = [part for part in PARTS[1:] if part in self._store]
        if hidden and "attention" not in self._store:
            raise DumpError(INPUT_REFUSED, f"this model does not show its {', '.join(hidden)}; store P: --store attention")
        if hidden:
            self._say(f"this model does not show its {', '.join(hidden)}: attention alone is stored")
        self._store = {"attention"}

    def _say_whether_qk_give_p(self):
        worst = max(range(len(self._facts)), key=lambda i: self._facts[i].residual)
        missed = self._facts[worst].residual
        if self._qk_give_p():
            self._say(f"P recomputed from the stored query and key differs from the model's by at most {missed:.2g} "
                      f"(tolerance {self._tolerance:.2g})")
            return
        also = "" if "attention" in self._store else ", so attention is stored too"
        self._say(f"P recomputed from the stored query and key misses the model's by {missed:.2g} in layer "
                  f"{self._layers[worst]} (tolerance {self._tolerance:.2g}; {self._likely_cause()}){also}")
        self._store.add("attention")

    def _qk_give_p(self):
        return self._formula_holds() and all(facts.residual <= self._tolerance for facts in self._facts)

    def _formula_holds(self):
        return all(facts.exact_residual <= checks.QK_TOLERANCE[self._model.compute] for facts in self._facts)

    def _likely_cause(self):
        if any(facts.has_sink for facts in self._facts):
            return "the model drops a sink column"
        if not all(facts.mask_is_exact for facts in self._facts):
            return "its mask has no name in the dump format"
        if not self._formula_holds():
            return "the model does more to its logits than the dump can say"
        return f"rounding to {self._request.dtype}; --dtype f32 avoids it"

    def _say_what_is_written(self, count):
        first, compressed = self._facts[0], " before compression" if self._request.compress else ""
        self._say(f"writing {_counted(count, 'sample')} x {_counted(len(self._facts), 'layer')} x "
                  f"{_counted(first.heads, 'head')}, {first.rows} x {first.columns}: {', '.join(self._shapes(count))} in "
                  f"{self._request.dtype}, {size_text(self._bytes(count))}{compressed}")

    # The samples.

    def _create(self, file, count):
        for part, shape in self._shapes(count).items():
            file.create(part, shape)

    def _write_samples(self, file, samples):
        progress = Progress(len(samples), len(self._layers), self._request.quiet)
        lengths = numpy.zeros((len(samples), 2), dtype=numpy.int64)
        input_ids = numpy.full((len(samples), self._facts[0].rows), -1, dtype=numpy.int32)
        try:
            for sample, ids in enumerate(samples):
                tokens = self._model.query_ids(ids)
                input_ids[sample, :len(tokens)] = tokens
                lengths[sample] = self._write_sample(file, sample, ids, progress)
                file.flush()
        finally:
            progress.close()
        file.write_whole("input_ids", input_ids)
        if len(set(map(len, samples))) > 1:
            file.write_whole("lengths", lengths[:, 0])
            if self._model.stack == "cross":
                file.write_whole("key_lengths", lengths[:, 1])
        if self._wants_qk():
            self._write_bias(file)

    def _write_sample(self, file, sample, ids, progress):
        written = []

        def write(layer, capture):
            if not self._selected(layer):
                return
            position = self._layers.index(layer)
            where = f"sample {sample}, layer {layer}"
            check_capture(capture, self._facts[position], where, self._wants_qk())
            self._write_layer(file, sample, position, capture, where)
            written.append(capture.attention.shape[1:])
            progress.layer_done(sample, position)

        seen = self._model.run(ids, write)
        if seen != self._layers_seen:
            raise DumpError(INPUT_REFUSED, f"sample {sample}: {seen} layers gave attention, the first pass gave "
                                           f"{self._layers_seen}; a model that skips layers cannot be dumped")
        return written[0]

    def _write_layer(self, file, sample, position, capture, where):
        facts = self._facts[position]
        attention = to_storage(capture.attention, self._request.dtype)
        if "attention" in self._store or self._request.check_all:
            tolerance = checks.row_sum_tolerance(self._dtypes, attention.shape[2])
            checks.check_probabilities(from_storage(attention, self._request.dtype), where, tolerance, facts.has_sink)
        if "attention" in self._store:
            file.write_layer("attention", sample, position, attention)
        for part in ("query", "key", "value"):
            if part in self._store:
                file.write_layer(part, sample, position, self._rounded(capture, part, where))
        if self._wants_qk() and self._request.check_all:
            facts.residual = max(facts.residual, residual(capture, facts, self._request.dtype))
            self._refuse_late_residual(facts.residual, where)

    def _rounded(self, capture, part, where):
        tensor = getattr(capture, part)
        array = to_storage(tensor, self._request.dtype)
        if not bool(torch.isfinite(from_storage(array, self._request.dtype)).all()):
            raise DumpError(INPUT_REFUSED, f"{where}: a {part} reaches {float(tensor.abs().max()):.3g}, too large for "
                                           f"{self._request.dtype}; take --dtype f32 or bf16")
        return array

    def _refuse_late_residual(self, missed, where):
        if missed > self._tolerance and "attention" not in self._store:
            raise DumpError(INPUT_REFUSED,
                            f"{where}: P recomputed from the stored query and key misses the model's by {missed:.2g} "
                            f"(tolerance {self._tolerance:.2g}); run again with --dtype f32, or with --store attention")

    def _write_bias(self, file):
        biases = [facts.bias for facts in self._facts]
        if all(bias is None for bias in biases):
            return
        facts = self._facts[0]
        shape = (facts.heads, facts.rows, facts.columns)
        kept = biases[:1] if all(bias is biases[0] for bias in biases) else biases
        whole = [torch.zeros(shape) if bias is None else bias.expand(shape) for bias in kept]
        file.write_whole("bias", torch.stack(whole).numpy())

    # What the dump says about itself.

    def _attributes(self):
        first = self._facts[0]
        attributes = dict(self._request.attributes)
        attributes.update({name: numpy.int64(value) for name, value in (
            ("n_layers", len(self._facts)), ("n_heads", first.heads), ("n_kv_heads", first.kv_heads),
            ("head_dim", first.head_dim))})
        attributes["mask_kind"] = _one_or_each([facts.mask_kind for facts in self._facts])
        if self._model.gives_qk:
            attributes["scale"] = _one_or_each([facts.scale for facts in self._facts])
            attributes["softcap"] = _one_or_each([facts.softcap for facts in self._facts])
        attributes["row_sum"] = "at_most_one" if any(facts.has_sink for facts in self._facts) else "one"
        attributes["stage"] = "probs"
        attributes["stack"] = self._stack_name(first)
        attributes["dtype"] = self._request.dtype
        if self._request.layers is not None:
            attributes["layers"] = numpy.array(self._layers, dtype=numpy.int64)
        if self._wants_qk():
            attributes["qk_residual"] = numpy.array([facts.residual for facts in self._facts])
            attributes["qk_tolerance"] = self._tolerance
            attributes["qk_gives_attention"] = numpy.int8(self._qk_give_p())
        return attributes

    def _stack_name(self, facts):
        if self._model.is_encoder_decoder:
            return self._model.stack
        return "decoder" if facts.mask_kind == "causal" or facts.mask_kind.startswith("sliding") else "encoder"

    def _shapes(self, count):
        facts, layers = self._facts[0], len(self._facts)
        rows, columns = facts.rows, facts.columns
        shapes = {"attention": (count, layers, facts.heads, rows, columns)}
        if self._model.gives_qk:
            shapes["query"] = (count, layers, facts.heads, rows, facts.head_dim)
            shapes["key"] = (count, layers, facts.kv_heads, columns, facts.head_dim)
            shapes["value"] = (count, layers, facts.kv_heads, columns, facts.value_dim)
        return {part: shapes[part] for part in PARTS if part in self._store}

    def _bytes(self, count):
        size = 4 if self._request.dtype == "f32" else 2
        return size * sum(int(numpy.prod(shape)) for shape in self._shapes(count).values())

    def _selected(self, layer):
        return self._request.layers is None or layer in self._request.layers

    def _wants_qk(self):
        return {"query", "key"} <= self._store


def _counted(number, noun):
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _one_or_each(values):
    """A scalar where every layer has the same value, else one value a layer."""
    if all(value == values[0] for value in values):
        return values[0]
    return values if isinstance(values[0], str) else numpy.array(values, dtype=numpy.float64)
