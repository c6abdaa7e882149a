"""pykka's threading actors, a peer of the runtime benchmark: a thread for each actor, replies through a threading future.

Each side is driven from the main thread, as programs with pykka are.
"""

import importlib.util
import threading
import time
from collections.abc import Callable
from typing import Any


def pykka_is_here() -> bool:
    return importlib.util.find_spec("pykka") is not None


class Pykka:
    """pykka's threading actors, if pykka can be imported."""

    def __init__(self) -> None:
        import pykka  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415

        class Counting(pykka.ThreadingActor):  # type: ignore[misc, unused-ignore]
            def __init__(self, left: int, done: threading.Event) -> None:
                super().__init__()
                self.left = left
                self.done = done
                self.next: Any = None

            def on_receive(self, message: Any) -> Any:  # noqa: ANN401
                if isinstance(message, pykka.ActorRef):
                    self.next = message
                    return None
                if message is not None and self.next is not None:
                    if message == 0:
                        self.done.set()
                    else:
                        self.next.tell(message - 1)
                    return None
                self.left -= 1
                if self.left == 0:
                    self.done.set()
                return self.left

        self._actor: Any = Counting
        self._stop_all: Callable[[], object] = pykka.ActorRegistry.stop_all

    def _some(self, number: int, left: int) -> tuple[list[Any], threading.Event]:
        done = threading.Event()
        return [self._actor.start(left, done) for _ in range(number)], done

    def tell_burst(self, number: int) -> float:
        (ref,), done = self._some(1, number)
        began = time.perf_counter()
        for _ in range(number):
            ref.tell(None)
        done.wait()
        return self._rate(number, began)

    def ask_alone(self, number: int) -> float:
        (ref,), _ = self._some(1, -1)
        began = time.perf_counter()
        for _ in range(number):
            ref.ask(None)
        return self._rate(number, began)

    def ask_64(self, number: int) -> float:
        (ref,), _ = self._some(1, -1)
        began = time.perf_counter()
        for _ in range(number // 64):
            for reply in [ref.ask(None, block=False) for _ in range(64)]:
                reply.get()
        return self._rate(number, began)

    def ring(self, size: int, hops: int) -> float:
        refs, done = self._some(size, -1)
        for here, there in zip(refs, refs[1:] + refs[:1], strict=True):
            here.ask(there)
        began = time.perf_counter()
        refs[0].tell(hops)
        done.wait()
        return self._rate(hops, began)

    def fan_out(self, size: int) -> float:
        refs, _ = self._some(size, -1)
        began = time.perf_counter()
        for ref in refs:
            ref.tell(None)
        for ref in refs:
            ref.ask(None)
        return self._rate(size, began)

    def spawn(self, number: int) -> float:
        began = time.perf_counter()
        for _ in range(number):
            self._actor.start(-1, threading.Event()).ask(None)
        return self._rate(number, began)

    def _rate(self, number: int, began: float) -> float:
        rate = number / (time.perf_counter() - began)
        self._stop_all()
        return rate
