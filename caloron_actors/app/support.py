"""What a plan may ask for that this version cannot keep: refused, where ignoring it would break a promise."""

from collections.abc import Iterator

from caloron_actors.app.mistakes import Mistakes
from caloron_actors.domain.dag import Dag


def check_supported(dag: Dag) -> None:
    """Raises `Mistakes` for every limit in the plan that would be ignored."""
    wrong = list(_unsupported(dag))
    if wrong:
        raise Mistakes(wrong)


def _unsupported(dag: Dag) -> Iterator[str]:
    if dag.review.require_checks:
        yield "review.require_checks: checks cannot be read by this version; leave the key away"
    for n, task in enumerate(dag.tasks):
        for key, limit in (("tokens", task.budget.tokens), ("money", task.budget.money)):
            if limit is not None:
                place = f"tasks[{n}].budget.{key}: task {task.id}"
                yield f"{place}: cannot be kept by this version; use wall_time or attempts"
