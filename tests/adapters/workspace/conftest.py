"""A workspace over a real forge repository, and hands for an agent that plants what it likes."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from caloron_actors.adapters.memory.clock import ManualClock
from caloron_actors.adapters.workspace import GitWorkspace, Remote
from caloron_actors.domain.ids import AgentId, Commit, SprintId, TaskId, branch_name
from caloron_actors.git import Git
from caloron_actors.ports.workspace import CollectAnswer, Collected, Place, Prepared

DEV, REVIEWER, TASK = AgentId("dev"), AgentId("rev"), TaskId("task-1")
PLACE = Place(task=TASK, agent=DEV, branch=branch_name(DEV, SprintId("s1"), TASK))
START = {"README.md": b"hello\n", "src/a.py": b"one\n", ".gitignore": b"ignored/\n"}


def git(cwd: Path, *args: str, stdin: bytes = b"", check: bool = True) -> str:
    """Git as people and agents run it: it finds the repository of `cwd` and obeys its configuration."""
    env = {"PATH": os.environ["PATH"], "HOME": str(cwd), "GIT_CONFIG_GLOBAL": "/dev/null"}
    env |= {
        f"GIT_{role}_{part}": "h@example.org"
        for role in ("AUTHOR", "COMMITTER")
        for part in ("NAME", "EMAIL")
    }
    done = subprocess.run(["git", *args], cwd=cwd, env=env, check=False, input=stdin, capture_output=True)  # noqa: S607
    assert done.returncode == 0 or not check, done.stderr
    return done.stdout.decode(errors="surrogateescape").strip()


def write(tree: Path, changes: Mapping[str, bytes | None]) -> None:
    for name, content in changes.items():
        path = tree / name
        if content is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


class Bench:
    """One task's world: the forge, a human's clone, the workspace and the agent's hands."""

    def __init__(self, root: Path, program: Git) -> None:
        self.outside = root
        self.root = root / "workspace"
        self.mirror = self.root / "mirror.git"
        self.tree = self.root / "tasks" / TASK / "tree"
        self.forge = root / "forge.git"
        self.human = root / "human"
        self.canary = root / "canary"
        self.canary.mkdir()
        self.program = program
        git(root, "init", "--quiet", "--bare", "--initial-branch=main", str(self.forge))
        git(root, "init", "--quiet", "--initial-branch=main", str(self.human))
        git(self.human, "remote", "add", "origin", str(self.forge))
        self.human_pushes("main", START)
        self.workspace = self.opened()

    def opened(self, remote: Remote | None = None) -> GitWorkspace:
        """The workspace as a new life of the service opens it."""
        clock = ManualClock()
        return GitWorkspace(
            self.root,
            self.program,
            remote or Remote(str(self.forge)),
            base_branch="main",
            wall=lambda: clock.now().wall,
        )

    def human_pushes(self, branch: str, changes: Mapping[str, bytes | None]) -> Commit:
        git(self.human, "fetch", "--quiet", "origin")
        if git(self.human, "branch", "--remotes", "--list", f"origin/{branch}"):
            git(self.human, "checkout", "--quiet", "--detach", f"origin/{branch}")
        write(self.human, changes)
        git(self.human, "add", "--all")
        git(self.human, "commit", "--quiet", "--message=by a human")
        git(self.human, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
        return Commit(git(self.human, "rev-parse", "HEAD"))

    def agent(self, *args: str, stdin: bytes = b"", check: bool = True) -> str:
        """Run git as the agent, in its clone."""
        return git(self.tree, *args, stdin=stdin, check=check)

    def write(self, changes: Mapping[str, bytes | None]) -> None:
        write(self.tree, changes)

    def agent_commits(self, changes: Mapping[str, bytes | None], message: str = "by the agent") -> Commit:
        self.write(changes)
        self.agent("add", "--all")
        self.agent("commit", "--quiet", "--message", message)
        return Commit(self.agent("rev-parse", "HEAD"))

    async def fresh(self) -> Prepared:
        return await self.workspace.prepare_fresh(PLACE)

    async def collect(self, start: Commit, *must_resolve: str) -> CollectAnswer:
        return await self.workspace.collect(PLACE, start, "Work", must_resolve=must_resolve)

    async def collected(self, start: Commit, *must_resolve: str) -> Commit:
        answer = await self.collect(start, *must_resolve)
        assert isinstance(answer, Collected), answer
        return answer.commit

    def seen(self, rev: str, *fields: str) -> str:
        """A commit of the mirror: `%s` its subject, `%P` its parents, and so on."""
        return git(self.mirror, "log", "-1", f"--format={' '.join(fields)}", rev)

    def parents(self, commit: Commit) -> list[str]:
        return self.seen(commit, "%P").split()

    def files(self, commit: Commit) -> dict[str, str]:
        """The paths of a commit of the mirror, each with its mode and the object's name."""
        listed = git(self.mirror, "ls-tree", "-r", "-z", commit).split("\0")
        return {line.split("\t")[1]: f"{line.split()[0]} {line.split()[2]}" for line in listed if line}

    def content(self, commit: Commit, path: str) -> bytes:
        where = f"--git-dir={self.mirror}"
        argv = ["git", where, "cat-file", "blob", f"{commit}:{path}"]
        return subprocess.run(argv, check=True, capture_output=True).stdout

    def refs(self) -> list[str]:
        return git(self.mirror, "for-each-ref", "--format=%(refname)").splitlines()

    def saved(self) -> list[Commit]:
        out = git(self.mirror, "for-each-ref", "--format=%(objectname)", f"refs/caloron/saved/{TASK}/")
        return [Commit(line) for line in out.splitlines()]


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, await Git.find())
