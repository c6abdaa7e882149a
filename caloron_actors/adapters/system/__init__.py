"""The host's clocks and its source of randomness: the one place that reads them."""

from caloron_actors.adapters.system.clock import SystemClock
from caloron_actors.adapters.system.entropy import Entropy, nonce, token

__all__ = ["SystemClock", "Entropy", "nonce", "token"]
