"""The self checks of a dump: masks by name, row sums, and P recomputed from the stored Q and K."""

import re

import torch

from attention_dump.errors import INPUT_REFUSED, DumpError

UNIT_ROUNDOFF = {"f32": 2.0**-24, "f16": 2.0**-11, "bf16": 2.0**-8}
# Half the distance of the smallest numbers: what underflow may cost a single probability.
SMALLEST_STEP = {"f32": 0.0, "f16": 2.0**-25, "bf16": 0.0}
# Largest difference of P and the P recomputed from Q and K up to which Q and K stand for P. Rounding Q and K to f16 moves
# a logit by a few thousandths where logits are large: 2.2e-3 in P was measured on MiniLM.
QK_TOLERANCE = {"f32": 1e-4, "f16": 1e-2, "bf16": 8e-2}
SUMMATION_ERROR = 1e-5


def mask_matrix(kind, query_length, key_length):
    """bool [nq, nk] of a mask kind, True where the query sees the key; None where it sees every key."""
    if kind in ("bidirectional", "cross"):
        return None
    back = torch.arange(query_length)[:, None] - torch.arange(key_length)[None, :]
    if kind == "causal":
        return back >= 0
    return (back >= 0) & (back < int(re.fullmatch(r"sliding:(\d+)", kind)[1]))


def mask_kind(allowed, shape, cross):
    """(kind, exact): bidirectional, causal, sliding:W or cross; not exact where the format has no name for the mask."""
    if cross:
        return "cross", allowed is None or bool(allowed.all())
    if allowed is None or bool(allowed.all()):
        return "bidirectional", True
    allowed = allowed.cpu()
    window = int(allowed[-1].sum())
    if shape[0] == shape[1]:
        for kind in ("causal", f"sliding:{window}"):
            if torch.equal(allowed, mask_matrix(kind, *shape)):
                return kind, True
    return ("bidirectional" if bool(allowed.triu(1).any()) else "causal"), False


def row_sum_tolerance(dtypes, key_length):
    """How far a row's sum may lie from one after rounding to the coarsest of `dtypes`."""
    return max(2 * UNIT_ROUNDOFF[d] + key_length * SMALLEST_STEP[d] for d in dtypes) + SUMMATION_ERROR


def check_probabilities(attention, where, tolerance, at_most_one):
    """`attention` [H, nq, nk] as it will be stored. Throws DumpError at the worst row."""
    if not bool(torch.isfinite(attention).all()):
        raise DumpError(INPUT_REFUSED, f"{where}: P has a value that is not finite; "
                                       "the model overflowed: run it with --compute f32")
    sums = attention.sum(dim=-1, dtype=torch.float64)
    excess = (sums - 1) if at_most_one else (sums - 1).abs()
    if float(excess.max()) > tolerance:
        head, row = divmod(int(excess.argmax()), sums.shape[1])
        wanted = "at most 1" if at_most_one else "1"
        raise DumpError(INPUT_REFUSED,
                        f"{where}, head {head}: row {row} sums to {float(sums[head, row]):.6g}, expected {wanted} "
                        f"+- {tolerance:.2g}; this model's attention is no softmax over its keys, and its dump would "
                        "be refused: choose other --layers or another model")


def recomputed_probabilities(query, key, scale, softcap, kind, bias):
    """P [H, nq, nk] from the Q [H, nq, d] and K [Hkv, nk, d] of a dump and what the dump says about them."""
    # As precise as the numbers come: double for float32, whose own rounding is to be seen, single for the coarser ones.
    work = torch.float64 if query.dtype == torch.float32 else torch.float32
    query, key = query.to(work), key.to(work).repeat_interleave(query.shape[0] // key.shape[0], dim=0)
    logits = (query @ key.transpose(1, 2)) * scale
    if softcap:
        logits = softcap * torch.tanh(logits / softcap)
    if bias is not None:
        logits = logits + bias.to(work)
    allowed = mask_matrix(kind, *logits.shape[1:])
    if allowed is not None:
        logits = logits.masked_fill(~allowed.to(logits.device), float("-inf"))
    return torch.softmax(logits, dim=-1)
