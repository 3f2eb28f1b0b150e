"""What runs in a process of its own? The portable kernel, chosen at import, and what memory is measured of. One line of JSON.

python -m benchmarks.child reading '{"spec": {...}, "runs": 5}'    rounds of one thread and tuned iterparse
python -m benchmarks.child parquet FILE FOLDER THREADS            seconds, peak memory and rows of streaming to Parquet
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any


def peak_kilobytes() -> int:
    """Largest resident memory of this process so far (VmHWM: that of the program alone, not of the one it was forked from)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise RuntimeError("no VmHWM in /proc/self/status")


def reading(wanted: str) -> dict[str, Any]:
    """Rounds of one thread beside tuned iterparse, with the kernel that the environment names."""
    from benchmarks import files
    from benchmarks.reading import beside_iterparse

    asked = json.loads(wanted)
    spec = files.Spec(**asked["spec"])
    return asdict(beside_iterparse(files.made(spec), spec.kind, asked["runs"]))


def parquet(file: str, folder: str, threads: str, warm_up: str) -> dict[str, Any]:
    """Streams `file` into `folder`, after a small file of the same kind: the kernel is loaded when the clock starts."""
    from omsclaims.registry import stream

    stream.to_parquet(Path(warm_up), Path(f"{folder}-warm"), int(threads))
    start = time.perf_counter()
    done = stream.to_parquet(Path(file), Path(folder), int(threads))
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak_mb": peak_kilobytes() / 1024, "records": done.rows["zap"], "findings": done.findings}


def main(arguments: Sequence[str]) -> int:
    """Entry point."""
    what, *rest = arguments
    print(json.dumps(reading(*rest) if what == "reading" else parquet(*rest)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
