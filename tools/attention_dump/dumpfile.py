"""The canonical dump as a file: created under a temporary name, filled chunk by chunk, renamed when it is whole."""

import contextlib
import os

import h5py
import numpy
import torch

from attention_dump import VERSION
from attention_dump.destination import part_name
from attention_dump.disk import Disk
from attention_dump.errors import OUTPUT_FAILED, DumpError, first_line
from attention_dump.interrupts import held

SCHEMA = "attnspec-1"
BFLOAT16_NAN = 0x7FC0
LARGEST_CHUNK = 1 << 30
NUMPY_DTYPES = {"f16": numpy.float16, "f32": numpy.float32, "bf16": numpy.uint16}


def to_storage(tensor, dtype):
    """The numbers as they will lie in the file; bf16 is held as its 16 bits in a uint16."""
    tensor = tensor.detach()
    if dtype == "bf16":
        return tensor.to(torch.bfloat16).cpu().contiguous().view(torch.int16).numpy().view(numpy.uint16)
    return tensor.to(torch.float16 if dtype == "f16" else torch.float32).cpu().contiguous().numpy()


def from_storage(array, dtype):
    """The tensor that a reader gets from to_storage's array."""
    if dtype == "bf16":
        return torch.from_numpy(array.view(numpy.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


class DumpFile:
    """Writes `path`; a context manager, so that no partial file is left behind but by a kill.

    Everything raises DumpError(OUTPUT_FAILED) where the file system refuses.
    """

    def __init__(self, path, dtype, compress):
        self._path, self._dtype, self._compress = path, dtype, compress
        self._part = part_name(path)
        self._disk = self._file = None

    def __enter__(self):
        try:
            with self._refusals():
                self._disk = Disk(self._part)
                # 'earliest' keeps the file readable by HDF5 1.8 and later.
                self._file = h5py.File(self._disk, "w", libver="earliest")
                self._file.attrs["schema"] = SCHEMA
                self._file.attrs["creator"] = f"attnspec dump_attention.py {VERSION}"
                self._file.attrs["complete"] = numpy.int8(0)
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(self, kind, error, trace):
        if self._disk is None:
            return
        with held():
            # What HDF5 still holds need not reach a file that is deleted now.
            self._disk.failure = self._disk.failure or error or OSError("given up")
            if self._file is not None:
                self._file.close()
            self._disk.close()
            os.remove(self._part)

    def create(self, name, shape):
        """A dataset of the dump's dtype, one matrix (or one layer's Q, K or V) a chunk."""
        chunk = self._matrix_chunk(shape) if name == "attention" else (1, 1) + shape[2:]
        fill = BFLOAT16_NAN if self._dtype == "bf16" else numpy.nan
        filters = {"compression": "gzip", "compression_opts": 4, "shuffle": True, "fletcher32": True}
        with self._refusals():
            dataset = self._file.create_dataset(name, shape, NUMPY_DTYPES[self._dtype], chunks=chunk, fillvalue=fill,
                                                track_times=False, **(filters if self._compress else {}))
            if self._dtype == "bf16":
                dataset.attrs["bits"] = "bfloat16"

    def _matrix_chunk(self, shape):
        # A chunk of HDF5 ends at 4 GiB; matrices past 1 GiB lie in row panels.
        row_bytes = shape[4] * numpy.dtype(NUMPY_DTYPES[self._dtype]).itemsize
        return (1, 1, 1, min(shape[3], max(1, LARGEST_CHUNK // row_bytes)), shape[4])

    def write_layer(self, name, sample, layer, array):
        """`array` [H, rows, columns] into the upper left corner of its chunks; the rest stays NaN."""
        with self._refusals():
            self._file[name][sample, layer, :, :array.shape[1], :array.shape[2]] = array

    def write_whole(self, name, array):
        with self._refusals():
            self._file.create_dataset(name, data=array, track_times=False)

    def set_attributes(self, attributes):
        with self._refusals():
            for name, value in attributes.items():
                if isinstance(value, list) and value and isinstance(value[0], str):
                    value = numpy.array(value, dtype=h5py.string_dtype())
                self._file.attrs[name] = value

    def flush(self):
        """Forces what was written out of HDF5's buffers: a full disk is noticed at the sample that filled it."""
        with self._refusals():
            self._file.flush()

    def finish(self):
        """Marks the dump complete, closes it, looks at it once more and gives it its name."""
        with self._refusals():
            self._file.flush()
            self._check_disk()
            self._file.attrs["complete"] = numpy.int8(1)
            self._file.close()
            self._check_disk()
            self._disk.sync_and_close()
            # Opening again compares the end that HDF5 noted with the size of the file.
            with h5py.File(self._part, "r") as written:
                if written.attrs["complete"] != 1:
                    raise OSError("the file read back is not complete")
        with self._refusals():
            os.replace(self._part, self._path)
            self._disk = self._file = None

    def _check_disk(self):
        if self._disk is not None and self._disk.failure is not None:
            raise self._disk.failure

    @contextlib.contextmanager
    def _refusals(self):
        """Turns what h5py and the file system raise into one sentence; interrupts wait for its end."""
        try:
            with held():
                yield
                self._check_disk()
        # h5py raises one of these four for the same trouble, depending on the call.
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            cause = self._disk.failure if self._disk is not None and self._disk.failure is not None else error
            reason = getattr(cause, "strerror", None) or first_line(cause)
            raise DumpError(OUTPUT_FAILED, f"{self._path}: could not be written ({reason}); free some space or choose another "
                                           "place, then run again") from error
