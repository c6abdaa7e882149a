"""The environment and configuration of every git process: made here, only PATH and TMPDIR are inherited."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

CONFIG_FILE = Path(__file__).with_name("pinned.gitconfig")

PINNED_CONFIG: tuple[tuple[str, str], ...] = (
    # Nothing that a repository could name is ever started.
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.untrackedCache", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.pager", "cat"),
    ("core.askPass", ""),
    ("core.sshCommand", "ssh -o BatchMode=yes"),
    ("credential.helper", ""),
    ("commit.gpgSign", "false"),
    ("push.gpgSign", "false"),
    ("protocol.ext.allow", "never"),
    # No process outlives the one that was asked for.
    ("gc.auto", "0"),
    ("gc.autoDetach", "false"),
    ("maintenance.auto", "false"),
    ("receive.autogc", "false"),
    # Submodules are never entered.
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("push.recurseSubmodules", "no"),
    ("diff.ignoreSubmodules", "all"),
    # Content goes in and out byte by byte, and names are shown as they are.
    ("core.autocrlf", "false"),
    ("core.safecrlf", "false"),
    ("core.fileMode", "true"),
    ("core.symlinks", "true"),
    ("core.ignoreCase", "false"),
    ("core.precomposeUnicode", "false"),
    ("core.quotePath", "false"),
    ("core.logAllRefUpdates", "false"),
    ("advice.detachedHead", "false"),
    # What a durable record names has to be on the disk as well: git leaves loose objects and refs to chance.
    ("core.fsync", "committed,reference"),
    ("core.fsyncMethod", "batch"),
    ("safe.directory", "*"),
)


class Surroundings(TypedDict, total=False):
    """Where a git command works. Paths are absolute; a `git_dir` must not be one that an agent can write.

    `secret_config` travels by environment only, as all configuration does; `extra_env` is added last.
    Without `cwd` the command runs in `work_tree`, else in `/`, where it finds no repository by itself.
    """

    git_dir: Path | None
    work_tree: Path | None
    index: Path | None
    objects: Path | None
    alternates: Sequence[Path]
    cwd: Path | None
    config: Sequence[tuple[str, str]]
    secret_config: Sequence[tuple[str, str]]
    extra_env: Mapping[str, str]


def environment(where: Surroundings) -> dict[str, str]:
    """Build the whole environment of one git process."""
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(CONFIG_FILE),
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_CEILING_DIRECTORIES": "/",
        "GIT_EDITOR": "false",
        "GIT_PAGER": "cat",
    }
    if temporary := os.environ.get("TMPDIR"):
        env["TMPDIR"] = temporary
    env |= _places(where)
    pairs = (*PINNED_CONFIG, *where.get("config", ()), *where.get("secret_config", ()))
    env["GIT_CONFIG_COUNT"] = str(len(pairs))
    for number, (key, value) in enumerate(pairs):
        env[f"GIT_CONFIG_KEY_{number}"] = key
        env[f"GIT_CONFIG_VALUE_{number}"] = value
    return env | dict(where.get("extra_env", {}))


def working_directory(where: Surroundings) -> Path:
    """The directory a command runs in: as told, else the work tree, else one that is no repository."""
    return where.get("cwd") or where.get("work_tree") or Path("/")


def _places(where: Surroundings) -> dict[str, str]:
    named = {
        "GIT_DIR": where.get("git_dir"),
        # Pinned too, so that a `commondir` file in the git directory leads nowhere else.
        "GIT_COMMON_DIR": where.get("git_dir"),
        "GIT_WORK_TREE": where.get("work_tree"),
        "GIT_INDEX_FILE": where.get("index"),
        "GIT_OBJECT_DIRECTORY": where.get("objects"),
    }
    env = {name: str(path) for name, path in named.items() if path is not None}
    if alternates := where.get("alternates", ()):
        env["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = ":".join(_quoted(path) for path in alternates)
    return env


def _quoted(path: Path) -> str:
    # Git splits the list at colons and undoes C quotes of an entry that begins with one.
    text = str(path)
    if ":" not in text and not text.startswith('"'):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
