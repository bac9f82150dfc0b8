"""Dumps as docs/dump-format.md describes them, written by h5py and by none of attnspec's own code."""

import h5py
import numpy as np

TENSORS = ("attention", "query", "key", "value", "bias", "lengths", "key_lengths", "offsets")


def normals(seed, *shape, sd=1.0):
    return sd * np.random.default_rng(seed).normal(size=shape)


def softmax(logits):
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def random_attention(seed, *shape):
    """Rows of softmax(normal logits); peaked enough that no two matrices look alike."""
    return softmax(normals(seed, *shape, sd=1.5))


def as_bfloat16(values):
    """The upper half of each float32, rounded to nearest even, as uint16."""
    bits = np.asarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def from_bfloat16(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32).astype(np.float64)


def plain(attribute):
    """Text as str: h5py gives fixed-width strings as bytes."""
    return attribute.decode() if isinstance(attribute, bytes) else attribute


def root_attributes(file, layers, heads, **changes):
    attributes = dict(schema="attnspec-1", complete=np.int8(1), model_id="a test", mask_kind="bidirectional", row_sum="one",
                      stage="probs", stack="encoder", softcap=0.0, n_layers=layers, n_heads=heads)
    for name, value in {**attributes, **changes}.items():
        if value is not None:
            file.attrs[name] = value


def write_dump(path, attention=None, storage=None, **contents):
    """A canonical dump. Keywords are datasets by their names, or attributes of the root; None leaves an attribute out.

    `storage` goes to create_dataset of /attention, /query and /key. Returns the path."""
    contents["attention"] = attention
    tensors = {name: contents.pop(name) for name in TENSORS if name in contents}
    tensors = {name: values for name, values in tensors.items() if values is not None}
    leading = next(tensors[name] for name in ("attention", "query") if name in tensors)
    with h5py.File(path, "w") as file:
        root_attributes(file, *leading.shape[1:3], **contents)
        for name, values in tensors.items():
            options = (storage or {}) if name in TENSORS[:3] else {}
            dataset = file.create_dataset(name, data=values, **options)
            if name in TENSORS[:5] and values.dtype == np.uint16:
                dataset.attrs["bits"] = "bfloat16"
    return str(path)


def write_group_dump(path, samples, **attributes):
    """The other canonical form: /samples/00000000/attention [L, H, n_i, n_i]."""
    with h5py.File(path, "w") as file:
        root_attributes(file, *samples[0].shape[:2], **attributes)
        for index, values in enumerate(samples):
            file.create_dataset(f"samples/{index:08}/attention", data=values)
    return str(path)


def write_datasets(path, datasets, storage=None, **attributes):
    """Somebody else's file: datasets by their names, attributes of the root. Returns the path."""
    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)
        for name, values in datasets.items():
            file.create_dataset(name, data=values, **(storage or {}))
    return str(path)


def write_created(path, values, prepare, **attributes):
    """A canonical dump whose /attention has a creation list that create_dataset can not make: `prepare` changes it."""
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    prepare(creation)
    with h5py.File(path, "w", libver="latest") as file:
        root_attributes(file, *values.shape[1:3], **attributes)
        space = h5py.h5s.create_simple(values.shape)
        dataset = h5py.h5d.create(file.id, b"attention", h5py.h5t.py_create(values.dtype), space, creation)
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(values))
    return str(path)


def change_chunk(path, index, change, dataset="attention"):
    """Hands a chunk's stored bytes, as a bytearray, to `change`, and puts them back where they lie."""
    with h5py.File(path, "r") as file:
        place = file[dataset].id.get_chunk_info(index)
    with open(path, "r+b") as file:
        file.seek(place.byte_offset)
        stored = bytearray(file.read(place.size))
        change(stored)
        file.seek(place.byte_offset)
        file.write(stored)
    return place.chunk_offset
