"""Every file says what it owns and stays short enough to be read at once."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE_LIMIT = 300
FUNCTION_LIMIT = 50


def without_docstring(root: Path) -> list[str]:
    """The modules that do not open with what they are for."""
    return [
        str(path) for path in sorted(root.rglob("*.py")) if not ast.get_docstring(ast.parse(path.read_text()))
    ]


def long_files(root: Path) -> list[str]:
    """The modules of more than `FILE_LIMIT` lines, with their number."""
    counts = {path: len(path.read_text().splitlines()) for path in sorted(root.rglob("*.py"))}
    return [f"{path}: {count} lines" for path, count in counts.items() if count > FILE_LIMIT]


def long_functions(root: Path) -> list[str]:
    """The functions and methods of more than `FUNCTION_LIMIT` lines, from `def` to their end."""
    found: list[str] = []
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LIMIT:
                    found.append(f"{path}:{node.lineno} {node.name}: {length} lines")
    return found


def test_every_module_has_a_docstring() -> None:
    assert without_docstring(ROOT / "caloron_actors") == []
    assert without_docstring(ROOT / "tests") == []


def test_no_file_is_long() -> None:
    assert long_files(ROOT / "caloron_actors") == []


def test_no_function_is_long() -> None:
    assert long_functions(ROOT / "caloron_actors") == []


def test_what_is_too_long_or_unexplained_is_found(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "bare.py").write_text("# no docstring\nx = 1\n")
    (inner / "fits.py").write_text('"""Fits."""\n' + "x = 1\n" * (FILE_LIMIT - 1))
    (inner / "long.py").write_text('"""Long."""\n' + "x = 1\n" * FILE_LIMIT)
    body = "        x = 1\n"
    (inner / "methods.py").write_text(
        '"""Methods."""\nclass C:\n'
        f"    async def long(self):\n{body * FUNCTION_LIMIT}    def fits(self):\n{body * (FUNCTION_LIMIT - 1)}"
    )
    assert without_docstring(tmp_path) == [f"{inner}/bare.py"]
    assert long_files(tmp_path) == [f"{inner}/long.py: {FILE_LIMIT + 1} lines"]
    assert long_functions(tmp_path) == [f"{inner}/methods.py:3 long: {FUNCTION_LIMIT + 1} lines"]
