"""What durability costs: recovery, commits, growth, and a saturated loop."""

from durability import commits, recovery


def main() -> None:
    """Measure and print one line for each figure, with its goal."""
    print("durability: synchronous=FULL, a real file; medians")
    recovery.report()
    commits.report()


__all__ = ["main"]
