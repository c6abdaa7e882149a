"""Reading an agent's git directory as plain files. No git runs here, no link is followed, nothing but a file is opened."""

import os
import posixpath
import re
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from caloron_actors.domain.ids import Commit, is_commit

_TEXT_LIMIT = 4096
_PACKED_REFS_LIMIT = 16 * 1024 * 1024
_LINKS = 5
_REF = re.compile(r"refs/[^\x00-\x20\x7f~^:?*\[\\]+")
_FAN_OUT = re.compile(r"[0-9a-f]{2}")
_LOOSE = re.compile(r"[0-9a-f]{38}")
_PACK = re.compile(r"pack-[0-9a-f]{40}\.pack")
_CHUNK = 1024 * 1024


class AgentGitDir:
    """An agent's `.git` directory, held open. Use `open_git_dir`."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def head(self) -> Commit | None:
        """The commit checked out; None when `HEAD` leads to none."""
        name = "HEAD"
        for _ in range(_LINKS):
            text = self.text(name)
            if text is None:
                return self._packed(name)
            if not text.startswith("ref: "):
                return Commit(text) if is_commit(text) else None
            name = text.removeprefix("ref: ").strip()
            if not _is_ref(name):
                return None
        return None

    def merge_heads(self) -> tuple[Commit, ...]:
        """The commits of a merge that was begun and not yet committed."""
        lines = (self.text("MERGE_HEAD") or "").splitlines()
        return tuple(Commit(line) for line in lines if is_commit(line))

    def has_folder(self, name: str) -> bool:
        """Whether a directory of that name stands in the git directory."""
        try:
            return stat.S_ISDIR(os.stat(name, dir_fd=self._fd, follow_symlinks=False).st_mode)
        except OSError:
            return False

    def copy_objects(self, target: Path) -> None:
        """Copy loose objects and packs, regular files all, into the object directory `target`. Raises OSError."""
        with _folder(self._fd, "objects") as objects:
            if objects is None:
                return
            for name in sorted(os.listdir(objects)):  # noqa: PTH208 - an open directory has no Path
                if name == "pack":
                    _copy_matching(objects, name, _PACK, target)
                elif _FAN_OUT.fullmatch(name):
                    _copy_matching(objects, name, _LOOSE, target)

    def text(self, name: str) -> str | None:
        """The beginning of a file, without the white space around it; None when there is no such file."""
        content = self._content(name, _TEXT_LIMIT)
        return None if content is None else content.decode(errors="replace").strip()

    def _packed(self, name: str) -> Commit | None:
        for line in (
            (self._content("packed-refs", _PACKED_REFS_LIMIT) or b"").decode(errors="replace").splitlines()
        ):
            commit, _, ref = line.partition(" ")
            if ref == name and is_commit(commit):
                return Commit(commit)
        return None

    def _content(self, name: str, limit: int) -> bytes | None:
        *folders, last = name.split("/")
        with _folder(self._fd, *folders) as folder:
            if folder is None:
                return None
            with _file(folder, last) as fd:
                return None if fd is None else os.read(fd, limit)


@contextmanager
def open_git_dir(tree: Path) -> Generator[AgentGitDir | None, None, None]:
    """Open `tree/.git` when it is a real directory in a real directory; otherwise None."""
    with _folder(None, str(tree)) as root:
        if root is None:
            yield None
            return
        with _folder(root, ".git") as fd:
            yield None if fd is None else AgentGitDir(fd)


def submodule_head(tree: Path, path: bytes) -> Commit | None:
    """The commit checked out in a submodule's place; None when there is none, or its repository is elsewhere.

    Its git directory is the `.git` in it, or one below `.git/modules` that its `.git` file points to.
    """
    inside = os.fsdecode(path)
    with _folder(None, str(tree), *inside.split("/")) as folder:
        if folder is None:
            return None
        with _folder(folder, ".git") as fd:
            if fd is not None:
                return AgentGitDir(fd).head()
        pointer = AgentGitDir(folder).text(".git") or ""
    target = posixpath.normpath(posixpath.join(inside, pointer.removeprefix("gitdir: ")))
    if not pointer.startswith("gitdir: ") or not target.startswith(".git/modules/"):
        return None
    with _folder(None, str(tree), *target.split("/")) as fd:
        return None if fd is None else AgentGitDir(fd).head()


def is_real_directory(path: Path) -> bool:
    """Whether a directory, and not a link to one, stands at `path`."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _is_ref(name: str) -> bool:
    if not _REF.fullmatch(name) or ".." in name or "@{" in name:
        return False
    return all(part and not part.startswith(".") and not part.endswith(".lock") for part in name.split("/"))


@contextmanager
def _folder(start: int | None, *names: str) -> Generator[int | None, None, None]:
    """Open a directory by its names, following no link; None when there is none."""
    fds: list[int] = []
    current = start
    try:
        for name in names:
            try:
                current = os.open(
                    name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=current
                )
            except OSError:
                current = None
                break
            fds.append(current)
        yield current
    finally:
        for fd in fds:
            os.close(fd)


@contextmanager
def _file(folder: int, name: str) -> Generator[int | None, None, None]:
    """Open a regular file, following no link and waiting for no pipe; None when there is none."""
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        yield None
        return
    try:
        yield fd if stat.S_ISREG(os.fstat(fd).st_mode) else None
    finally:
        os.close(fd)


def _copy_matching(objects: int, folder_name: str, wanted: re.Pattern[str], target: Path) -> None:
    with _folder(objects, folder_name) as folder:
        if folder is None:
            return
        for name in sorted(os.listdir(folder)):  # noqa: PTH208 - as above
            if not wanted.fullmatch(name):
                continue
            with _file(folder, name) as fd:
                if fd is None:
                    continue
                place = target / folder_name / name
                place.parent.mkdir(exist_ok=True)
                with place.open("xb") as out:
                    while chunk := os.read(fd, _CHUNK):
                        out.write(chunk)
