"""Agents that plant what git, Python or a shell would run or follow: none of it runs outside of them, nothing leaks.

Predecessors' faults: S5 (things that an agent influences run on the host), S6 (its words steer others), J2 and J3 (one
agent's leftovers in another's work).
"""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.conftest import Bench, Finished, git
from tests.acceptance.staging import (
    Fingerprint,
    agents,
    commit_files,
    fingerprint,
    merges_in_order,
    recording,
    task,
    told,
    write_plan,
)

SECRET = "the-operators-secret"

PLANTS = {
    "config": """
printf '[core]\\n\\tfsmonitor = %s\\n\\thooksPath = %s\\n\\teditor = %s\\n\\tsshCommand = %s\\n[gpg]\\n\\tprogram = %s\\n' \\
    "$trap" "$PWD/traps" "$trap" "$trap" "$trap" > "$HOME/.gitconfig"
cat "$HOME/.gitconfig" >> .git/config
mkdir -p traps .git/hooks
for hook in pre-commit post-commit post-checkout reference-transaction pre-push post-merge post-index-change update \\
    pre-receive post-receive fsmonitor-watchman; do cp "$trap" traps/$hook; cp "$trap" .git/hooks/$hook; done
""",
    "filters": """
printf '* filter=trap diff=trap merge=trap\\n' > .gitattributes
mkdir -p .git/info; cp .gitattributes .git/info/attributes
printf '[filter "trap"]\\n\\tclean = %s\\n\\tsmudge = %s\\n\\tprocess = %s\\n\\trequired = true\\n' \\
    "$trap" "$trap" "$trap" >> .git/config
printf '[diff "trap"]\\n\\ttextconv = %s\\n\\tcommand = %s\\n' "$trap" "$trap" >> .git/config
printf '[merge "trap"]\\n\\tdriver = %s\\n[diff]\\n\\texternal = %s\\n' "$trap" "$trap" >> .git/config
""",
    "swapped": """
[ -d .git ] && mv .git was-git && rm -rf was-git
printf 'gitdir: %s/.git\\n' "{repository}" > .git
""",
    "linked": """
[ -L .git ] || rm -rf .git; rm -f .git
ln -s "{repository}/.git" .git
""",
    "symlinks": """
ln -sf "{secret}/secret.txt" secret-link; ln -sfn "{secret}" secret-directory; ln -sf /etc/passwd passwd
rm -rf docs; ln -sfn "{secret}" docs
""",
    "modules": """
mkdir -p caloron_actors
for name in caloron_actors/__init__ caloron_actors/json caloron_actors/__main__ json msgspec sitecustomize usercustomize
do printf 'open("%s/imported-%s", "w")\\n' "{canary}" "$(basename $name)" > $name.py; done
cp "$trap" git; cp "$trap" python3; cp "$trap" sh
""",
    "alternates": """
mkdir -p .git/objects/info
echo "{secret}/.git/objects" >> .git/objects/info/alternates
cp "{secret}/.git/refs/heads/main" .git/HEAD
""",
    "modules-file": """
printf '[submodule "x"]\\n\\tpath = x\\n\\turl = ext::%s\\n\\tupdate = !%s\\n' "$trap" "$trap" > .gitmodules
""",
}

AUTHOR = """
plain() {{ GIT_CONFIG_GLOBAL=/dev/null git "$@"; }}
trap={traps}/$CALORON_TASK_ID
echo "version $CALORON_ATTEMPT" > "$CALORON_TASK_ID.txt"
case $CALORON_TASK_ID in
{plants}
nested)
    plain init --quiet inner; echo inside > inner/file.txt; plain -C inner add .
    plain -C inner -c user.name=x -c user.email=x@agents.test commit --quiet -m inside ;;
pusher)
    plain push --quiet origin HEAD:refs/heads/main && touch {canary}/pushed
    plain update-ref refs/heads/main HEAD; plain update-ref refs/heads/agent/other HEAD ;;
talker) printf '\\033]0;owned\\007\\033[2Jred\\033[31m alert' >&2; exit 5 ;;
esac
[ "$CALORON_ATTEMPT" = 1 ] && [ -d .git ] && cp -r . {copies}/$CALORON_TASK_ID
exit 0
"""

REVIEWER = 'if grep -q "^+version 1"; then echo "CHANGES_NEEDED: once more"; else echo APPROVED; fi'

REFUSED = {
    "nested": "inner",
    "alternates": "commits",
    "talker": "5",
}
"""The tasks whose work cannot be taken, with a word of the reason."""

MERGED = [*(name for name in PLANTS if name not in REFUSED), "pusher"]


@dataclass(frozen=True)
class Run:
    """A finished run of hostile agents and what was there before it."""

    bench: Bench
    done: Finished
    repository: Fingerprint

    @property
    def bare(self) -> Path:
        return Path(self.done.result["repository"])


