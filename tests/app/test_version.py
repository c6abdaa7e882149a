"""The name of the running `step` changes with every change of the domain, and with nothing else."""

import shutil
from pathlib import Path

import pytest

from caloron_actors import domain
from caloron_actors.app.version import step_version, version_of

DOMAIN = Path(domain.__file__).parent


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DOMAIN, tmp_path / "domain", ignore=shutil.ignore_patterns("__pycache__")))


def test_it_is_made_of_the_source_alone(copied: Path) -> None:
    assert version_of(copied) == step_version() == version_of(DOMAIN)
    assert len(step_version()) == 12
    (copied / "notes.txt").write_text("no source")
    (copied / "__pycache__").mkdir()
    (copied / "__pycache__" / "step.cpython-311.pyc").write_bytes(b"x")
    assert version_of(copied) == step_version()


def test_any_change_of_the_source_changes_it(copied: Path) -> None:
    seen = {step_version()}
    step = copied / "sprint" / "step.py"
    step.write_text(f"{step.read_text()}\n")
    seen.add(version_of(copied))
    step.rename(step.with_name("steps.py"))
    (copied / "dag" / "step.py").write_text(step.with_name("steps.py").read_text())
    seen.add(version_of(copied))
    (copied / "more.py").touch()
    seen.add(version_of(copied))
    assert len(seen) == 4


def test_without_sources_there_is_no_name(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="not installed"):
        version_of(tmp_path)
