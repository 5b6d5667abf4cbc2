"""The machine that a measurement was made on: a time means nothing without it."""

import datetime
import os
import platform
from pathlib import Path


def machine() -> str:
    """The date, the processor, the cores that may be used, and how busy the machine is."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    load = f"load average at the start {os.getloadavg()[0]:.1f}"
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return f"{today}, {name}, {len(os.sched_getaffinity(0))} cores, {load}"
