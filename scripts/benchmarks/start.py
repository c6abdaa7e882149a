"""From the start of `serve` on an empty state directory to its `ready` line, over the interpreter's own start."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 7


def main() -> None:
    """Interleave both and print medians."""
    bare, ready = [], []
    for _ in range(ROUNDS):
        bare.append(_bare())
        ready.append(_ready())
    print("start: `serve` on an empty state directory")
    print(f"  interpreter {statistics.median(bare):.3f} s   ready {statistics.median(ready):.3f} s")
    over = statistics.median(after - before for before, after in zip(bare, ready, strict=True))
    print(f"  over the interpreter's own: {over:.3f} s (goal: at most 1 s)")


def _bare() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - began


def _ready() -> float:
    with tempfile.TemporaryDirectory(prefix="caloron-bench-") as name:
        state = Path(name) / "state"
        environ = {**os.environ, "CALORON_STATE_DIRECTORY": str(state), "CALORON_HTTP_PORT": "0"}
        environ["CALORON_LOG_FORMAT"] = "json"
        began = time.perf_counter()
        command = [sys.executable, "-m", "caloron_actors", "serve"]
        with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as service:
            lines = iter(service.stderr or ())
            seen = next((line for line in lines if '"ready"' in line), None)
            took = time.perf_counter() - began
            service.terminate()
            for _ in lines:
                pass
        if seen is None:
            raise SystemExit("bench: the service did not become ready")
        return took
