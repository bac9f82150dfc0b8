#!/usr/bin/env python3
"""What `attnspec spectrum` writes is what pandas, h5py and json read: columns, bits, quoting, counts, checksums."""

import csv
import hashlib
import io
import json
import os
import pathlib
import unittest

import h5py
import numpy as np
import pandas

from support import truth
from support.dumps import plain, random_attention, write_dump
from support.program import DONE, RESULTS, SKIPPED, Results, Workplace, attnspec

SPECTRUM = ("dump,model,layer,head,n,index,index_fraction,sigma_mean,sigma_sd,cumulative_mean,cumulative_sd,energy_mean,energy_sd,samples").split(",")
SUMMARY = ("dump,model,layer,head,n,samples,index,cumulative_at_index_mean,cumulative_at_index_sd,energy_at_index_mean,effective_rank_mean,"
           "effective_rank_sd,stable_rank_mean,participation_ratio_mean,k90_mean,k95_mean,k99_mean,energy_k90_mean,energy_k95_mean,energy_k99_mean,"
           "nuclear_norm_mean,spectral_norm_mean,numerical_rank_mean,rank_tolerance,quantisation_floor,error_bound,skipped").split(",")
NASTY = 'a "quoted", comma\nnewline\r\n; tab\t ünïcode \'`$(touch pwned)`\' {/Symbol a}_b^c @x & 100% \\n'


class Tables(Workplace):
    P = random_attention(1, 1, 3, 4, 20, 20)

    def setUp(self):
        super().setUp()
        self.dump = write_dump(self.path("a.h5"), self.P)

    def test_the_columns_are_those_that_programs_rely_on_in_their_order(self):
        results = self.spectrum(self.dump)

        self.assertEqual(list(results.curves.columns), SPECTRUM)
        self.assertEqual(list(results.summary.columns), SUMMARY)

    def test_of_one_sample_the_mean_is_the_value_to_the_last_bit(self):
        results = self.spectrum(self.dump)

        for layer, head in np.ndindex(3, 4):
            self.assertEqual(results.head(layer, head).sigma_mean.to_numpy().tobytes(), results.h5()[0, layer, head].tobytes())
        # The same shares from the stored values, summed in the same order.
        sums = np.cumsum(results.h5()[0], -1)
        self.assertEqual(results.curves.cumulative_mean.to_numpy().reshape(3, 4, 20).tobytes(), (sums / sums[..., -1:]).tobytes())

    def test_numbers_are_the_shortest_that_read_back_the_same(self):
        for line in csv.DictReader(io.StringIO(self.spectrum(self.dump).bytes_of("spectrum.csv").decode())):
            for column in ("sigma_mean", "cumulative_mean", "energy_mean", "index_fraction"):
                value = float(line[column])
                self.assertLessEqual(len(line[column]), len(repr(value)), column)

    def test_a_curve_never_falls_and_ends_at_exactly_one(self):
        curves = self.spectrum(self.dump).curves
        for column in ("cumulative_mean", "energy_mean"):
            by_head = curves.groupby(["layer", "head"])[column]
            self.assertTrue((by_head.diff().dropna() >= 0).all())
            self.assertEqual(set(by_head.last()), {1.0})
        self.assertEqual(set(curves.groupby(["layer", "head"]).index_fraction.last()), {1.0})

    def test_rows_are_sorted_by_layer_head_n_and_index(self):
        P = random_attention(2, 3, 3, 12, 20, 20)
        results = self.spectrum(write_dump(self.path("b.h5"), P, row_sum="at_most_one", lengths=np.array([20, 7, 20])))

        keys = list(zip(results.curves["layer"], results.curves["head"], results.curves.n, results.curves["index"]))
        self.assertEqual(keys, sorted(set(keys)))
        keys = list(zip(results.summary["layer"], results.summary["head"], results.summary.n))
        self.assertEqual(keys, sorted(set(keys)))

    def test_summary_and_curves_agree_to_the_last_bit(self):
        results = self.spectrum(write_dump(self.path("b.h5"), random_attention(2, 3, 3, 4, 20, 20)), "--index", "7")

        at = results.curves[results.curves["index"] == 7]
        for curve, column in (("cumulative_mean", "cumulative_at_index_mean"), ("cumulative_sd", "cumulative_at_index_sd"), ("energy_mean", "energy_at_index_mean")):
            self.assertEqual(at[curve].tolist(), results.summary[column].tolist())

    def test_a_nasty_model_name_is_quoted_as_rfc_4180_says(self):
        results = self.spectrum(write_dump(self.dump, self.P, model_id=NASTY))

        for name in ("spectrum.csv", "summary.csv"):
            rows = list(csv.reader(io.StringIO(results.bytes_of(name).decode(), newline="")))
            self.assertEqual({len(row) for row in rows}, {len(rows[0])})
            self.assertEqual({row[1] for row in rows[1:]}, {NASTY})
        self.assertEqual(results.run["inputs"][0]["model"], NASTY)
        with h5py.File(results.folder / "spectrum.h5", "r") as file:
            self.assertEqual(plain(file.attrs["model"]), NASTY)

    def test_a_nasty_dump_name_is_quoted_too(self):
        dump = write_dump(self.path('a, "b"\n.h5'), self.P)

        self.assertEqual(set(self.spectrum(dump).curves.dump), {dump})

    def test_a_name_that_is_no_utf8_leaves_files_that_can_be_read(self):
        with h5py.File(self.dump, "r+") as file:
            del file.attrs["model_id"]
            file.attrs["model_id"] = np.bytes_(b"caf\xe9 \xff")

        results = self.spectrum(self.dump)

        self.assertIn("model", results.run["inputs"][0])
        self.assertTrue(results.curves.model.str.startswith("caf").all())

    def test_a_model_name_runs_no_command_when_figures_are_drawn(self):
        write_dump(self.dump, self.P, model_id=NASTY + '"; system("touch pwned"); print "`touch pwned`')

        outcome = attnspec("spectrum", self.dump, "-o", self.path("out"), "--figures", "svg", "--quiet", cwd=self.folder)

        if "gnuplot is not installed" in outcome.stderr:
            self.skipTest("gnuplot is not here")
        self.assertEqual(outcome.code, DONE, outcome.stderr)
        self.assertFalse(list(self.folder.rglob("pwned")))

    def test_numbers_have_points_whatever_the_locale(self):
        plain = self.spectrum(self.dump)

        for locale in ("de_DE.UTF-8", "de_DE", "C"):
            self.assertEqual(self.spectrum(self.dump, variables={"LC_ALL": locale}).bytes_of("spectrum.csv"), plain.bytes_of("spectrum.csv"))


