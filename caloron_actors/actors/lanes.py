"""The lanes of a sprint's outbox: which intents wait in which order, what is under way, what is paused. Starts nothing."""

from collections import deque
from datetime import datetime

from caloron_actors.domain.effects import Intent, lane
from caloron_actors.domain.ids import EffectKey
from caloron_actors.runtime import Timer


class Waiting:
    """An intent in its lane. `probe`: it may have been tried before, so look before doing it. `due`: not before."""

    def __init__(self, intent: Intent, *, probe: bool, tries: int, due: datetime | None = None) -> None:
        self.intent = intent
        self.probe = probe
        self.tries = tries
        self.due = due


class Lanes:
    """Each lane's first intent is under way, or the lane pauses for it, or it is to be begun."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[Waiting]] = {}
        self._known: set[EffectKey] = set()
        self._busy: set[str] = set()
        self._pauses: dict[str, Timer] = {}
        self._withdrawn: set[EffectKey] = set()

    @property
    def names(self) -> list[str]:
        """The lanes in which there is something."""
        return list(self._queues)

    def put(self, waiting: Waiting) -> None:
        """Put an intent at the end of its lane, once."""
        key = waiting.intent.key
        if key not in self._known:
            self._known.add(key)
            self._queues.setdefault(lane(waiting.intent.effect), deque()).append(waiting)

    def begin(self, name: str) -> Waiting | None:
        """The first intent of a lane, which is under way from now on; None when there is none or it is so already."""
        queue = self._queues.get(name)
        if name in self._busy or not queue:
            return None
        self._busy.add(name)
        return queue[0]

    def end(self, name: str) -> None:
        """The first intent of a lane is out of the way."""
        self._busy.discard(name)
        queue = self._queues[name]
        key = queue.popleft().intent.key
        self._known.discard(key)
        self._withdrawn.discard(key)
        if not queue:
            del self._queues[name]

    def pause(self, name: str, timer: Timer) -> None:
        """A lane waits until that timer is over for the next try of its first intent."""
        self._pauses[name] = timer

    def resume(self, name: str) -> bool:
        """End a lane's pause; False when it is in none, as when it went on before its timer was heard of."""
        timer = self._pauses.pop(name, None)
        if timer is None:
            return False
        timer.cancel()
        self._busy.discard(name)
        return True

    def withdraw(self, key: EffectKey) -> str | None:
        """Note that an intent is not wanted any more. Gives its lane when it is the first there, for it to go on."""
        for name, queue in self._queues.items():
            if queue[0].intent.key == key:
                self._withdrawn.add(key)
                return name
        return None

    def is_wanted(self, name: str) -> bool:
        """Whether the first intent of a lane has not been withdrawn since it came to be the first."""
        return self._queues[name][0].intent.key not in self._withdrawn
