"""`demo`: the bundled example sprint on a repository made for it."""

import os
import shlex
import sys
import tempfile
from pathlib import Path

import click

from caloron_actors.cli.execution import execute
from caloron_actors.cli.exits import failures_of_a_run


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
def demo(as_json: bool) -> None:  # noqa: FBT001 - click passes options by name
    """Run the example sprint with the bundled agent, in a fresh directory, and say what to look at next."""
    from caloron_actors.app.demo import demo_options  # noqa: PLC0415 - a fast --help

    with failures_of_a_run():
        place = Path(tempfile.mkdtemp(prefix="caloron-demo-"))
        options = demo_options(place, dict(os.environ))
        code = execute(options, as_json=as_json)
        python = shlex.quote(sys.executable)
        state = shlex.quote(str(options.state))
        click.echo(
            f"""
what to look at next:
  the report           cat {state}/report.md
  the merged history   git -C {state}/forge/repositories/local/calculator.git log --graph --oneline
  the forge itself     {python} -m caloron_actors forge serve --state {state}
  the plan             {python} -m caloron_actors dag check {shlex.quote(str(place))}/calculator.toml""",
            err=True,
        )
        raise SystemExit(code)
