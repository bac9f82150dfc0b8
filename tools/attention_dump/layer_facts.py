"""What is the same for every sample of one layer: learnt from one sample, held against all others."""

from dataclasses import dataclass

import torch

from attention_dump import checks
from attention_dump.dumpfile import from_storage, to_storage
from attention_dump.errors import INPUT_REFUSED, DumpError


@dataclass
class LayerFacts:
    """Shapes, scale, mask and bias of a layer; what only Q and K can tell is None where P alone is known."""
    heads: int
    rows: int
    columns: int
    kv_heads: int
    head_dim: int
    value_dim: int = None
    scale: float = None
    softcap: float = 0.0
    mask_kind: str = "bidirectional"
    mask_is_exact: bool = True
    bias: torch.Tensor = None       # [H or 1, rows, columns]
    has_sink: bool = False
    residual: float = 0.0           # largest difference of P and the P recomputed from the stored Q and K
    exact_residual: float = 0.0     # the same from Q and K before they are rounded: what the dump's formula itself misses

    def shape(self):
        return self.heads, self.kv_heads, self.head_dim, self.value_dim


def learn_layer(capture, model):
    """The facts of one layer from the longest sample, whose mask and bias contain those of all others."""
    heads, rows, columns = capture.attention.shape
    cross = model.stack == "cross"
    if capture.query is None:
        kind, _ = checks.mask_kind((capture.attention > 0).any(dim=0), (rows, columns), cross)
        return LayerFacts(heads, rows, columns, **model.describe(), mask_kind=kind)
    kind, exact = checks.mask_kind(capture.allowed, (rows, columns), cross)
    return LayerFacts(
        heads, rows, columns, kv_heads=capture.key.shape[0], head_dim=capture.query.shape[2],
        value_dim=capture.value.shape[2], scale=capture.scale, softcap=capture.softcap, mask_kind=kind, mask_is_exact=exact,
        bias=None if capture.bias is None else capture.bias.float().cpu().clone(), has_sink=capture.has_sink)


def check_same_shape(layers, facts):
    """A dump holds layers of one shape. Throws DumpError at the first that differs from the first of all."""
    for layer, found in zip(layers, facts):
        if found.shape() != facts[0].shape():
            same = ",".join(str(l) for l, f in zip(layers, facts) if f.shape() == facts[0].shape())
            raise DumpError(INPUT_REFUSED,
                            f"layer {layer} has (heads, kv heads, head_dim, value dim) {found.shape()}, layer {layers[0]} has "
                            f"{facts[0].shape()}; a dump holds layers of one shape: --layers {same}")


def share_bias(facts):
    """Keeps one bias where the layers' are equal: T5 hands the same one to every layer."""
    for before, now in zip(facts, facts[1:]):
        if before.bias is not None and now.bias is not None and torch.equal(before.bias, now.bias):
            now.bias = before.bias


def check_capture(capture, facts, where, qk_wanted):
    """What the dump says once for all samples must hold for this one; throws DumpError where it does not."""
    if capture.query is None:
        return
    rows, columns = capture.attention.shape[1:]
    if facts.mask_is_exact and not _same_mask(capture.allowed, checks.mask_matrix(facts.mask_kind, rows, columns)):
        raise DumpError(INPUT_REFUSED, f"{where}: its mask is not {facts.mask_kind} as in the longest sample; "
                                       "a dump names one mask a layer: choose other --layers")
    if qk_wanted and not (capture.scale == facts.scale and _same_bias(capture.bias, facts.bias, rows, columns)):
        raise DumpError(INPUT_REFUSED, f"{where}: what the model adds to its logits depends on the sample, so its query and "
                                       "key cannot stand for P; store P without them: --store attention,value")


def residual(capture, facts, dtype):
    """Largest difference of the model's P and the P that a reader computes from Q and K stored as `dtype`."""
    query, key = (from_storage(to_storage(t, dtype), dtype) for t in (capture.query, capture.key))
    rows, columns = capture.attention.shape[1:]
    bias = None if facts.bias is None else facts.bias[:, :rows, :columns]
    again = checks.recomputed_probabilities(query, key, facts.scale, facts.softcap, facts.mask_kind, bias)
    return float((again - capture.attention.cpu()).abs().max())


def _same_mask(found, expected):
    if found is None or expected is None:
        return all(mask is None or bool(mask.all()) for mask in (found, expected))
    return torch.equal(found.cpu(), expected)


def _same_bias(found, expected, rows, columns):
    if found is None or expected is None:
        return found is None and expected is None
    return torch.equal(found.float().cpu(), expected[:, :rows, :columns])
