"""The commands, their options and their help."""

import click

from caloron_actors import __version__
from caloron_actors.cli.dag import dag
from caloron_actors.cli.demo import demo
from caloron_actors.cli.doctor import doctor
from caloron_actors.cli.forge import forge
from caloron_actors.cli.replay import replay
from caloron_actors.cli.run import run
from caloron_actors.cli.serve import serve
from caloron_actors.cli.state import state


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="caloron_actors")
@click.pass_context
def main(context: click.Context) -> None:
    """Run sprints of coding agents: a plan in, merged pull requests and a report out.

    Without a command the service is started, as with `serve`.
    """
    if context.invoked_subcommand is None:
        context.invoke(serve)


for command in (run, dag, forge, demo, serve, replay, state, doctor):
    main.add_command(command)
