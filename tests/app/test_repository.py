"""The operator's repository, looked at with real git: what a sprint can start from, and what is refused why."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from caloron_actors.app.mistakes import Mistakes
from caloron_actors.app.repository import check_base_branch, check_outside, inspect, repository_name
from caloron_actors.domain.dag import Agent, Dag
from caloron_actors.domain.ids import AgentId, SprintId
from caloron_actors.git import Git

WHO = (("user.name", "Ada"), ("user.email", "ada@example.org"))


@pytest.fixture
async def git() -> Git:
    return await Git.find()


async def _new(git: Git, path: Path, *options: str, branch: str = "trunk", commit: bool = True) -> Path:
    await git.call("init", "--quiet", "--template=", f"--initial-branch={branch}", *options, str(path))
    if commit:
        await git.call("commit", "--quiet", "--allow-empty", "--message=Start", cwd=path, config=WHO)
    return path


@pytest.fixture
async def repository(git: Git, tmp_path: Path) -> Path:
    return await _new(git, tmp_path / "a tool")


def _dag(repository: str | None = None, base_branch: str | None = None) -> Dag:
    return Dag(
        id=SprintId("s1"),
        repository=repository,
        base_branch=base_branch,
        agents=(Agent(id=AgentId("dev")),),
        tasks=(),
    )


async def _refusal(git: Git, path: Path) -> str:
    with pytest.raises(Mistakes) as refused:
        await inspect(git, path)
    (line,) = refused.value.lines
    assert line.startswith(f"--repo {path}: ")
    return line


def _everything(path: Path) -> Iterator[tuple[str, int, int]]:
    for found in sorted(path.rglob("*")):
        status = found.lstat()
        yield str(found), status.st_mtime_ns, status.st_size


async def test_a_repository_is_looked_at_and_left_as_it_is(git: Git, repository: Path) -> None:
    before = list(_everything(repository))
    source = await inspect(git, repository)
    assert source.path == repository
    assert source.branch == "trunk"
    assert repository / ".git" in source.places
    assert list(_everything(repository)) == before


async def test_a_branch_may_have_any_name(git: Git, tmp_path: Path) -> None:
    path = await _new(git, tmp_path / "r", branch="feature/\u00fc-1")
    assert (await inspect(git, path)).branch == "feature/\u00fc-1"


async def test_a_path_may_be_relative_or_a_link(
    git: Git, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.parent)
    assert (await inspect(git, Path(repository.name))).path == repository
    link = repository.parent / "link"
    link.symlink_to(repository)
    assert (await inspect(git, link)).path == repository


async def test_bare_shallow_and_linked_repositories_will_do(
    git: Git, repository: Path, tmp_path: Path
) -> None:
    bare, shallow, linked = tmp_path / "bare.git", tmp_path / "shallow", tmp_path / "linked"
    await git.call("clone", "--quiet", "--bare", str(repository), str(bare))
    await git.call("commit", "--quiet", "--allow-empty", "--message=More", cwd=repository, config=WHO)
    await git.call("clone", "--quiet", "--depth=1", f"file://{repository}", str(shallow))
    await git.call("worktree", "add", "--quiet", "-b", "side", str(linked), cwd=repository)
    assert (await inspect(git, bare)).branch == "trunk"
    assert (await inspect(git, shallow)).branch == "trunk"
    source = await inspect(git, linked)
    assert (source.path, source.branch) == (linked, "side")
    assert {linked, repository, repository / ".git"} <= set(source.places)


async def test_what_is_no_repository_is_refused(git: Git, repository: Path, tmp_path: Path) -> None:
    """G8, E1: with the place and the remedy."""
    plain = tmp_path / "plain"
    plain.mkdir()
    file = tmp_path / "file"
    file.write_text("x")
    below = repository / "below"
    below.mkdir()
    assert "is no directory" in await _refusal(git, tmp_path / "missing")
    assert "is no directory" in await _refusal(git, file)
    assert "is no git repository" in await _refusal(git, plain)
    assert "is no git repository; name the top of one" in await _refusal(git, below)


async def test_a_broken_repository_is_refused(git: Git, tmp_path: Path) -> None:
    dangling = tmp_path / "dangling"
    dangling.mkdir()
    (dangling / ".git").write_text("gitdir: /nowhere\n")
    hollow = tmp_path / "hollow"
    (hollow / ".git").mkdir(parents=True)
    assert "is no git repository" in await _refusal(git, dangling)
    assert "is no git repository" in await _refusal(git, hollow)


async def test_a_repository_that_a_sprint_cannot_start_from_is_refused(git: Git, tmp_path: Path) -> None:
    empty = await _new(git, tmp_path / "empty", commit=False)
    other = await _new(git, tmp_path / "other", "--object-format=sha256")
    detached = await _new(git, tmp_path / "detached")
    await git.call("checkout", "--quiet", "--detach", cwd=detached)
    assert "has no commit" in await _refusal(git, empty)
    assert "its object format is sha256" in await _refusal(git, other)
    assert "its HEAD is detached" in await _refusal(git, detached)


@pytest.mark.parametrize(
    ("directory", "name"),
    [
        ("tool", "local/tool"),
        ("My Tool!", "local/My-Tool"),
        ("tool.git", "local/tool"),
        (".hidden", "local/hidden"),
        ("-x", "local/x"),
        ("\u00fc\u00fc", "local/repository"),
        ("x.lock", "local/repository"),
        ("a" * 120, "local/repository"),
    ],
)
async def test_the_repository_is_named_after_its_directory(
    git: Git, tmp_path: Path, directory: str, name: str
) -> None:
    source = await inspect(git, await _new(git, tmp_path / directory))
    assert repository_name(_dag(), source) == name
    assert repository_name(_dag(repository="Acme/Tool"), source) == "Acme/Tool"


async def test_another_base_branch_than_the_checked_out_one_is_refused(git: Git, repository: Path) -> None:
    source = await inspect(git, repository)
    check_base_branch(_dag(), source)
    check_base_branch(_dag(base_branch="trunk"), source)
    with pytest.raises(Mistakes, match=r"sprint\.base_branch: is 'main', but .* has 'trunk' checked out"):
        check_base_branch(_dag(base_branch="main"), source)


async def test_the_state_has_to_lie_outside(git: Git, repository: Path, tmp_path: Path) -> None:
    """Also when that is hidden behind a link, or the repository's git directory is elsewhere."""
    linked = tmp_path / "linked"
    await git.call("worktree", "add", "--quiet", "-b", "side", str(linked), cwd=repository)
    link = tmp_path / "link"
    link.symlink_to(repository / "state")
    source, side = await inspect(git, repository), await inspect(git, linked)
    check_outside(tmp_path / "state", source)
    check_outside(tmp_path / "a tool and more", source)
    for place in (
        repository,
        repository / "state",
        repository / ".git" / "state",
        link,
        repository / "x" / "..",
    ):
        with pytest.raises(Mistakes, match="lies inside the repository"):
            check_outside(place, source)
    for place in (linked, linked / "state", repository / ".git" / "state"):
        with pytest.raises(Mistakes, match="lies inside the repository"):
            check_outside(place, side)


async def test_a_variable_of_git_in_the_environment_changes_nothing(
    git: Git, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook or an alias of the operator's git may have started us."""
    elsewhere = await _new(git, tmp_path / "elsewhere", branch="wrong")
    monkeypatch.setenv("GIT_DIR", str(elsewhere / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(elsewhere))
    assert os.environ["GIT_DIR"]
    assert (await inspect(git, repository)).branch == "trunk"