class Hdf5(Workplace):
    def test_sigma_of_several_samples_gives_the_table_within_rounding(self):
        P = random_attention(1, 4, 2, 3, 20, 20)
        results = self.spectrum(write_dump(self.path("a.h5"), P))

        sigma = results.h5()

        self.assertEqual((sigma.dtype, sigma.shape), (np.dtype("f8"), (4, 2, 3, 20)))
        self.assertEqual(results.h5("/status").shape, (4, 2, 3))
        for layer, head in np.ndindex(2, 3):
            rows = results.head(layer, head)
            shares = [truth.shares(values) for values in sigma[:, layer, head]]
            np.testing.assert_allclose(rows.sigma_mean, sigma[:, layer, head].mean(0), rtol=1e-14)
            np.testing.assert_allclose(rows.cumulative_mean, np.mean(shares, 0), rtol=1e-14)
            np.testing.assert_allclose(rows.cumulative_sd, np.std(shares, 0, ddof=1), rtol=1e-9, atol=1e-15)

    def test_each_matrix_has_its_method_and_a_bound_that_its_values_keep(self):
        """One of rank one, which single precision leaves to a more exact method, and one that is no attention."""
        P = random_attention(1, 1, 1, 4, 40, 40)
        P[0, 0, 1] = np.arange(1, 41) / np.arange(1, 41).sum()
        P[0, 0, 1, ::2] = P[0, 0, 1, ::2, ::-1]
        P[0, 0, 2] = np.nan
        path = write_dump(self.path("a.h5"), P)
        for method in ("direct32", "gram", "direct", "reference"):
            with self.subTest(method=method):
                results = self.spectrum(path, "--method", method, code=SKIPPED)
                with h5py.File(results.folder / "spectrum.h5", "r") as file:
                    names = dict(word.split(" ", 1)[::-1] for word in plain(file.attrs["method_names"]).split(", "))
                    methods, bounds, sigma = file["method"][0, 0], file["error_bound"][0, 0], file["sigma"][0, 0]

                self.assertEqual(methods[[0, 2, 3]].tolist(), [int(names[method]), -1, int(names[method])])
                self.assertEqual({name: (methods == int(names[name])).sum() for name in results.run["inputs"][0]["methods"]}, results.run["inputs"][0]["methods"])
                self.assertTrue(np.isnan(bounds[2]))
                for head in (0, 1, 3):
                    self.assertLessEqual(np.abs(sigma[head] - truth.sigma_of(P[0, 0, head])).max(), bounds[head] + 1e-14)

    def test_the_manifest_is_an_attribute(self):
        results = self.spectrum(write_dump(self.path("a.h5"), random_attention(1, 1, 1, 1, 8, 8)))

        with h5py.File(results.folder / "spectrum.h5", "r") as file:
            manifest = json.loads(file.attrs["manifest"])

        self.assertEqual(manifest["command_line"], results.run["command_line"])
        self.assertEqual(manifest["inputs"], results.run["inputs"])


