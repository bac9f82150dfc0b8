"""Where and with what a benchmark ran."""

import datetime
import json
import os
import platform
import re
import subprocess


def processor():
    """The model's name with family and model number: virtual machines hide the rest behind a name for a whole line."""
    facts = {}
    with open("/proc/cpuinfo") as file:
        for line in file:
            key, _, value = line.partition(":")
            facts.setdefault(key.strip(), value.strip())
    name = facts.get("model name", platform.machine())
    return f"{name} (family {facts['cpu family']}, model {facts['model']})" if "cpu family" in facts else name


def facts():
    with open("/proc/meminfo") as file:
        memory = int(re.search(r"MemTotal:\s+(\d+)", file.read()).group(1)) * 1024
    return {"processor": processor(), "cores": len(os.sched_getaffinity(0)), "memory_bytes": memory,
            "system": f"{platform.system()} {platform.release()}", "load_average": os.getloadavg(),
            "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")}


def attnspec_facts(program):
    """Version line and `backends --json` of the program. Raises CalledProcessError, FileNotFoundError."""
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    backends = subprocess.run([program, "backends", "--json"], capture_output=True, text=True, check=True).stdout
    return version, json.loads(backends)
