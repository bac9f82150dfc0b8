"""The file under HDF5: remembers the first failure and hides it from HDF5, which does not survive a full disk quietly."""

import errno
import fcntl
import os


class Disk:
    """A file object for h5py.File.

    After a failed write HDF5 tries again wherever it frees an object, and reports each time on stderr. So the first
    failure is kept in `failure` and all later writes are dropped: whoever calls HDF5 looks at `failure` after each call,
    and the file is deleted.
    """

    def __init__(self, path):
        self.failure = None
        # Emptied only once it is locked: two runs with one output must not write into each other.
        self._file = open(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise OSError(errno.EBUSY, "another run is writing it") from None
        self._file.truncate(0)

    def read(self, size=-1):
        """Part of what h5py takes for a file object; HDF5 reads through readinto."""
        return self._guarded(lambda: self._file.read(size), b"")

    def readinto(self, buffer):
        view = memoryview(buffer).cast("B")
        return self._guarded(lambda: self._read_whole(view), len(view))

    def write(self, data):
        view = memoryview(data).cast("B")
        return self._guarded(lambda: self._write_whole(view), len(view))

    def seek(self, offset, whence=os.SEEK_SET):
        return self._guarded(lambda: self._file.seek(offset, whence), 0)

    def tell(self):
        return self._guarded(self._file.tell, 0)

    def truncate(self, size=None):
        return self._guarded(lambda: self._file.truncate(size), size or 0)

    def flush(self):
        """Nothing is buffered here."""

    def sync_and_close(self):
        """Everything on the disk itself. Raises OSError."""
        os.fsync(self._file.fileno())
        self._file.close()

    def close(self):
        self._file.close()

    def _guarded(self, action, answer):
        if self.failure is not None:
            return answer
        try:
            return action()
        except Exception as error:
            self.failure = error
            return answer

    def _read_whole(self, view):
        done = 0
        while done < len(view):
            count = self._file.readinto(view[done:])
            if not count:
                view[done:] = bytes(len(view) - done)
                break
            done += count
        return len(view)

    def _write_whole(self, view):
        done = 0
        while done < len(view):
            done += self._file.write(view[done:])
        return done
