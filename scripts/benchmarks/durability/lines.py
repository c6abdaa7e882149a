"""How a figure is printed: what was measured, the value, and its goal, in columns."""


def show(what: str, value: str, ratio: str = "", goal: str = "") -> None:
    """Print one figure."""
    print(f"  {what:66} {value:>12}  {ratio:14} {f'(goal: {goal})' if goal else ''}".rstrip())
