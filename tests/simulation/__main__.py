"""`scripts/simulate`: runs seeds, tells how it goes, and for a seed that breaks a promise how to see it again."""

import sys
from argparse import ArgumentParser, Namespace
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import perf_counter

import msgspec

from tests.simulation.runner import MODES, Outcome, mode_of, run_block, run_checked
from tests.simulation.tally import Tally

BLOCK = 20


def arguments() -> Namespace:
    """What the command line says."""
    parser = ArgumentParser(prog="scripts/simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=500, help="how many (default: %(default)s)")
    parser.add_argument("--first", type=int, default=1, help="the first of them (default: %(default)s)")
    parser.add_argument("--mode", choices=(*MODES, "both"), default="both", help="how the forge is reached")
    parser.add_argument("--jobs", type=int, default=1, help="processes at once (default: %(default)s)")
    parser.add_argument("--trace", action="store_true", help="print the last steps of every seed")
    parser.add_argument("--stop", action="store_true", help="stop at the first seed that breaks a promise")
    parser.add_argument("--mutants", action="store_true", help="plant mistakes and see that each is found")
    parser.add_argument("--only", default="", help="with --mutants: those whose name holds this")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    return parser.parse_args()


def outcomes(options: Namespace) -> Iterator[Outcome]:
    """Run the seeds, in blocks, and give what came of each as it comes."""
    seeds = range(options.first, options.first + options.seeds)
    blocks = [seeds[start : start + BLOCK] for start in range(0, len(seeds), BLOCK)]
    if options.jobs == 1:
        for seed in seeds:
            yield run_checked(seed, mode_of(seed, options.mode), trace=options.trace)
        return
    with ProcessPoolExecutor(options.jobs) as pool:
        waiting = deque(pool.submit(run_block, block, options.mode, trace=options.trace) for block in blocks)
        while waiting:  # taken out one by one, for each holds its outcomes
            yield from waiting.popleft().result()


def say(*words: object, sep: str = " ") -> None:
    """Print at once: whoever waits for thousands of seeds wants to see them go by."""
    print(*words, sep=sep, flush=True)  # noqa: T201 - it is what the program is for


def show(outcome: Outcome, *, trace: bool) -> None:
    """Say what a seed has broken, and how to run it again."""
    if trace:
        say(*outcome.trace, sep="\n")
        say(
            f"seed {outcome.seed}: {outcome.digest:016x} after {outcome.steps} steps, {outcome.seconds:.0f} s"
        )
    for line in outcome.broken:
        say(f"seed {outcome.seed} ({outcome.mode}): {line}")
    if outcome.broken:
        say(f"  again: scripts/simulate --first {outcome.seed} --seeds 1 --mode {outcome.mode} --trace")


def write(path: Path | None, figures: msgspec.Struct) -> None:
    """Put figures into a file, if one is named."""
    if path is not None:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(figures)))


def main() -> int:
    """Give 1 when a promise was broken."""
    options = arguments()
    if options.mutants:
        from tests.simulation.mutants.finding import find_all  # noqa: PLC0415  # the copies it makes have no need of it

        found = find_all(options.only, options.jobs)
        write(options.json, found)
        return 0 if found.found == found.planted else 1
    began = perf_counter()
    tally = Tally()
    for outcome in outcomes(options):
        tally.add(outcome)
        show(outcome, trace=options.trace)
        if options.stop and outcome.broken:
            break
        if tally.seeds % 500 == 0:
            say(tally.line(perf_counter() - began))
    say(tally.line(perf_counter() - began))
    write(options.json, tally.sums())
    return 1 if tally.broken else 0


if __name__ == "__main__":
    sys.exit(main())
