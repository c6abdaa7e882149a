"""The benchmarks by name. Figures are reported as measured; nothing here passes or fails."""

import sys

import durability
import runtime
import sprint
import start
import step

BENCHMARKS = {
    "runtime": runtime.main,
    "sprint": sprint.main,
    "step": step.main,
    "start": start.main,
    "durability": durability.main,
}


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all of them."""
    if {"-h", "--help"} & set(names):
        print(f"usage: scripts/bench [{'|'.join(BENCHMARKS)}] ...   (none: all of them)")
        return 0
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"bench: no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    for name in names or BENCHMARKS:
        BENCHMARKS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
