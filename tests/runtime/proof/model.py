"""The reference model: what a tree of supervisors does, written from OTP's rules and not from the kernel's code.

It knows no tasks and no waiting: a step is played to its end before the next one. Ours where the project departs:
giving up is an abnormal end (`otp=True`: a clean one), the window of restarts is exact and half-open, and a child may
have a budget of its own, which parks it when it is spent.
"""

from collections import deque

from .trees import (
    Branch,
    Leaf,
    Nursery,
    Record,
    Spec,
)

CLEAN = frozenset({"normal", "shutdown", "info"})
IDLE = frozenset({"down", "parked"})


class Place:
    """One child of a supervisor: its specification, and what is there now."""

    def __init__(self, spec: Spec, path: str) -> None:
        self.spec = spec
        self.path = path
        self.stamps: list[float] = []
        """When it was restarted on its own budget."""
        self.state = "down"
        self.over: str | None = None
        """Why it ended, as long as its supervisor has not looked."""
        self.inner: Supervisor | None = None


class Supervisor:
    """A supervisor of a fixed list or, without ids and order, a factory."""

    def __init__(
        self, world: "World", spec: Branch | Nursery, place: Place, parent: "Supervisor | None"
    ) -> None:
        self.world = world
        self.spec = spec
        self.place = place
        self.parent = parent
        self.queue: deque[tuple[str, Place]] = deque()
        self.stamps: list[float] = []
        inner = spec.children if isinstance(spec, Branch) else ()
        self.places = [Place(child, f"{place.path}/{child.id}") for child in inner]
        world.supervisors[place.path] = self

    def boot(self) -> bool:
        """Start all in order; when one fails, stop what runs in reverse and end. Nothing is tried again at boot."""
        for place in self.places:
            if not self.start(place):
                self.report("start_error", place)
                self.end("info")
                return False
        return True

    def start(self, place: Place) -> bool:
        """Start what belongs there and wait until it is up."""
        place.inner, place.over = None, None
        if isinstance(place.spec, Leaf):
            up = self.world.leaf_starts(place.path, place.spec)
        else:
            place.inner = Supervisor(self.world, place.spec, place, self)
            up = place.inner.boot()
        place.state = "running" if up else "down"
        if up:
            self.report("progress", place)
        return up

    def stop(self, place: Place) -> None:
        """Stop what is there, by its shutdown rule, and report an end that was not the expected one."""
        reason, place.over = place.over, None
        if reason is None:
            if place.state != "running":
                if place.state != "parked":
                    place.state = "down"  # a restart that was still to be tried again is off
                return
            if isinstance(place.spec, Leaf):
                reason = self.world.leaf_stops(place.path, place.spec)
            elif place.inner is not None:
                reason = place.inner.end("shutdown")
        place.state = "down"
        expected = {"killed" if isinstance(place.spec, Leaf) and place.spec.brutal else "shutdown"}
        if place.spec.restart != "permanent":
            expected |= CLEAN
        if reason not in expected:
            self.report("shutdown_error", place)

    def end(self, reason: str) -> str:
        """Stop all children in reverse start order and be over."""
        for place in reversed(self.places):
            self.stop(place)
        self.queue.clear()
        del self.world.supervisors[self.place.path]
        self.world.record.reports.append(f"end {self.place.path} {reason}")
        return reason

    def die(self, reason: str) -> None:
        """End by itself: the supervisor above will look at it."""
        self.end(reason)
        self.place.over = reason
        if self.parent is None:
            self.world.record.exit = reason
        else:
            self.parent.queue.append(("ended", self.place))
            self.parent.serve()

    def serve(self) -> None:
        """Take one event at a time until none is left."""
        while self.queue:
            kind, place = self.queue.popleft()
            if kind == "ended" and place.over is not None:
                self.child_ended(place)
            elif kind == "retry" and place.state == "restarting":
                self.restart(place, again=True)

    def child_ended(self, place: Place) -> None:
        """OTP's table: permanent always, transient after an abnormal end, temporary never."""
        reason, place.over, place.state = place.over, None, "down"
        rule, clean = place.spec.restart, reason in CLEAN or (self.world.otp and reason == "gaveup")
        if rule == "permanent" or not clean:
            self.report("child_terminated", place)
        if rule == "permanent" or (rule == "transient" and not clean):
            self.restart(place)
            return
        if rule == "temporary" or isinstance(self.spec, Nursery):
            self.places.remove(place)
        if place.spec.significant:
            self.auto_shutdown()

    def auto_shutdown(self) -> None:
        left = any(place.spec.significant and place.state != "down" for place in self.places)
        mode = self.spec.auto_shutdown if isinstance(self.spec, Branch) else "never"
        if mode == "any_significant" or (mode == "all_significant" and not left):
            self.die("shutdown")

    def restart(self, place: Place, *, again: bool = False) -> None:
        """Count it, once for the whole group; then stop the group in reverse and start it in order."""
        place.state = "restarting"
        if not self.spend(place):
            budget = place.spec.budget if isinstance(place.spec, Leaf) else None
            if budget is None or budget[2] == "escalate":
                self.report("shutdown", place)
                self.die("gaveup")
                return
            place.state = "parked"
            self.report("parked", place)
            if again:  # those of the group that were to start after it are not held up any longer
                self.start_group(
                    [other for other in self.group(place) if other.state not in {"running", "parked"}]
                )
            return
        group = self.group(place)
        for other in reversed(group):
            if other is not place:
                self.stop(other)
                if other.spec.restart == "temporary":
                    self.places.remove(other)
                    group.remove(other)
        self.start_group([other for other in group if other.state != "parked"])

    def start_group(self, group: list[Place]) -> None:
        """Start them in order; one that fails is tried again later, and those after it wait."""
        for other in group:
            if not self.start(other):
                self.report("start_error", other)
                other.state = "restarting"
                self.queue.append(("retry", other))
                return

    def spend(self, place: Place) -> bool:
        """Count one restart, on the child's own budget if it has one; False when it is one too many."""
        budget = place.spec.budget if isinstance(place.spec, Leaf) else None
        if budget is None:
            self.stamps.append(self.world.now)
            return self.in_window() <= self.spec.intensity
        place.stamps.append(self.world.now)
        return sum(self.world.now - stamp < budget[1] for stamp in place.stamps) <= budget[0]

    def in_window(self) -> int:
        """Its restarts that count now."""
        return sum(self.world.now - stamp < self.spec.period for stamp in self.stamps)

    def group(self, place: Place) -> list[Place]:
        """Who goes with a restarted child, in start order."""
        strategy = self.spec.strategy if isinstance(self.spec, Branch) else "one_for_one"
        if strategy == "one_for_one":
            return [place]
        return self.places[self.places.index(place) if strategy == "rest_for_one" else 0 :]

    def find(self, id_: str) -> Place | None:
        return next((place for place in self.places if place.spec.id == id_), None)

    def start_child(self, leaf: Leaf) -> str:
        """One more child by call: one that fails is forgotten, and costs no restart."""
        there = self.find(leaf.id)
        if there is not None:
            return "already_present" if there.state in IDLE else "already_started"
        limit = self.spec.limit if isinstance(self.spec, Nursery) else None
        if limit is not None and len(self.places) >= limit:
            return "failed"
        place = Place(leaf, f"{self.place.path}/{leaf.id}")
        self.world.starts.pop(place.path, None)
        if not self.start(place):
            self.report_call(place)
            return "failed"
        self.places.append(place)
        return "ok"

    def terminate_child(self, id_: str) -> str:
        """Stop it; the specification stays, unless it is temporary or in a factory."""
        place = self.find(id_)
        if place is None:
            return "ok" if isinstance(self.spec, Nursery) else "not_found"
        self.stop(place)
        place.state = "down"
        if place.spec.restart == "temporary" or isinstance(self.spec, Nursery):
            self.places.remove(place)
        return "ok"

    def restart_child(self, id_: str) -> str:
        """Start one that is down or parked, on a fresh budget; it costs no restart, and one that fails stays so."""
        place = self.find(id_)
        if place is None or place.state not in IDLE:
            return "not_found" if place is None else place.state
        before, place.stamps = place.state, []
        if self.start(place):
            return "ok"
        place.state = before
        self.report_call(place)
        return "failed"

    def delete_child(self, id_: str) -> str:
        """Forget one that is down or parked."""
        place = self.find(id_)
        if place is None or place.state not in IDLE:
            return "not_found" if place is None else place.state
        self.places.remove(place)
        return "ok"

    def report_call(self, place: Place) -> None:
        """A start by call that fails is told to its caller; ours is reported as well."""
        if not self.world.otp:
            self.report("start_error", place)

    def report(self, context: str, place: Place) -> None:
        self.world.record.reports.append(f"{context} {place.path}")

    def picture(self) -> list[str]:
        lines = [f"{self.place.path} running restarts={self.in_window()}"]
        for place in self.places:
            running = place.inner is not None and place.state == "running"
            lines += place.inner.picture() if running and place.inner else [f"{place.path} {place.state}"]
        return lines


class World:
    """What all supervisors of one tree share: the clock, the record, the actors, and who is there by path."""

    def __init__(self, *, otp: bool) -> None:
        self.otp = otp
        self.now = 0.0
        self.record = Record()
        self.starts: dict[str, int] = {}
        self.supervisors: dict[str, Supervisor] = {}

    def leaf_starts(self, path: str, leaf: Leaf) -> bool:
        self.starts[path] = number = self.starts.get(path, 0) + 1
        failed = number in leaf.fails
        self.record.lines.append(f"{'fail' if failed else 'start'} {path}")
        if failed:
            self.record.reports.append(f"end {path} crashed")
        return not failed

    def leaf_stops(self, path: str, leaf: Leaf) -> str:
        """Its supervisor stops it; the reason it ends with."""
        if not leaf.brutal:
            return self.leaf_ends(path, leaf, "shutdown")
        self.record.reports.append(f"end {path} killed")
        return "killed"

    def leaf_ends(self, path: str, leaf: Leaf, reason: str) -> str:
        """Its terminate runs, and may crash; the reason it ends with."""
        self.record.lines.append(f"stop {path} {reason}")
        reason = "crashed" if leaf.sore else reason
        self.record.reports.append(f"end {path} {reason}")
        return reason
