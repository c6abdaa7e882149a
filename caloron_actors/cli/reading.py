"""Reading a plan's file, or saying everything that is wrong with it."""

from pathlib import Path

from caloron_actors.app.mistakes import Mistakes, mistake
from caloron_actors.domain.dag import Dag, read_dag

SIZE_LIMIT = 8 * 1024 * 1024


def load_dag(path: Path) -> Dag:
    """Read a plan. Raises `Mistakes` with every mistake of the file, each with its place."""
    try:
        with path.open("rb") as file:
            text = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise mistake(f"{path}: cannot be read: {error.strerror}") from error
    read = read_dag(text, name=path.name)
    if isinstance(read, Dag):
        return read
    raise Mistakes([f"{path}: {wrong}" for wrong in read])
