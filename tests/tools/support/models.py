"""tools/dump_attention.py in this process, on models of random weights and a text of random words.

It needs torch, transformers and h5py; what needs none of them is tested without.
"""

import contextlib
import importlib.util
import io
import os
import pathlib
import random
import sys
import tempfile
import unittest

os.environ["HF_HUB_OFFLINE"] = "1"
TOOL = pathlib.Path(__file__).resolve().parents[3] / "tools" / "dump_attention.py"
sys.path.insert(0, str(TOOL.parent))

import dump_attention  # noqa: E402

MISSING = [name for name in ("torch", "transformers", "h5py") if importlib.util.find_spec(name) is None]
if not MISSING:
    import h5py
    import transformers

SMALL = dict(hidden_size=64, num_hidden_layers=3, num_attention_heads=4, intermediate_size=64, vocab_size=300,
             # Large weights: with small ones every row is uniform, and a wrong scale or mask would not show.
             initializer_range=0.3)


def run(*arguments):
    """(exit code, stderr) of the tool, in this process."""
    errors, output = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(output):
        try:
            code = dump_attention.main([str(argument) for argument in arguments])
        except SystemExit as exit_:     # --help and --version
            code = exit_.code
    return code, errors.getvalue() + output.getvalue()


class Workplace(unittest.TestCase):
    """A temporary folder with a text of seeded random words."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.text = self.folder / "text.txt"
        words = random.Random(1)
        lines = [" ".join(words.choice(("light", "day", "waters", "earth", "deep", "spirit", "and", "the"))
                          for _ in range(words.randint(2, 14))) for _ in range(400)]
        self.text.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.dump = self.folder / "dump.h5"

    def refused(self, code, *phrases_and_arguments):
        """Runs the tool, expects `code`, one line of error with every phrase, and no file left."""
        phrases, arguments = phrases_and_arguments
        before = set(self.folder.iterdir())
        found, said = run(*arguments, "--quiet")
        self.assertEqual(found, code, said)
        self.assertEqual(said.count("\n"), 1, said)
        for phrase in phrases:
            self.assertIn(phrase, said)
        self.assertEqual(set(self.folder.iterdir()), before)


class WithModels(Workplace):
    """Its tests are skipped where a package is missing."""

    def setUp(self):
        if MISSING:
            self.skipTest("no " + ", ".join(MISSING))
        super().setUp()

    def config(self, config):
        folder = self.folder / config.model_type
        config.save_pretrained(folder)
        return folder

    def bert(self):
        return self.config(transformers.BertConfig(**SMALL, max_position_embeddings=64))

    def written(self, model, *options, length=32, samples=2):
        """The dump of a random-weight model, open for reading, and what the tool said."""
        code, said = run(model, self.text, "-o", self.dump, "--random-weights", 7, "--length", length,
                         "--samples", samples, *options)
        self.assertEqual(code, 0, said)
        dump = h5py.File(self.dump, "r")
        self.addCleanup(dump.close)
        self.assertEqual(dump.attrs["complete"], 1)
        self.assertEqual(dump.attrs["schema"], "attnspec-1")
        return dump, said


def main():
    """Runs the script's tests: exit code 0 passed, 1 failed, 77 passed but for those that a missing package skips."""
    passed = unittest.main(exit=False).result.wasSuccessful()
    if passed and MISSING:
        print(f"skipped: the tests that need {', '.join(MISSING)}")
        sys.exit(77)
    sys.exit(0 if passed else 1)
