"""Which git is good enough."""

from pathlib import Path

import pytest

from caloron_actors.git import Git, GitUnusable


def pretend(folder: Path, says: str) -> None:
    program = folder / "git"
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    "says", ["git version 2.38.0", "git version 2.39.5 (Apple Git-154)", "git version 3.0.rc1"]
)
async def test_new_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str) -> None:
    pretend(tmp_path, says)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (await Git.find()).executable == str(tmp_path / "git")


@pytest.mark.parametrize("says", ["git version 2.37.9", "git version 1.9", "something else", ""])
async def test_too_old_or_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str) -> None:
    pretend(tmp_path, says)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitUnusable, match=r"2\.38"):
        await Git.find()


async def test_no_git_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitUnusable, match=r"no git on PATH; install git 2\.38"):
        await Git.find()
