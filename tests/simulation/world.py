"""The world around the service: forge, repository, disk, agents and people. It outlives every life of the service."""

from datetime import timedelta

from anyio.abc import TaskGroup

from caloron_actors.adapters.github import Credential, GitHubForge
from caloron_actors.adapters.memory.forge import MemoryForge
from caloron_actors.adapters.memory.launcher import MemoryLauncher
from caloron_actors.adapters.memory.workspace import MemoryRepository, MemoryWorkspace
from caloron_actors.domain.dag import Dag
from caloron_actors.domain.events import Limits
from caloron_actors.domain.ids import AgentId, SprintId
from caloron_actors.domain.sprint.state import SprintPlan
from caloron_actors.ports.forge import Forge
from tests.simulation.agents import Agents, SimLauncher, WorldTasks
from tests.simulation.chance import Chance
from tests.simulation.checks import AUTHOR, Checks
from tests.simulation.clock import SimClock
from tests.simulation.forge import SimForge
from tests.simulation.loop import SimLoop
from tests.simulation.people import People
from tests.simulation.rest import RestForge
from tests.simulation.storage import Disk
from tests.simulation.trouble import Trouble
from tests.simulation.workload import REVIEWERS

REPOSITORY = "local/repo"
ORPHAN_LIMIT = timedelta(minutes=30)


class World:
    """All of it. `plain`: no faults, agents that do their work, calls that take no time."""

    def __init__(
        self,
        loop: SimLoop,
        group: TaskGroup,
        chance: Chance,
        plans: list[Dag],
        limits: Limits,
        *,
        mode: str,
        plain: bool,
    ) -> None:
        self.loop = loop
        self.mode = mode
        self.chance = chance
        self.limits = limits
        self.clock = SimClock(loop)
        self.trouble = Trouble(chance.stream("trouble"), loop, self.clock, quiet=plain)
        self.plans = {
            dag.id: SprintPlan(dag=dag, source="/repo", repository=REPOSITORY, base_branch="main")
            for dag in plans
        }
        self.logins = {agent: f"{AUTHOR}-{agent}" for agent in REVIEWERS}
        self.repository = MemoryRepository("main", {"README.md": b"start\n"})
        self.forge = MemoryForge(
            REPOSITORY,
            self.clock.true_wall,
            author_login=AUTHOR,
            reviewer_logins=self.logins,
            git=self.repository,
        )
        self.forge.lag = self.trouble.lag
        self.workspaces: dict[SprintId, MemoryWorkspace] = {
            sprint: MemoryWorkspace(self.repository) for sprint in self.plans
        }
        self.disk = Disk(self.trouble)
        self.agents = Agents(chance, self.trouble, self.workspaces, plain=plain)
        tasks = WorldTasks(loop, group)
        memory = MemoryLauncher(
            self.agents.play, tasks, orphan_limit=None if plain else ORPHAN_LIMIT, sleep=self.clock.sleep
        )
        self.agents.launcher = memory
        self.launcher = SimLauncher(memory, self.trouble, tasks)
        self.people = People(chance.stream("people"), self.forge, self.trouble)
        self.checks = Checks({dag.id: dag for dag in plans}, self.forge, self.agents.live)
        self.agents.starting = self.checks.starting

    def client(self, dag: Dag) -> Forge:
        """A connection of one life to the forge."""
        if self.mode == "client":
            return self._real_client(dag)
        return SimForge(self.forge, self.trouble, self.checks.merging)

    def _real_client(self, dag: Dag) -> GitHubForge:
        tokens: dict[str, AgentId | None] = {"token-author": None}
        tokens |= {f"token-{agent}": agent for agent in dag.needed_reviewers()}
        return GitHubForge(
            "http://forge.test",
            REPOSITORY,
            Credential("token-author", AUTHOR),
            {agent: Credential(f"token-{agent}", self.logins[agent]) for agent in dag.needed_reviewers()},
            self.clock.wall,
            transport=RestForge(self.forge, self.trouble, tokens, self.checks.merging),
        )
