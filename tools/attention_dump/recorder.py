"""What each attention layer of a model really uses: Q, K, V, scale, mask, softcap, bias and P, layer by layer."""

import inspect
import sys
from dataclasses import dataclass

import torch
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface, eager_mask

IMPLEMENTATION = "attnspec_record"
# Whatever is added to a logit below this is a mask: softmax leaves nothing of it.
MASKED_BELOW = -9000.0

_consumer = None


class NotRecordable(Exception):
    """A model's attention goes through the interface in a form that has no [B, H, n, d] query or no own softmax."""


@dataclass
class LayerCapture:
    """One attention call of one sample; tensors without the batch axis. All but `attention` is None where unknown."""
    module: object
    attention: torch.Tensor             # [H, nq, nk]
    query: torch.Tensor = None          # [H, nq, d]
    key: torch.Tensor = None            # [Hkv, nk, d]
    value: torch.Tensor = None          # [Hkv, nk, dv]
    scale: float = None
    softcap: float = 0.0
    allowed: torch.Tensor = None        # bool [nq, nk]; None: every query sees every key
    bias: torch.Tensor = None           # [H or 1, nq, nk], added to the logits
    has_sink: bool = False              # the softmax has a column more than P


def install():
    """Offers the recorder to transformers as attn_implementation=IMPLEMENTATION."""
    AttentionInterface.register(IMPLEMENTATION, _record)
    AttentionMaskInterface.register(IMPLEMENTATION, eager_mask)


def captures_of(forward, consumer):
    """Runs `forward`, handing each attention call to `consumer(LayerCapture)` as it comes."""
    global _consumer
    _consumer = consumer
    try:
        return forward()
    finally:
        _consumer = None


def _own_attention(module):
    # P comes from the model's own eager function, so that sinks, caps and biases are the model's, not our reading of them.
    for owner in type(module).__mro__:
        own = getattr(sys.modules.get(owner.__module__), "eager_attention_forward", None)
        if own is not None:
            return own
    raise NotRecordable(f"{type(module).__name__} has no eager attention function")


def _record(module, query, key, value, attention_mask, *arguments, **options):
    own = _own_attention(module)
    result = own(module, query, key, value, attention_mask, *arguments, **options)
    if _consumer is None:
        return result
    attention = result[1]
    if any(t is None or t.dim() != 4 for t in (query, key, value, attention)) or attention.shape[1] != query.shape[1]:
        raise NotRecordable(f"{type(module).__name__} has no query, key and attention of the form [B, H, n, d]")
    scale = inspect.signature(own).bind(module, query, key, value, attention_mask, *arguments,
                                        **options).arguments.get("scaling")
    allowed, bias = _split_mask(attention_mask, key.shape[2])
    position_bias = options.get("position_bias")
    if position_bias is not None and bool((position_bias != 0).any()):
        bias = position_bias[0] if bias is None else bias + position_bias[0]
    _consumer(LayerCapture(
        module=module, attention=attention[0], query=query[0], key=key[0], value=value[0],
        scale=float(query.shape[-1] ** -0.5 if scale is None else scale), softcap=float(options.get("softcap") or 0.0),
        allowed=allowed, bias=bias,
        has_sink=options.get("s_aux") is not None or getattr(module, "sinks", None) is not None))
    return result


def _split_mask(mask, key_length):
    """(allowed, bias): a float mask holds both what may not be seen and, in some models, a bias of the logits."""
    if mask is None:
        return None, None
    mask = mask[0, ..., :key_length]
    if mask.dtype == torch.bool:
        return mask.all(dim=0), None
    allowed = mask > MASKED_BELOW
    bias = torch.where(allowed, mask, torch.zeros_like(mask))
    return allowed.all(dim=0), bias if bool((bias != 0).any()) else None
