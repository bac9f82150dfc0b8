#!/usr/bin/env python3
"""Writes the attention of a Hugging Face model over a text as a canonical attnspec dump (HDF5)."""

import argparse
import hashlib
import os
import sys

from attention_dump import PARTS, VERSION
from attention_dump.destination import check_output
from attention_dump.errors import INPUT_REFUSED, PACKAGE_MISSING, USAGE, DumpError
from attention_dump.interrupts import Interrupted, raised

PROGRAM = "dump_attention.py"

EXAMPLES = f"""\
examples:
  {PROGRAM} google-bert/bert-base-uncased text.txt -o bert.h5
  {PROGRAM} google-bert/bert-base-uncased text.txt -o bert.h5 --samples 100 --length 256
  {PROGRAM} openai-community/gpt2 text.txt -o gpt2.h5 --store query,key --length 1024     compact: P is computed by the reader
  {PROGRAM} ./my-model text.txt -o mine.h5 --store attention,query,key,value --compress
  {PROGRAM} google-t5/t5-small text.txt -o cross.h5 --stack cross
  {PROGRAM} ./config-only text.txt -o random.h5 --random-weights 1 --length 64
"""

EXIT_CODES = """\
exit codes: 0 done, 2 usage, 3 model or text refused, 4 output could not be written, 6 a package is missing, 130 interrupted
"""


class Parser(argparse.ArgumentParser):
    """Help with the examples first, errors as one sentence."""

    def format_help(self):
        return f"{EXAMPLES}\n{super().format_help()}"

    def error(self, message):
        raise DumpError(USAGE, f"{message}; see {PROGRAM} --help")


def parts(text):
    chosen = [part.strip() for part in text.split(",") if part.strip()]
    for part in chosen:
        if part not in PARTS:
            raise argparse.ArgumentTypeError(f"'{part}' is none of {', '.join(PARTS)}")
    if "attention" not in chosen and not {"query", "key"} <= set(chosen):
        raise argparse.ArgumentTypeError(f"'{text}' does not give P; name attention, or query and key, or all of them")
    return tuple(chosen)


def layer_list(text):
    chosen = set()
    for piece in text.split(","):
        first, dash, last = piece.strip().partition("-")
        if not first.isdigit() or (dash and not (last.isdigit() and int(first) <= int(last))):
            raise argparse.ArgumentTypeError(f"'{text}' is no list of layers such as 0-3,7")
        chosen.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(chosen))


def positive(text):
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 up")
    return int(text)


def build_parser():
    parser = Parser(prog=PROGRAM, usage=f"{PROGRAM} MODEL TEXT -o DUMP.h5 [options]", epilog=EXIT_CODES, description=__doc__,
                    formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("model", metavar="MODEL", help="hub id, or a folder written by save_pretrained")
    parser.add_argument("text", metavar="TEXT", help="a UTF-8 text file")
    parser.add_argument("-o", "--output", metavar="DUMP.h5", required=True, help="the dump to write")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing dump")
    parser.add_argument("--version", action="version", version=f"attnspec {PROGRAM} {VERSION}")

    samples = parser.add_argument_group("samples")
    samples.add_argument("--samples", type=positive, metavar="S", help="how many (default: as the text gives, at most 8)")
    samples.add_argument("--length", type=positive, metavar="N",
                         help="tokens a sample, special tokens included (default: the model's maximum, at most 512)")
    samples.add_argument("--per-line", action="store_true",
                         help="one sample a line, cut at N, with /lengths (default: the text is cut into full samples)")

    stored = parser.add_argument_group("what is stored")
    stored.add_argument("--store", type=parts, default=("attention",), metavar="PARTS",
                        help=f"comma list of {', '.join(PARTS)} (default: attention)")
    stored.add_argument("--dtype", choices=("f16", "f32", "bf16"), default="f16", help="default: f16")
    stored.add_argument("--compress", action="store_true", help="shuffle, gzip and checksums: smaller, slower to read")
    stored.add_argument("--layers", type=layer_list, metavar="LIST", help="such as 0-3,7 (default: all)")
    stored.add_argument("--stack", choices=("encoder", "decoder", "cross"),
                        help="of an encoder-decoder model (default: encoder); its decoder gets the same text shifted by one")
    stored.add_argument("--name", help="model_id in the dump (default: the hub id, or the folder's name)")
    stored.add_argument("--check", choices=("all", "first"), default="all",
                        help="samples whose P is checked against the stored query and key: all, or only the longest one, "
                             "which is faster (default: all)")

    running = parser.add_argument_group("running the model")
    running.add_argument("--tokenizer", metavar="ID", help="where MODEL brings none")
    running.add_argument("--random-weights", type=int, metavar="SEED", help="from config.json alone, weights drawn with this seed")
    running.add_argument("--compute", choices=("f32", "f16", "bf16"), default="f32", help="the model's own arithmetic (default: f32)")
    running.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="default: cpu")
    running.add_argument("--quiet", action="store_true", help="no progress, no notes; errors still")
    return parser


