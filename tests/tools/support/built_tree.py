"""A copy of the built tree, for a program that finds another library beside itself."""

import os
import pathlib
import shutil
from unittest import mock

from . import program


def copy_of_tree(test, prepare):
    """`prepare` changes the CUDA library's file. For the rest of the test the program is the copy's; returns the variables that it wants."""
    built, tree = pathlib.Path(program.PROGRAM).resolve().parents[1], test.folder / "tree"
    for folder in ("bin", "lib"):
        (tree / folder).mkdir(parents=True)
    shutil.copy(program.PROGRAM, tree / "bin")
    shutil.copytree(built / "libexec", tree / "libexec")
    for library in (built / "lib").glob("libattnspec*.so*"):
        shutil.copy(library, tree / "lib", follow_symlinks=False)
    prepare(tree / "lib" / "libattnspec-cuda.so")
    test.enterContext(mock.patch.object(program, "PROGRAM", str(tree / "bin" / pathlib.Path(program.PROGRAM).name)))
    return {"LD_LIBRARY_PATH": f"{tree / 'lib'}:{os.environ.get('LD_LIBRARY_PATH', '')}"}
