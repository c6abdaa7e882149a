"""The life of a task as a table, drawn from the transitions that `step` keeps to."""

from caloron_actors.domain.transitions import TABLE


def lifecycle_table() -> str:
    """Markdown: for each status the events it meets and the statuses they may lead to; what is missing is refused."""
    moves: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (status, event), results in TABLE.items():
        others = tuple(sorted(result.value for result in results if result is not status))
        if others:
            moves.setdefault((status.value, others), []).append(event.__name__)
    lines = ["| status | event | may lead to |", "|---|---|---|"]
    for (name, others), events in moves.items():
        lines.append(f"| {name} | {', '.join(sorted(events))} | {', '.join(others)} |")
    return "\n".join(lines)
