"""Option values that are more than a word."""

from datetime import timedelta
from pathlib import Path

import click

from caloron_actors.domain.dag.duration import DURATION_RULE, parse_duration


class Duration(click.ParamType[timedelta]):
    """A length of time: `90s`, `20m`, `2h`, `1h30m`."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read it, or fail as a usage error."""
        if isinstance(value, timedelta):
            return value
        length = parse_duration(str(value))
        if length is None or length <= timedelta(0):
            self.fail(f"{value!r} is not {DURATION_RULE}", param, ctx)
        return length


state_option = click.option(
    "--state",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="State directory of a run or of the service (default: the service's).",
)
"""For commands that look at a state directory, whoever owns it just now."""
