"""Dumps to be damaged: every storage and every layout once, a few kilobytes each; and the checksums of HDF5's newest format."""

import contextlib
import pathlib
import re
import sys

import h5py
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))

from support.dumps import as_bfloat16, normals, random_attention, write_datasets, write_dump, write_group_dump  # noqa: E402

P = random_attention(1, 2, 2, 2, 8, 8)
ONE_TILE = (1, 1, 1, 8, 8)


def query_key(path, **options):
    contents = dict(query=normals(2, 2, 2, 4, 8, 4).astype("f4"), key=normals(3, 2, 2, 2, 8, 4).astype("f4"),
                    value=normals(4, 2, 2, 2, 8, 3).astype("f4"), bias=normals(5, 1, 4, 8, 8).astype("f4"))
    write_dump(path, scale=0.5, n_kv_heads=2, lengths=np.array([8, 6]), offsets=np.array([0, 2]), **contents, **options)


def steps_of_scale(path):
    P8 = np.rint(P / P.max() * 255).astype("u1")
    write_datasets(path, {"attention": P8}, storage=dict(chunks=ONE_TILE, compression="gzip"), schema="attnspec-1")
    with h5py.File(path, "a") as file:
        file["attention"].attrs["scale"] = P.max() / 255


def compact(path):
    with h5py.File(path, "w") as file:
        creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        creation.set_layout(h5py.h5d.COMPACT)
        place = h5py.h5d.create(file.id, b"attn", h5py.h5t.IEEE_F64LE, h5py.h5s.create_simple((2, 8, 8)), creation)
        place.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(P[0, 0]))
        file.attrs["n_heads"] = 2
        file.attrs["n_layers"] = 1


def latest(write):
    """The same with the newest format: object headers with checksums, fractal heaps, fixed and extensible arrays."""
    def written(path):
        plain_file = h5py.File
        with contextlib.ExitStack() as after:
            after.callback(setattr, h5py, "File", plain_file)
            h5py.File = lambda name, mode: plain_file(name, mode, libver="latest")
            write(path)
    return written


def chunked(path, **storage):
    write_dump(path, P.astype("f4"), storage=dict(chunks=ONE_TILE, **storage), lengths=np.array([8, 7]))


def heads_of(path):
    names = {f"layer_{l}/batch_{b}/head_{h}": P[b, l, h].astype("f4") for l in range(2) for b in range(2) for h in range(2)}
    write_datasets(path, names)


FIXTURES = {
    "canonical": lambda path: write_dump(path, P, lengths=np.array([8, 5]), creator="a test"),
    "gzip": lambda path: chunked(path, compression="gzip", shuffle=True, fletcher32=True),
    "lzf": lambda path: chunked(path, compression="lzf", shuffle=True),
    "half": lambda path: write_dump(path, P.astype("f2"), mask_kind=["causal", "sliding:4"]),
    "big_endian": lambda path: write_dump(path, P.astype(">f4"), storage=dict(chunks=(1, 2, 2, 8, 8), fletcher32=True)),
    "bfloat16": lambda path: write_dump(path, as_bfloat16(P), storage=dict(chunks=(2, 2, 2, 5, 5), shuffle=True)),
    "uint8": steps_of_scale,
    "logits": lambda path: write_dump(path, normals(6, 1, 2, 2, 8, 8), stage="logits"),
    "groups": lambda path: write_group_dump(path, [random_attention(n, 2, 2, n, n) for n in (5, 8, 6)]),
    "named": heads_of,
    "hooks": lambda path: write_datasets(path, {f"blocks.{l}.attn.hook_pattern": P[:, l] for l in range(2)}, layers=[0.0, 3.0], n_layers=2),
    "ragged": lambda path: write_datasets(path, {str(i): random_attention(i, 2, 2, 4 + i, 4 + i) for i in range(4)}),
    "query_key": query_key,
    "compact": compact,
    "latest": latest(lambda path: write_dump(path, P, lengths=np.array([8, 5]))),
    "latest_gzip": latest(lambda path: chunked(path, compression="gzip", shuffle=True, fletcher32=True)),
    "latest_growing": latest(lambda path: chunked(path, compression="gzip", maxshape=(None, 2, 2, 8, 8))),
    "latest_btree": latest(lambda path: chunked(path, maxshape=(None, None, 2, 8, 8))),
    "latest_named": latest(heads_of),
    "latest_query_key": latest(query_key),
}


# Checksums: without them right, the newest format hides everything behind "damaged".

MIX = ((0, 2, 1, 4), (1, 0, 2, 6), (2, 1, 0, 8), (0, 2, 1, 16), (1, 0, 2, 19), (2, 1, 0, 4))
LAST_MIX = ((2, 1, 14), (0, 2, 11), (1, 0, 25), (2, 1, 16), (0, 2, 4), (1, 0, 14), (2, 1, 24))


def lookup3(data):
    """Jenkins' hash, which HDF5 puts behind a block of metadata."""
    low = 0xffffffff
    turned = lambda x, bits: (x << bits | x >> (32 - bits)) & low  # noqa: E731
    blocks = max(1, -(-len(data) // 12))
    words = np.frombuffer(bytes(data).ljust(12 * blocks, b"\0"), "<u4").tolist()
    s = [(0xdeadbeef + len(data)) & low] * 3
    for block in range(blocks):
        s = [(x + word) & low for x, word in zip(s, words[3 * block:])]
        if block + 1 == blocks:
            break
        for x, y, z, bits in MIX:
            s[x] = ((s[x] - s[y]) & low) ^ turned(s[y], bits)
            s[y] = (s[y] + s[z]) & low
    for x, y, bits in LAST_MIX:
        s[x] = ((s[x] ^ s[y]) - turned(s[y], bits)) & low
    return s[2]


def header_size(data, at):
    """Of an object header of version 2, before its checksum."""
    flags = data[at + 5]
    fixed = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    return fixed + width + int.from_bytes(data[at + fixed:at + fixed + width], "little")


SUMMED = {b"\x89HDF": lambda data, at: 44, b"OHDR": header_size, b"FAHD": lambda data, at: 24, b"BTHD": lambda data, at: 34,
          b"EAHD": lambda data, at: 68}


def summed_blocks(data):
    """Begin and end of every block with a checksum behind it."""
    blocks = []
    for mark, size in SUMMED.items():
        for found in re.finditer(re.escape(mark), data):
            end = found.start() + size(data, found.start())
            if data[end:end + 4] == lookup3(data[found.start():end]).to_bytes(4, "little"):
                blocks.append((found.start(), end))
    return blocks


def with_sums(data, blocks):
    for start, end in blocks:
        if end + 4 <= len(data):
            data[end:end + 4] = lookup3(data[start:end]).to_bytes(4, "little")
    return data


def without_times(data):
    """The newest format notes when an object was made; a mutant is the same bytes on any day."""
    data, blocks = bytearray(data), summed_blocks(data)
    for start, _ in blocks:
        if data[start:start + 4] == b"OHDR" and data[start + 5] & 0x20:
            data[start + 6:start + 22] = bytes(16)
    return bytes(with_sums(data, blocks))
