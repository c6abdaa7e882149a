"""What an agent plants for git to run or to read: none of it is run, and none of it reaches the mirror."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from caloron_actors.domain.ids import Commit
from caloron_actors.git import Git
from caloron_actors.ports.workspace import Collected
from tests.adapters.workspace.conftest import PLACE, REVIEWER, Bench, git

Plant = Callable[[Bench], None]


def script(bench: Bench, name: str) -> str:
    """A program that leaves a trace when it is run, whatever it is run for."""
    path = bench.outside / f"planted-{name}"
    path.write_text(f"#!/bin/sh\ntouch '{bench.canary}/{name}'\ncat\n")
    path.chmod(0o755)
    return str(path)


def config(bench: Bench, name: str, value: str) -> None:
    git(bench.outside, "config", "--file", str(bench.tree / ".git/config"), name, value)


def fsmonitor(bench: Bench) -> None:
    config(bench, "core.fsmonitor", script(bench, "fsmonitor"))
    config(bench, "core.fsmonitorHookVersion", "1")


HOOKS = (
    "pre-commit",
    "post-checkout",
    "reference-transaction",
    "post-index-change",
    "pre-push",
    "fsmonitor-watchman",
)


def hooks(bench: Bench) -> None:
    folder = bench.tree / ".git/hooks"
    folder.mkdir()
    for name in HOOKS:
        (folder / name).symlink_to(script(bench, "hook"))


def hooks_path(bench: Bench) -> None:
    folder = bench.tree / "githooks"
    folder.mkdir()
    for name in HOOKS:
        (folder / name).symlink_to(script(bench, "hook"))
    config(bench, "core.hooksPath", str(folder))


def drivers(bench: Bench) -> None:
    text = "* filter=x diff=x merge=x text eol=crlf ident working-tree-encoding=UTF-16\n"
    bench.write({".gitattributes": text.encode(), "src/.gitattributes": text.encode()})
    (bench.tree / ".git/info/attributes").write_text(text)
    for key in ("clean", "smudge", "process"):
        config(bench, f"filter.x.{key}", script(bench, key))
    config(bench, "filter.x.required", "true")
    for key in ("diff.x.command", "diff.x.textconv", "diff.external", "merge.x.driver"):
        config(bench, key, script(bench, "driver"))


def programs(bench: Bench) -> None:
    for key in (
        "core.sshCommand",
        "core.editor",
        "core.pager",
        "gpg.program",
        "credential.helper",
        "core.askPass",
    ):
        config(bench, key, script(bench, "program"))
    config(bench, "uploadpack.packObjectsHook", script(bench, "pack"))
    config(bench, "commit.gpgSign", "true")
    config(bench, "include.path", str(bench.tree / "more.config"))
    bench.write({"more.config": f"[core]\n\tfsmonitor = {script(bench, 'included')}\n".encode()})


def other_work_tree(bench: Bench) -> None:
    config(bench, "core.worktree", str(bench.outside))


def common_dir(bench: Bench) -> None:
    (bench.tree / ".git/commondir").write_text(f"{bench.mirror}\n")


def reference_format(bench: Bench) -> None:
    config(bench, "core.repositoryFormatVersion", "1")
    config(bench, "extensions.objectFormat", "sha256")


def replacements(bench: Bench) -> None:
    """Every commit is another one, for whoever believes it."""
    head = (bench.tree / ".git/HEAD").read_text().strip()
    folder = bench.tree / ".git/refs/replace"
    folder.mkdir()
    (folder / head).write_text(f"{'1' * 40}\n")
    (bench.tree / ".git/info/grafts").write_text(f"{head} {'1' * 40}\n")


def git_file(bench: Bench) -> None:
    (bench.tree / ".git").rename(bench.outside / "was-git")
    (bench.tree / ".git").write_text(f"gitdir: {bench.mirror}\n")


def git_link(bench: Bench) -> None:
    (bench.tree / ".git").rename(bench.outside / "was-git")
    (bench.tree / ".git").symlink_to(bench.mirror)


def no_git(bench: Bench) -> None:
    (bench.tree / ".git").rename(bench.outside / "was-git")


def other_repository(bench: Bench) -> Path:
    """A repository that the agent may not read, for the service to be led to."""
    path = bench.outside / "secret"
    git(bench.outside, "init", "--quiet", str(path))
    (path / "secret.txt").write_text("secret")
    git(path, "add", "--all")
    git(path, "commit", "--quiet", "--message=secret")
    return path


def alternates(bench: Bench) -> None:
    (bench.tree / ".git/objects/info/alternates").write_text(f"{other_repository(bench)}/.git/objects\n")


def linked_objects(bench: Bench) -> None:
    objects = bench.tree / ".git/objects"
    objects.rename(bench.outside / "was-objects")
    objects.symlink_to(other_repository(bench) / ".git/objects")


def head_link(bench: Bench) -> None:
    head = bench.tree / ".git/HEAD"
    head.unlink()
    head.symlink_to(other_repository(bench) / ".git/HEAD")


def head_pipe(bench: Bench) -> None:
    head = bench.tree / ".git/HEAD"
    head.unlink()
    os.mkfifo(head)


def head_folder(bench: Bench) -> None:
    head = bench.tree / ".git/HEAD"
    head.unlink()
    head.mkdir()


def head_text(text: str) -> Plant:
    def plant(bench: Bench) -> None:
        (bench.tree / ".git/HEAD").write_text(text)

    return plant


def linked_refs(bench: Bench) -> None:
    refs = bench.tree / ".git/refs"
    refs.rename(bench.outside / "was-refs")
    refs.symlink_to(other_repository(bench) / ".git/refs")
    (bench.tree / ".git/HEAD").write_text("ref: refs/heads/master\n")


PLANTS: dict[str, Plant] = {
    "fsmonitor": fsmonitor,
    "hooks": hooks,
    "hooks-path": hooks_path,
    "drivers": drivers,
    "programs": programs,
    "work-tree": other_work_tree,
    "commondir": common_dir,
    "format": reference_format,
    "replacements": replacements,
    "git-file": git_file,
    "git-link": git_link,
    "no-git": no_git,
    "alternates": alternates,
    "linked-objects": linked_objects,
    "head-link": head_link,
    "head-pipe": head_pipe,
    "head-folder": head_folder,
    "head-empty": head_text(""),
    "head-garbage": head_text("\x00\xff garbage"),
    "head-out": head_text("ref: ../../../forge.git/HEAD\n"),
    "head-absolute": head_text("ref: /etc/passwd\n"),
    "head-loop": head_text("ref: HEAD\n"),
    "head-unborn": head_text("ref: refs/heads/none\n"),
    "linked-refs": linked_refs,
}


@pytest.mark.parametrize("name", PLANTS)
async def test_planted(bench: Bench, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = traced(bench)
    prepared = await bench.fresh()
    before = (bench.mirror / "config").read_bytes()
    PLANTS[name](bench)
    bench.write({"src/a.py": b"two\n"})
    for variable, value in {
        "GIT_DIR": str(bench.human),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": script(bench, "environment"),
        "GIT_EXTERNAL_DIFF": script(bench, "environment"),
        "GIT_OBJECT_DIRECTORY": str(bench.outside),
    }.items():
        monkeypatch.setenv(variable, value)
    commit = await through_a_whole_life(bench, prepared.start)
    monkeypatch.undo()
    assert bench.content(commit, "src/a.py") == b"two\n"
    assert bench.parents(commit) == [prepared.start]
    assert list(bench.canary.iterdir()) == []
    assert "/planted-" not in trace.read_text()
    assert (bench.mirror / "config").read_bytes() == before
    assert all(ref.startswith("refs/caloron/") for ref in bench.refs())
    assert not (bench.mirror / "objects/info/alternates").exists()
    assert git(bench.mirror, "log", "--all", "--format=%s", "--", "secret.txt") == ""
    assert git(bench.human, "status", "--porcelain") == ""


async def through_a_whole_life(bench: Bench, start: Commit) -> Commit:
    """Everything that a workspace does with a working copy; gives what was collected first."""
    assert await bench.workspace.save(PLACE, start, "before") is not None
    commit = await bench.collected(start)
    await bench.workspace.push(PLACE.branch, commit, None)
    await bench.workspace.diff(start, commit)
    base = bench.human_pushes("main", {"src/a.py": b"three\n"})
    await bench.workspace.prepare_review(PLACE, REVIEWER, commit)
    rework = await bench.workspace.prepare_rework(PLACE, commit, merge_base_in=True)
    assert rework.conflicts == ("src/a.py",)
    assert bench.agent("status", "--porcelain") == ""
    assert bench.agent("rev-parse", "HEAD") == commit
    assert bench.agent("rev-parse", "origin/main", "origin/HEAD").split() == [base, base]
    bench.write({"more": b"more\n"})
    assert isinstance(await bench.collect(commit), Collected)
    await bench.fresh()
    await bench.workspace.discard(PLACE.task)
    return commit


async def test_a_package_named_like_ours_is_only_a_file(bench: Bench) -> None:
    prepared = await bench.fresh()
    trap = f"open({str(bench.canary / 'imported')!r}, 'w')\n".encode()
    bench.write({"caloron_actors/__init__.py": trap, "msgspec.py": trap, "sitecustomize.py": trap})
    commit = await bench.collected(prepared.start)
    assert "msgspec.py" in bench.files(commit)
    assert list(bench.canary.iterdir()) == []


async def test_a_working_copy_that_became_a_link(bench: Bench) -> None:
    prepared = await bench.fresh()
    bench.tree.rename(bench.outside / "moved")
    bench.tree.symlink_to(bench.human)
    answer = await bench.collect(prepared.start)
    assert "no directory" in str(answer)
    again = await bench.workspace.prepare_rework(PLACE, prepared.start, merge_base_in=False)
    assert not again.path.is_symlink()
    assert (bench.human / "README.md").is_file()
    bench.tree.rename(bench.outside / "moved-again")
    bench.tree.symlink_to(bench.human)
    await bench.fresh()
    await bench.workspace.discard(PLACE.task)
    assert (bench.human / "README.md").is_file()


async def test_links_out_of_the_tree_are_taken_as_links(bench: Bench) -> None:
    prepared = await bench.fresh()
    secret = other_repository(bench)
    (bench.tree / "out").symlink_to(secret)
    (bench.tree / "passwd").symlink_to("/etc/passwd")
    for path in (bench.tree / "src").iterdir():
        path.unlink()
    (bench.tree / "src").rmdir()
    (bench.tree / "src").symlink_to(secret)
    commit = await bench.collected(prepared.start)
    files = bench.files(commit)
    assert {name for name, entry in files.items() if entry.startswith("120000")} == {"out", "passwd", "src"}
    assert bench.content(commit, "src") == str(secret).encode()
    # Going back writes `src/a.py` into a directory again, and nothing where the link led.
    await bench.workspace.prepare_rework(PLACE, prepared.start, merge_base_in=False)
    assert (bench.tree / "src/a.py").read_bytes() == b"one\n"
    assert not (bench.tree / "src").is_symlink()
    assert sorted(path.name for path in secret.iterdir()) == [".git", "secret.txt"]


@pytest.mark.parametrize("commits", [True, False])
async def test_a_nested_repository_is_refused_by_name(bench: Bench, commits: bool) -> None:
    prepared = await bench.fresh()
    nested = bench.tree / "lib/nested repo"
    nested.mkdir(parents=True)
    git(nested, "init", "--quiet")
    git(nested, "config", "core.fsmonitor", script(bench, "nested"))
    (nested / "file").write_text("x")
    if commits:
        git(nested, "-c", "core.fsmonitor=false", "add", "--all")
        git(nested, "-c", "core.fsmonitor=false", "commit", "--quiet", "--message=nested")
    bench.write({"beside": b"b\n"})
    assert "lib/nested repo" in str(await bench.collect(prepared.start))
    saved = await bench.workspace.save(PLACE, prepared.start, "kept")
    assert saved is not None
    assert set(bench.files(saved)) == {"README.md", "src/a.py", ".gitignore", "beside"}
    assert list(bench.canary.iterdir()) == []
    await bench.workspace.prepare_rework(PLACE, prepared.start, merge_base_in=False)
    assert not nested.exists()


async def test_a_nested_repository_that_was_committed_is_refused(bench: Bench) -> None:
    prepared = await bench.fresh()
    git(bench.tree, "init", "--quiet", "nested")
    git(bench.tree / "nested", "commit", "--quiet", "--allow-empty", "--message=nested")
    bench.write({".gitmodules": b'[submodule "x"]\n\tpath = nested\n\turl = ./nested\n'})
    bench.agent("add", "--all")
    bench.agent("commit", "--quiet", "--message=submodule")
    answer = str(await bench.collect(prepared.start))
    assert "nested" in answer
    assert "submodule" in answer


async def test_repositories_in_ignored_and_in_tracked_folders(bench: Bench) -> None:
    prepared = await bench.fresh()
    for name in ("ignored/cache", "src"):
        (bench.tree / name).mkdir(parents=True, exist_ok=True)
        git(bench.tree / name, "init", "--quiet")
        git(bench.tree / name, "commit", "--quiet", "--allow-empty", "--message=x")
    bench.write({"src/b.py": b"b\n", "bad/.git": b"garbage", "bad/file": b"f"})
    commit = await bench.collected(prepared.start)
    assert set(bench.files(commit)) == {"README.md", "src/a.py", "src/b.py", ".gitignore", "bad/file"}


def traced(bench: Bench) -> Path:
    """Have every git of the workspace, and those it starts, write down what they start."""
    trace, wrapper = bench.outside / "trace", bench.outside / "traced-git"
    wrapper.write_text(f'#!/bin/sh\nGIT_TRACE="{trace}" exec "{bench.program.executable}" "$@"\n')
    wrapper.chmod(0o755)
    bench.program = Git(str(wrapper))
    bench.workspace = bench.opened()
    return trace


async def with_submodule(bench: Bench) -> Commit:
    """The base has a submodule, and the agent has filled it and plants something in it. Gives the start."""
    source = other_repository(bench)
    entry = f"160000,{git(source, 'rev-parse', 'HEAD')},vendor/lib"
    git(bench.human, "update-index", "--add", "--cacheinfo", entry)
    git(bench.human, "commit", "--quiet", "--message=submodule")
    git(bench.human, "push", "--quiet", "origin", "HEAD:refs/heads/main")
    prepared = await bench.fresh()
    git(bench.tree, "clone", "--quiet", str(source), "vendor/lib")
    return prepared.start


async def test_a_submodule_that_the_agent_filled_stays_as_it_was(bench: Bench) -> None:
    start = await with_submodule(bench)
    git(bench.tree / "vendor/lib", "config", "core.fsmonitor", script(bench, "submodule"))
    bench.write({"new": b"n\n", "vendor/lib/file": b"f", "vendor/lib/secret.txt": b"changed"})
    commit = await bench.collected(start)
    assert bench.files(commit)["vendor/lib"] == bench.files(start)["vendor/lib"]
    assert set(bench.files(commit)) == {"README.md", "src/a.py", ".gitignore", "new", "vendor/lib"}
    assert list(bench.canary.iterdir()) == []


async def test_a_submodule_that_the_agent_moved_is_refused_by_name(bench: Bench) -> None:
    start = await with_submodule(bench)
    git(bench.tree / "vendor/lib", "commit", "--quiet", "--allow-empty", "--message=x")
    git(bench.tree / "vendor/lib", "config", "core.fsmonitor", script(bench, "submodule"))
    bench.write({"new": b"n\n"})
    assert "vendor/lib" in str(await bench.collect(start))
    assert list(bench.canary.iterdir()) == []


@pytest.mark.parametrize("committed", [True, False])
async def test_filters_planted_in_a_submodule(bench: Bench, committed: bool) -> None:
    start = await with_submodule(bench)
    lib = bench.tree / "vendor/lib"
    git(lib, "config", "filter.x.clean", script(bench, "clean"))
    (lib / ".git/info/attributes").write_text("* filter=x\n")
    if committed:
        git(bench.tree, "init", "--quiet", "own")
        git(bench.tree / "own", "commit", "--quiet", "--allow-empty", "--message=own")
        bench.agent("add", "own")
        bench.agent("commit", "--quiet", "--message=own")
        (bench.tree / "own/.git/info/attributes").write_text("* filter=x\n")
        git(bench.tree / "own", "config", "filter.x.clean", script(bench, "own"))
        bench.write({"own/file": b"f"})
    (lib / "secret.txt").write_text("secreT")
    bench.write({"new": b"n\n", ".gitignore": b"!vendor/\n!lib/\n!own/\n"})
    seen = traced(bench)
    answer = await bench.collect(start)
    assert isinstance(answer, Collected) is not committed
    assert await bench.workspace.save(PLACE, start, "kept") is not None
    await bench.workspace.prepare_rework(PLACE, start, merge_base_in=True)
    await bench.workspace.prepare_review(PLACE, REVIEWER, start)
    without = bench.human_pushes("main", {"vendor/lib": b"a file now\n"})
    bench.write({"vendor/lib/file": b"f"})
    await bench.workspace.base()
    await bench.workspace.prepare_rework(PLACE, without, merge_base_in=True)
    assert (bench.tree / "vendor/lib").read_bytes() == b"a file now\n"
    await bench.workspace.discard(PLACE.task)
    assert list(bench.canary.iterdir()) == []
    # No git started another one for a repository inside a work tree.
    assert "run_command" in seen.read_text()
    assert "GIT_DIR=.git" not in seen.read_text()


async def test_a_submodule_that_keeps_its_git_directory_in_the_clones(bench: Bench) -> None:
    start = await with_submodule(bench)
    modules = bench.tree / ".git/modules/vendor"
    modules.mkdir(parents=True)
    (bench.tree / "vendor/lib/.git").rename(modules / "lib")
    (bench.tree / "vendor/lib/.git").write_text("gitdir: ../../.git/modules/vendor/lib\n")
    bench.write({"new": b"n\n"})
    commit = await bench.collected(start)
    assert bench.files(commit)["vendor/lib"] == bench.files(start)["vendor/lib"]
    (modules / "lib/HEAD").write_text(f"{'3' * 40}\n")
    assert "vendor/lib" in str(await bench.collect(start))
    (bench.tree / "vendor/lib/.git").write_text(f"gitdir: {bench.human}/.git\n")
    assert isinstance(await bench.collect(start), Collected)


async def test_a_submodule_without_a_repository_and_one_that_was_removed(bench: Bench) -> None:
    start = await with_submodule(bench)
    (bench.tree / "vendor/lib/.git").rename(bench.outside / "was-git")
    bench.write({"new": b"n\n", ".gitignore": b"!vendor/\n!lib/\n"})
    assert "vendor/lib/secret.txt" not in bench.files(await bench.collected(start))
    (bench.tree / "vendor").rename(bench.outside / "was-vendor")
    commit = await bench.collected(start)
    assert bench.files(commit)["vendor/lib"] == bench.files(start)["vendor/lib"]
