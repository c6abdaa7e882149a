"""How many whole sprints of six tasks are simulated in a second on one core, without trouble."""

import statistics
import time

from durability.lines import show
from tests.simulation.runner import run_plain

GOALS = {"port": "at least 20", "client": "at least 3"}
WORDS = {"port": "at the forge's port", "client": "through the real client"}
ROUNDS = 5
SPRINTS = {"port": 20, "client": 5}


def report() -> None:
    """Measure and print."""
    speeds: dict[str, list[float]] = {mode: [] for mode in GOALS}
    for _ in range(ROUNDS):
        for mode, taken in speeds.items():
            began = time.process_time()
            for _ in range(SPRINTS[mode]):
                outcome = run_plain(mode=mode)
                if outcome.broken:
                    raise RuntimeError(outcome.broken[0])
            taken.append(SPRINTS[mode] / (time.process_time() - began))
    for mode, taken in speeds.items():
        what = f"sprints of six tasks simulated in a second of one core, {WORDS[mode]}"
        show(what, f"{statistics.median(taken):.1f}", "", GOALS[mode])
