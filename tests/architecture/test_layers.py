"""The import contracts hold, and break where they should: each one on a violation planted in a copy."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

PLANTED = {
    "domain/planted.py": "import caloron_actors.ports\n",
    "views/planted.py": "import caloron_actors.settings\n",
    "runtime/planted.py": "import caloron_actors.domain.ids\n",
    "adapters/system/planted.py": "import caloron_actors.adapters.memory\n",
    "actors/planted.py": "import caloron_actors.adapters\n",
}


def checked(root: Path) -> tuple[int, str]:
    """The exit status and the words of the linter on the checkout at `root`."""
    lint_imports = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [lint_imports, "--no-cache", "--no-logo"], cwd=root, capture_output=True, text=True, check=False
    )
    return result.returncode, result.stdout


def test_dependencies_point_one_way() -> None:
    code, words = checked(ROOT)
    assert code == 0, words


def test_each_contract_notices_its_violation(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(
        ROOT / "caloron_actors", tmp_path / "caloron_actors", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name, text in PLANTED.items():
        (tmp_path / "caloron_actors" / name).write_text(text)
    code, words = checked(tmp_path)
    assert code == 1, words
    assert "0 kept, 3 broken" in words
    for name, text in PLANTED.items():
        module = "caloron_actors." + name.removesuffix(".py").replace("/", ".")
        assert f"{module} -> {text.split()[1]}" in words
