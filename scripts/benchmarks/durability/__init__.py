"""What durability costs: recovery, commits, growth, a saturated loop, and how fast the service is simulated."""

from durability import commits, recovery, simulated


def main() -> None:
    """Measure and print one line for each figure, with its goal."""
    print("durability: synchronous=FULL, a real file; medians")
    recovery.report()
    commits.report()
    simulated.report()


__all__ = ["main"]
