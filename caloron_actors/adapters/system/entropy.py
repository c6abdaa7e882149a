"""The source of tokens, nonces and jitter. Nothing else in the package draws random numbers."""

import random
import secrets

TOKEN_BYTES = 32
NONCE_BYTES = 16


def token() -> str:
    """A fresh secret of 256 bits, 64 hexadecimal digits."""
    return secrets.token_hex(TOKEN_BYTES)


def nonce() -> str:
    """A fresh name of 128 bits that nobody can guess, 32 hexadecimal digits."""
    return secrets.token_hex(NONCE_BYTES)


class Entropy:
    """Randomness as a value to pass around: the system's without a seed, the same sequence again with one.

    A seeded one is for tests and simulation; its tokens protect nothing.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._source: random.Random = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311  # only seeded for replay

    def token(self) -> str:
        """Like the function `token`."""
        return self._source.randbytes(TOKEN_BYTES).hex()

    def nonce(self) -> str:
        """Like the function `nonce`."""
        return self._source.randbytes(NONCE_BYTES).hex()

    def between(self, low: float, high: float) -> float:
        """A number drawn evenly from `low` to `high`, for jitter."""
        return self._source.uniform(low, high)