def set_traps(bench: Bench) -> None:
    """A program for each task that leaves a trace when it runs."""
    for name in ("canary", "traps", "copies", "record", "secret"):
        (bench.path / name).mkdir()
    for name in [*PLANTS, "environment"]:
        path = bench.path / "traps" / name
        path.write_text(f"#!/bin/sh\ntouch '{bench.path}/canary/{name}'\ncat\n")
        path.chmod(0o755)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    bench = Bench(tmp_path_factory.mktemp("hostile"))
    set_traps(bench)
    secret = bench.path / "secret"
    git(secret, "init", "--quiet", "--initial-branch=main")
    (secret / "secret.txt").write_text(f"{SECRET}\n")
    git(secret, "add", "--all")
    git(secret, "commit", "--quiet", f"--message={SECRET}")
    commit_files(bench, {"docs/a.md": "a\n", "docs/b.md": "b\n"})
    names = {
        "repository": bench.repository,
        "secret": secret,
        "canary": bench.path / "canary",
        "traps": bench.path / "traps",
        "copies": bench.path / "copies",
    }
    plants = "\n".join(f"{name}) {text.format(**names)};;" for name, text in PLANTS.items())
    agents(
        bench, recording(bench.path / "record", "author") + AUTHOR.format(plants=plants, **names), REVIEWER
    )
    everyone = [*MERGED, *REFUSED]
    roles = [(f"w-{name}", "developer") for name in everyone] + [("rita", "reviewer"), ("rolf", "reviewer")]
    tasks = [
        task(name, f"w-{name}", reviewed_by=["rita" if n % 2 else "rolf"]) for n, name in enumerate(everyone)
    ]
    write_plan(bench, *tasks, agents=roles)
    trap = str(bench.path / "traps" / "environment")
    bench.env |= {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": trap,
        "GIT_EXTERNAL_DIFF": trap,
        "GIT_DIR": str(secret / ".git"),
    }
    before = fingerprint(bench.repository)
    done = bench.run("--max-agents", "6")
    yield Run(bench, done, before)
    bench.close()


def test_work_with_things_planted_beside_it_is_merged_and_the_rest_is_refused(run: Run) -> None:
    expected = dict.fromkeys(MERGED, "done") | dict.fromkeys(REFUSED, "failed")
    assert run.done.statuses == expected, run.done.stderr
    assert (run.done.code, run.done.result["outcome"]) == (1, "partial")
    for name in MERGED:
        assert git(run.bare, "show", f"main:{name}.txt") == "version 2"
        assert told(run.done.result, name)["attempts"] == 2
    for name, word in REFUSED.items():
        assert word in told(run.done.result, name)["reason"]
    assert "\x1b" not in told(run.done.result, "talker")["reason"] + run.done.stderr


def test_nothing_that_was_planted_has_run(run: Run) -> None:
    assert [path.name for path in (run.bench.path / "canary").iterdir()] == []


def test_nothing_has_leaked_into_the_forge_or_the_users_repository(run: Run) -> None:
    assert fingerprint(run.bench.repository) == run.repository
    objects = git(run.bare, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split()
    for name in objects:
        content = subprocess.run(
            ["/usr/bin/env", "git", "cat-file", "-p", name], cwd=run.bare, capture_output=True, check=True
        ).stdout
        assert SECRET.encode() not in content, name
    assert SECRET not in (run.bare / "config").read_text()
    assert not (run.bare / "objects/info/alternates").exists()
    assert [path for path in (run.bare / "hooks").glob("*") if not path.name.endswith(".sample")] == []


def test_links_arrive_as_links_and_are_never_followed(run: Run) -> None:
    tree = {
        line.split("\t")[1]: line.split()[0] for line in git(run.bare, "ls-tree", "-r", "main").splitlines()
    }
    for name in ("secret-link", "secret-directory", "passwd", "docs"):
        assert tree[name] == "120000"
    assert not any(name.startswith(("docs/", "secret-directory/", "inner", ".git/")) for name in tree)
    assert "160000" not in tree.values()


def test_agents_move_no_branch_but_their_own(run: Run) -> None:
    commits = merges_in_order(run.bench, run.bare)
    assert set(commits) == {told(run.done.result, name)["merge_commit"] for name in MERGED}
    branches = git(run.bare, "for-each-ref", "--format=%(refname)", "refs/heads").splitlines()
    assert len(branches) == len(MERGED) + 1
    assert "refs/heads/agent/other" not in branches
    for name in MERGED:
        merge = told(run.done.result, name)["merge_commit"]
        changed = git(run.bare, "diff", "--name-only", f"{merge}^1...{merge}^2").splitlines()
        assert [path for path in changed if path.endswith(".txt")] == [f"{name}.txt"]


@pytest.mark.parametrize(
    ("name", "words"), [("config", ["status"]), ("filters", ["add", "--renormalize", "."])]
)
def test_the_traps_are_real(run: Run, tmp_path: Path, name: str, words: list[str]) -> None:
    copy, canary = run.bench.path / "copies" / name, run.bench.path / "canary" / name
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    subprocess.run(
        ["/usr/bin/env", "git", *words], cwd=copy, env=environment, capture_output=True, check=False
    )
    assert canary.exists()
    canary.unlink()
