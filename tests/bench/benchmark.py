"""What the benchmark commands share: where the tree is, how one ends, and the file of everything that was measured."""

import json
import os
import subprocess
import sys

import child

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
WORK = os.path.join(ROOT, "build", "bench")


def write_json(path, measured):
    with open(path, "w") as file:
        json.dump(measured, file, indent=1)
        file.write("\n")


def run(main):
    """Runs `main`; what a child or the disk said against it is the last line, without a traceback."""
    name = os.path.basename(sys.argv[0])
    try:
        main()
    except (child.ChildFailed, FileNotFoundError) as error:
        sys.exit(f"{name}: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"{name}: {' '.join(error.cmd)}: {(error.stderr or '').strip()}")
