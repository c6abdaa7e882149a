"""Taking directories away: renamed out of sight at once, deleted without following a link or trusting a mode."""

import contextlib
import os
import stat
from collections.abc import Iterator
from itertools import count
from pathlib import Path

_DEEPEST = 64


def throw_away(path: Path, trash: Path) -> None:
    """Move whatever stands at `path` into `trash`; nothing there is fine."""
    trash.mkdir(parents=True, exist_ok=True)
    for number in count():
        target = trash / f"{path.name}-{number}"
        if not os.path.lexists(target):
            try:
                path.rename(target)
            except FileNotFoundError:
                return
            except PermissionError:
                # Moving writes the directory it leaves and its own `..`; an agent may have taken the right to.
                _grant(path.parent, stat.S_IRWXU)
                _grant(path, stat.S_IRWXU)
                path.rename(target)
            return


def empty(trash: Path) -> None:
    """Delete everything in `trash`. What cannot be deleted stays for another time."""
    if not trash.is_dir():
        return
    fd = os.open(trash, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Directories nested deeper than file descriptors should go are moved up into `trash` and met again.
        while _empty(fd, fd, 0):
            pass
    finally:
        os.close(fd)


def _empty(folder: int, trash: int, depth: int) -> bool:
    """Delete the content of an open directory; tells whether something was moved up into `trash`."""
    moved = False
    with os.scandir(folder) as entries:
        listed = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in listed:
        try:
            if not is_folder:
                os.unlink(name, dir_fd=folder)
            elif depth < _DEEPEST:
                moved |= _remove_folder(name, folder, trash, depth)
            else:
                _move_up(name, folder, trash)
                moved = True
        except OSError:
            continue
    return moved


def _remove_folder(name: str, parent: int, trash: int, depth: int) -> bool:
    if os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode & stat.S_IRWXU != stat.S_IRWXU:
        os.chmod(name, stat.S_IRWXU, dir_fd=parent)
    fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    try:
        moved = _empty(fd, trash, depth + 1)
    finally:
        os.close(fd)
    os.rmdir(name, dir_fd=parent)
    return moved


def _move_up(name: str, folder: int, trash: int) -> None:
    for number in count():
        target = f"deep-{number}"
        try:
            os.stat(target, dir_fd=trash, follow_symlinks=False)
        except FileNotFoundError:
            os.rename(name, target, src_dir_fd=folder, dst_dir_fd=trash)
            return


def make_accessible(tree: Path) -> None:
    """Give the owner back the right to read every file and enter every directory below `tree`; links are left alone.

    What cannot be reached (a path that is too long) stays as it is: nobody else can take it either.
    """
    _grant(tree, stat.S_IRWXU)
    for path, is_folder in below(tree):
        with contextlib.suppress(OSError):
            _grant(path, stat.S_IRWXU if is_folder else stat.S_IRUSR)


def below(tree: Path) -> Iterator[tuple[Path, bool]]:
    """Everything below `tree`, however deep, and whether it is a directory; links are not followed.

    A directory is given before it is read. One that cannot be read counts as empty.
    """
    waiting = [tree]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                found = [(Path(entry.path), entry.is_dir(follow_symlinks=False)) for entry in entries]
        except OSError:
            continue
        yield from found
        waiting += [path for path, is_folder in found if is_folder]


def _grant(path: Path, rights: int) -> None:
    mode = path.lstat().st_mode
    if mode & rights != rights and (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        path.chmod(stat.S_IMODE(mode) | rights)