def import_packages():
    """torch, transformers and h5py, only now: --help and the cheap refusals must not wait for them."""
    try:
        import h5py                             # noqa: F401
        import torch                            # noqa: F401
        import transformers                     # noqa: F401
        from transformers import AttentionInterface, masking_utils      # noqa: F401
    except ImportError as error:
        missing = error.name or "transformers"
        raise DumpError(PACKAGE_MISSING, f"the Python package {missing.split('.')[0]} could not be imported ({error}); install "
                                         "what is needed: python3 -m pip install torch 'transformers>=5' h5py") from None


def read_text(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise DumpError(INPUT_REFUSED, f"{path}: no such text file; give a UTF-8 text as the second argument") from None
    except OSError as error:
        raise DumpError(INPUT_REFUSED, f"{path}: the text could not be read ({error.strerror}); give a UTF-8 text file") from None


def check_device(device):
    import torch
    if device == "cuda" and not torch.cuda.is_available():
        raise DumpError(PACKAGE_MISSING, "--device cuda: this torch finds no usable GPU; run with --device cpu")


def load_model(options, say):
    from attention_dump.model import AttentionModel, ModelRequest
    return AttentionModel(ModelRequest(name=options.model, tokenizer=options.tokenizer, random_seed=options.random_weights,
                                       compute=options.compute, device=options.device, stack=options.stack), say)


def choose_length(options, model):
    from attention_dump.model import LONGEST_DEFAULT
    limit, reason = model.length_limit()
    if options.length is None:
        return min(limit or LONGEST_DEFAULT, LONGEST_DEFAULT)
    if limit and options.length > limit:
        raise DumpError(USAGE, f"--length {options.length}: {options.model} has {limit} positions ({reason}); "
                               f"give --length {limit} or less")
    return options.length


def make_samples(options, model, data):
    from attention_dump.samples import decode_text, line_samples, packed_samples
    encoder, text = model.encoder(), decode_text(options.text, data)
    cut = line_samples if options.per_line else packed_samples
    samples = cut(encoder, text, options.text, choose_length(options, model), options.samples)
    largest = max(map(max, samples))
    if largest >= model.vocabulary:
        raise DumpError(INPUT_REFUSED, f"the tokenizer gives id {largest}, {options.model} knows {model.vocabulary} tokens; "
                                       "name the model's own tokenizer: --tokenizer ID")
    return samples


def run(options):
    def say(sentence):
        if not options.quiet:
            print(f"{PROGRAM}: {sentence}", file=sys.stderr, flush=True)

    data = read_text(options.text)
    check_output(options.output, options.overwrite)
    import_packages()
    from attention_dump.dumping import DumpRequest, Dumper
    check_device(options.device)
    model = load_model(options, say)
    samples = make_samples(options, model, data)
    attributes = {"model_id": options.name or model_id(options.model), "text_sha256": hashlib.sha256(data).hexdigest()}
    request = DumpRequest(path=options.output, store=options.store, dtype=options.dtype, compress=options.compress,
                          layers=options.layers, check_all=options.check == "all", attributes=attributes, quiet=options.quiet)
    Dumper(model, request, say).dump(samples)
    say(f"wrote {options.output}")


def model_id(model):
    return os.path.basename(os.path.normpath(model)) if os.path.isdir(model) else model


def main(arguments=None):
    try:
        with raised():
            run(build_parser().parse_args(arguments))
    except DumpError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return error.exit_code
    except Interrupted as signalled:
        print(f"{PROGRAM}: interrupted; no partial dump is left", file=sys.stderr)
        return signalled.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
