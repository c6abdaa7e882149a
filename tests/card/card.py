"""The reliability card: its rows, and its place in the README."""

from tests.card.figures import Figures

BEGIN = "<!-- reliability card: written by scripts/card -->"
END = "<!-- end of the reliability card -->"


def rows(figures: Figures) -> list[tuple[str, str]]:
    """What is told, and how it stands."""
    simulated, counted, stormed = figures.simulated, figures.counted, figures.stormed
    trouble = f"{simulated.faults:,} faults, {simulated.lives:,} lives of the service"
    return [
        (
            "simulated: seeds run",
            f"{simulated.seeds:,}, of them {simulated.twice:,} twice with the same steps",
        ),
        ("simulated: what happened to them", f"{trouble}, {simulated.virtual_hours:,.0f} virtual hours"),
        ("simulated: seeds that broke a promise", f"{simulated.broken:,}"),
        ("simulated: planted mistakes found", f"{figures.mutants.found} of {figures.mutants.planted}"),
        (
            "census: crash points covered, before and after",
            f"{counted.points_covered} of {counted.points_total}, {counted.kills:,} kills",
        ),
        ("census: final worlds that differ", f"{counted.differences}"),
        ("census: duplicates, losses", f"{counted.duplicates}, {counted.losses}"),
        ("census: false kills (agents ended or started twice)", f"{counted.false_kills}"),
        (
            "restart to the first commit, p50 / p90 / p99",
            _seconds(counted.first_commit_p50, counted.first_commit_p90, counted.first_commit_p99),
        ),
        (
            "restart to the end of the sprint, p50 / p90 / p99",
            _seconds(counted.recovery_p50, counted.recovery_p90, counted.recovery_p99),
        ),
        ("external calls per task", f"{counted.calls_per_task:.0f}"),
        (
            "storm of SIGKILLs on a run of six tasks",
            f"{stormed.kills} kills, {stormed.alive} times an agent lived through one, {stormed.wrong} wrong",
        ),
    ]


def render(figures: Figures) -> str:
    """The card as Markdown, with its marks."""
    lines = [f"| {told} | {stands} |" for told, stands in rows(figures)]
    return "\n".join([BEGIN, "| | |", "|---|---|", *lines, END])


def told(readme: str) -> list[str]:
    """The first column of the card in a README. Raises ValueError when there is no card."""
    lines = _card(readme)[0].splitlines()[3:-1]
    return [line.split(" | ")[0].removeprefix("| ") for line in lines]


def replaced(readme: str, card: str) -> str:
    """The README with this card in the place of its own. Raises ValueError when it has none."""
    _, before, after = _card(readme)
    return before + card + after


def _card(readme: str) -> tuple[str, str, str]:
    before, begin, rest = readme.partition(BEGIN)
    inside, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no reliability card: the lines {BEGIN} and {END} are needed")
    return begin + inside + end, before, after


def _seconds(*values: float) -> str:
    return " / ".join(f"{value:.1f}" for value in values) + " s"