class Manifest(Workplace):
    def setUp(self):
        super().setUp()
        P = random_attention(1, 3, 2, 2, 12, 12)
        P[1, 1, 1] = np.nan
        P[2, 0, 0, 3] *= 1.01
        self.dump = write_dump(self.path("a.h5"), P)

    def test_every_output_has_its_true_size_and_checksum(self):
        folder = pathlib.Path(self.path("out"))
        attnspec("spectrum", self.dump, "-o", folder, "--quiet")
        run = Results(folder, None).run

        self.assertEqual(sorted([entry["name"] for entry in run["outputs"]] + ["run.json"]), sorted(os.listdir(folder)))
        self.assertLessEqual(set(RESULTS), set(os.listdir(folder)))
        for entry in run["outputs"]:
            content = (folder / entry["name"]).read_bytes()
            self.assertEqual((entry["bytes"], entry["sha256"]), (len(content), hashlib.sha256(content).hexdigest()), entry["name"])

    def test_counts_inputs_and_options_are_right(self):
        results = self.spectrum(self.dump, "--samples", "1-2", "--method", "direct", "--threads", "2", code=5)
        run, entry = results.run, results.run["inputs"][0]

        self.assertEqual({name: entry[name] for name in ("path", "bytes", "model", "matrices", "done", "skipped", "warnings")},
                         {"path": self.dump, "bytes": os.path.getsize(self.dump), "model": "a test", "matrices": 8, "done": 7,
                          "skipped": {"not_finite": 1}, "warnings": {"row_sum": 1}})
        modified = pandas.Timestamp(entry["modified"])
        self.assertEqual(modified.value, os.stat(self.dump).st_mtime_ns)
        self.assertEqual((run["verb"], run["device"], run["method"], run["threads"]), ("spectrum", "cpu", "direct", 2))
        self.assertEqual(run["command_line"][1:4], ["spectrum", self.dump, "--samples"])
        self.assertEqual((run["options"]["samples"], run["options"]["layers"]), ("1-2", "all"))
        self.assertGreater(run["peak_memory_bytes"], 10 ** 6)
        self.assertGreater(run["wall_seconds"], 0)

    def test_a_manifest_of_names_that_are_no_utf8_is_still_json(self):
        name = os.fsencode(self.folder) + b"/caf\xe9.h5"
        os.rename(self.dump, name)

        outcome = attnspec("spectrum", os.fsdecode(name), "-o", self.path("out"), "--figures", "none", "--quiet")

        self.assertEqual(outcome.code, 5, outcome.stderr)
        json.loads(pathlib.Path(self.path("out/run.json")).read_text(encoding="utf-8"))


if __name__ == "__main__":
    unittest.main()
