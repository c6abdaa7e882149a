"""`doctor`: is what is here in order?"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from caloron_actors.cli.exits import Exit, failures_of_a_run
from caloron_actors.cli.values import state_option
from caloron_actors.domain.marker import one_line

if TYPE_CHECKING:
    from caloron_actors.app.doctor import Check

LINE_LIMIT = 2000


@click.group()
def doctor() -> None:
    """Checks that change nothing."""


@doctor.command("state")
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def check_state(state: Path | None, as_json: bool) -> None:  # noqa: FBT001 - click passes options by name
    """Check a state directory from its permissions to every row of its database; changes nothing.

    Works beside a running service. One line for each check. Exit codes: 0 all is well, 1 something is not.
    """
    with failures_of_a_run():
        from caloron_actors.app.doctor import diagnose  # noqa: PLC0415 - a fast --help
        from caloron_actors.app.version import step_version  # noqa: PLC0415
        from caloron_actors.settings import default_state_directory  # noqa: PLC0415

        found = diagnose(state or default_state_directory(os.environ), step_version())
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        for check in found.checks:
            click.echo(one_line(_line(check), LINE_LIMIT))
    raise SystemExit(Exit.OK if found.ok else Exit.NOT_SUCCEEDED)


def _line(check: "Check") -> str:
    if check.ok:
        return f"ok       {check.name}: {check.found}"
    return f"TROUBLE  {check.name}: {check.found}; {check.remedy}"
