"""Plays a history on the reference model, and gives the record that the runtime's is held against."""

from typing import assert_never

from .model import Place, Supervisor, World
from .trees import (
    Branch,
    Call,
    Ends,
    Grow,
    History,
    How,
    Leaf,
    Nursery,
    Passes,
    Record,
    StartKey,
    Step,
    StopKey,
)

END: dict[How, str] = {
    "crash": "crashed",
    "normal": "normal",
    "shutdown": "shutdown",
    "info": "info",
    "killed": "killed",
}


class Model(World):
    """A tree with its clock, and the record of what happens to it."""

    def __init__(self, root: Branch, *, otp: bool = False) -> None:
        super().__init__(otp=otp)
        self.root = Supervisor(self, root, Place(root, root.id), None)

    def boot(self) -> None:
        if self.root.boot():
            self.record.reports.append(f"progress {self.root.place.path}")
        else:
            self.record.exit = "start_failed"
        self._look()

    def play(self, step: Step) -> None:
        """Do it and all that follows from it."""
        match step:
            case Passes(seconds):
                self.now += seconds
            case Ends(ends):
                self._end(ends)
            case StartKey(path, key, fails):
                nursery = self.supervisors.get(path)
                rule = nursery.spec.rule if nursery and isinstance(nursery.spec, Nursery) else "temporary"
                self._answer(step, nursery and nursery.start_child(Leaf(key, rule, fails=fails)))
            case StopKey(path, key):
                nursery = self.supervisors.get(path)
                self._answer(step, nursery and nursery.terminate_child(key))
            case Grow(path, leaf):
                branch = self.supervisors.get(path)
                self._answer(step, branch and branch.start_child(leaf))
            case Call(path, name, id_):
                branch = self.supervisors.get(path)
                self._answer(step, branch and getattr(branch, name)(id_))
            case _:
                assert_never(step)
        self._look()

    def stop(self) -> Record:
        """Stop the tree, if it is not over yet."""
        if not self.record.exit:
            self.record.exit = self.root.end("shutdown")
        return self.record

    def _end(self, ends: tuple[tuple[str, How], ...]) -> None:
        owner: Supervisor | None = None
        for path, how in ends:
            owner = self.supervisors.get(path.rpartition("/")[0])
            place = owner.find(path.rpartition("/")[2]) if owner else None
            if owner is None or place is None or place.state != "running" or place.over is not None:
                continue
            if isinstance(place.spec, Leaf):
                place.over = self.leaf_ends(path, place.spec, END[how])
                owner.queue.append(("ended", place))
        if owner is not None:
            owner.serve()

    def _answer(self, step: Step, answer: object) -> None:
        self.record.lines.append(f"answer {type(step).__name__} {answer or 'gone'}")

    def _look(self) -> None:
        self.record.pictures.append([] if self.record.exit else self.root.picture())


def expected(history: History, *, otp: bool = False) -> Record:
    """The record of that history by the rules; with `otp`, a supervisor that gave up has ended cleanly."""
    model = Model(history.root, otp=otp)
    model.boot()
    for step in history.steps:
        if model.record.exit:
            break
        model.play(step)
    return model.stop()
