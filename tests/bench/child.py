"""One measured child process: its wall time, its processor time, its peak memory, and what others did meanwhile."""

import os
import subprocess
import time
from dataclasses import dataclass


class ChildFailed(Exception):
    """A child ended with another exit code than 0; the message holds its command and its last words."""


@dataclass
class Run:
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int             # the largest of the child and of those that it waited for
    busy_elsewhere: float       # cores kept busy by other processes meanwhile, as a share of all cores
    stdout: str


def _busy_seconds():
    """Processor time of everything since boot, idle and waiting for disks left out."""
    with open("/proc/stat") as file:
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, file.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def wait_for_quiet(share, seconds):
    """Waits until others use at most `share` of the cores over a second, at most `seconds`; whether they did so."""
    end = time.monotonic() + seconds
    while True:
        before, start = _busy_seconds(), time.monotonic()
        time.sleep(1)
        now = time.monotonic()
        if _busy_seconds() - before <= share * (now - start) * os.cpu_count():
            return True
        if now >= end:
            return False


def read_through(path):
    """Brings a file into the page cache."""
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 22):
            pass


def run(command, environment=None, cores=None):
    """Runs `command` to its end; on the first `cores` of this process's cores where that is given. Raises ChildFailed."""
    allowed = sorted(os.sched_getaffinity(0))
    before = _busy_seconds()
    start = time.perf_counter()
    # This process is kept small (no numpy here): a child's peak memory starts at its parent's.
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
                             preexec_fn=(lambda: os.sched_setaffinity(0, allowed[:cores])) if cores else None)
    stdout, stderr, usage = _wait(child)
    wall = time.perf_counter() - start
    cpu = usage.ru_utime + usage.ru_stime
    if child.returncode != 0:
        raise ChildFailed(f"{' '.join(command)}: exit code {child.returncode}: {stderr.strip()[-2000:]}")
    others = max(0.0, _busy_seconds() - before - cpu)
    return Run(wall, cpu, usage.ru_maxrss * 1024, others / (wall * os.cpu_count()), stdout)


def _wait(child):
    """Like communicate(), and with the child's own rusage. Children write little: the pipes do not fill."""
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    with child.stdout as out, child.stderr as err:
        return out.read(), err.read(), usage
