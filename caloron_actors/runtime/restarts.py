"""The restart budget of one supervisor: how many restarts fell into the last `period` seconds. Pure."""

from collections import deque


class RestartWindow:
    """Exact and half-open: a restart at t counts while now - t < period (OTP truncates to whole seconds)."""

    def __init__(self, intensity: int, period: float) -> None:
        self.intensity = intensity
        self.period = period
        self._stamps: deque[float] = deque()

    def add(self, now: float) -> bool:
        """Count one restart; False when it is one more than the budget allows."""
        self._stamps.append(now)
        return self.count(now) <= self.intensity

    def count(self, now: float) -> int:
        """Restarts within the window that ends now."""
        while self._stamps and now - self._stamps[0] >= self.period:
            self._stamps.popleft()
        return len(self._stamps)

    def clear(self) -> None:
        """Forget all restarts so far."""
        self._stamps.clear()
