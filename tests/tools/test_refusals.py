#!/usr/bin/env python3
"""Files that are no dumps, or not sound ones: exit 3, and a message that names the file, what was found and what was wanted."""
# Golden: tests/tools/golden/refusals.txt, made by: ATTNSPEC_WRITE_GOLDEN=1 /usr/bin/python3 tests/tools/test_refusals.py

import os
import pathlib
import subprocess
import sys
import unittest

import h5py
import numpy as np

from support import refusals
from support.dumps import normals, random_attention, root_attributes, write_dump, write_group_dump
from support.program import INPUT, Golden, attnspec

P = random_attention(1, 2, 2, 2, 6, 6)


class Refusals(refusals.Refusals):
    golden = Golden("refusals.txt")


class NoDump(Refusals):
    def test_what_is_no_file_of_hdf5_is_named_for_what_it_is(self):
        os.mkfifo(self.path("pipe"))
        os.mkdir(self.path("folder"))
        whole = pathlib.Path(write_dump(self.path("whole.h5"), P)).read_bytes()
        cases = {"no file": self.path("absent.h5"), "a folder": self.path("folder"), "a pipe": self.path("pipe"),
                 "a device": "/dev/null", "a path below a file": self.path("whole.h5/a.h5"),
                 "an empty file": self.written("empty.h5", b""), "a text": self.written("text.h5", b"layer,head\n0,0\n"),
                 "a zip of numpy": self.written("zip.npz", b"PK\x03\x04" + bytes(100)), "one byte": self.written("byte.h5", b"\x89"),
                 "a signature alone": self.written("signature.h5", whole[:8]),
                 "a truncated dump": self.written("truncated.h5", whole[:len(whole) // 2]),
                 "a dump that lacks its last byte": self.written("last.h5", whole[:-1])}
        for case, path in cases.items():
            with self.subTest(case=case):
                self.assert_refused(case, path)

    def test_a_file_that_its_writer_never_closed_is_refused(self):
        script = ("import h5py, os, sys; f = h5py.File(sys.argv[1], 'w', libver='latest'); f['attention'] = [1.0]; f.flush(); os._exit(0)")
        subprocess.run([sys.executable, "-c", script, self.path("open.h5")], check=True)

        self.assert_refused("a file never closed", self.path("open.h5"))

    def test_hdf5_without_attention_lists_what_it_holds(self):
        with h5py.File(self.path("other.h5"), "w") as file:
            for name in ("b", "a", "layer_10", "layer_2", "x/y", "z"):
                file[name] = np.zeros((2, 3), np.float32)
        with h5py.File(self.path("nothing.h5"), "w"):
            pass
        with h5py.File(self.path("schema.h5"), "w") as file:
            root_attributes(file, 1, 1)

        self.assert_refused("no attention", self.path("other.h5"))
        self.assert_refused("nothing at all", self.path("nothing.h5"))
        self.assert_refused("a schema and no tensor", self.path("schema.h5"))
        self.assert_refused("no such dataset", self.path("other.h5"), "--dataset", "attn")

    def test_groups_deeper_than_any_dump_are_refused(self):
        with h5py.File(self.path("deep.h5"), "w") as file:
            file.create_group("/".join("abcdefghijkl"))

        self.assert_refused("groups nested deep", self.path("deep.h5"))

    def test_groups_that_hold_themselves_end(self):
        path = write_dump(self.path("cycle.h5"), P)
        with h5py.File(path, "a") as file:
            file["group"] = file.create_group("other")
            file["group/root"] = file["/"]

        self.assertEqual(attnspec("inspect", path).code, 0)


class WrongTensors(Refusals):
    def assert_attention_refused(self, cases):
        for case, values in cases.items():
            with self.subTest(case=case):
                with h5py.File(self.path("a.h5"), "w") as file:
                    root_attributes(file, 2, 2)
                    file["attention"] = values
                self.assert_refused(case, self.path("a.h5"))

    def test_attention_of_another_shape_is_refused(self):
        cases = {"two axes": P[0, 0, 0], "four axes": P[0], "six axes": P[None], "a scalar": np.float32(1),
                 "no samples": P[:0], "no heads": P[:, :, :0], "no tokens": P[..., :0, :0], "a decode step": P[..., :1, :]}
        self.assert_attention_refused(cases)

    def test_attention_of_another_type_is_refused(self):
        cases = {"complex": P.astype(complex), "compound": np.zeros(P.shape, [("p", "f4"), ("q", "f4")]), "integers": P.astype(np.int32),
                 "uint16 without bits": P.astype(np.uint16), "text": np.full(P.shape, b"0.5"), "bool": P > 0.1,
                 "long double": P.astype(np.longdouble)}
        self.assert_attention_refused(cases)

    def test_steps_of_a_scale_are_refused_where_they_would_be_logits(self):
        steps = (200 * P).astype(np.uint8)
        cases = {"logits in steps": dict(attention=steps, stage="logits"), "Q and K in steps": dict(query=steps[..., :4], key=steps[..., :4]),
                 "a bias in steps": dict(query=P[..., :4], key=P[..., :4], bias=steps[0])}
        for case, contents in cases.items():
            with self.subTest(case=case):
                path = write_dump(self.path("a.h5"), **contents)
                with h5py.File(path, "r+") as file:
                    for dataset in file.values():
                        if dataset.dtype == np.uint8:
                            dataset.attrs["scale"] = 0.02
                self.assert_refused(case, path)

    def test_attention_of_variable_length_is_refused(self):
        with h5py.File(self.path("a.h5"), "w") as file:
            root_attributes(file, 2, 2)
            file.create_dataset("attention", P.shape, h5py.vlen_dtype(np.float32))

        self.assert_refused("variable length", self.path("a.h5"))

    def test_attention_that_is_a_group_is_refused(self):
        with h5py.File(self.path("a.h5"), "w") as file:
            root_attributes(file, 2, 2)
            file["attention/layer_0"] = P

        self.assert_refused("a group named attention", self.path("a.h5"))

    def test_tensors_that_contradict_each_other_are_refused(self):
        query = normals(1, 2, 2, 2, 6, 4)
        self.assert_refused("keys of fewer layers", write_dump(self.path("a.h5"), query=query, key=query[:, :1]))
        self.assert_refused("keys of another width", write_dump(self.path("b.h5"), query=query, key=query[..., :3]))
        self.assert_refused("fewer keys than queries", write_dump(self.path("c.h5"), query=query, key=query[..., :5, :]))
        self.assert_refused("samples of unlike heads", write_group_dump(self.path("d.h5"), [P[0], P[1, :, :1]]))

    def test_keys_of_one_sample_are_not_taken_for_those_of_all(self):
        query = normals(1, 2, 2, 2, 6, 4)

        self.assert_refused("keys of fewer samples", write_dump(self.path("a.h5"), query=query, key=query[:1]), says="/key [1, 2, 2, 6, 4]")

    def test_an_unknown_filter_is_refused_by_its_name(self):
        creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        creation.set_chunk(P.shape)
        creation.set_scaleoffset(h5py.h5z.SO_FLOAT_DSCALE, 5)
        with h5py.File(self.path("a.h5"), "w") as file:
            root_attributes(file, 2, 2)
            h5py.h5d.create(file.id, b"attention", h5py.h5t.IEEE_F64LE, h5py.h5s.create_simple(P.shape), creation)

        self.assert_refused("a filter that is not read", self.path("a.h5"))


class WrongFacts(Refusals):
    def test_lengths_beyond_the_tile_are_refused(self):
        cases = {"a length beyond the tile": dict(lengths=np.array([6, 7])), "an offset beyond the tile": dict(lengths=np.array([6, 3]), offsets=np.array([0, 4])),
                 "a length of zero": dict(lengths=np.array([6, 0])), "a negative length": dict(lengths=np.array([6, -1])),
                 "a huge length": dict(lengths=np.array([6, 2 ** 63 - 1]), offsets=np.array([0, 2 ** 62])),
                 "a length too many": dict(lengths=np.array([6, 6, 6])), "a negative offset": dict(offsets=np.array([0, -1])),
                 "unlike sides without cross": dict(key_lengths=np.array([6, 5]))}
        for case, contents in cases.items():
            with self.subTest(case=case):
                self.assert_refused(case, write_dump(self.path("a.h5"), P, **contents))

    def test_attributes_that_make_no_sense_are_refused(self):
        cases = {"another schema": dict(schema="attnspec-2"), "a schema that is a number": dict(schema=1), "an unknown mask": dict(mask_kind="banded"),
                 "a window of zero": dict(mask_kind="sliding:0"), "a window of no number": dict(mask_kind="sliding:4x"),
                 "masks of too few layers": dict(mask_kind=["causal"] * 3), "an unknown row sum": dict(row_sum="two"),
                 "an unknown stage": dict(stage="scores"), "n_heads that contradicts": dict(n_heads=3),
                 "kv heads that do not divide": dict(n_kv_heads=3), "a scale of NaN": dict(scale=np.nan), "a scale that is text": dict(scale="0.5")}
        for case, contents in cases.items():
            with self.subTest(case=case):
                self.assert_refused(case, write_dump(self.path("a.h5"), P, **contents))


    def test_a_number_of_layers_that_contradicts_the_tensor_is_refused(self):
        self.assert_refused("n_layers", write_dump(self.path("a.h5"), P, n_layers=5), says="n_layers")


if __name__ == "__main__":
    unittest.main()
