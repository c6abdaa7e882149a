"""Tokens differ unless a seed asks for the same ones again."""

from caloron_actors.adapters.system import Entropy, nonce, token


def test_tokens_and_nonces_are_fresh_hexadecimal() -> None:
    assert len({token() for _ in range(100)}) == 100
    assert len({nonce() for _ in range(100)}) == 100
    assert len(bytes.fromhex(token())) == 32
    assert len(bytes.fromhex(nonce())) == 16


def test_a_seed_repeats_the_sequence() -> None:
    def draw(source: Entropy) -> tuple[str, str, float]:
        return source.token(), source.nonce(), source.between(1.0, 2.0)

    assert draw(Entropy(7)) == draw(Entropy(7))
    assert draw(Entropy(7)) != draw(Entropy(8))
    assert draw(Entropy()) != draw(Entropy())


def test_jitter_stays_in_its_range() -> None:
    source = Entropy(1)
    assert all(0.5 <= source.between(0.5, 1.5) <= 1.5 for _ in range(1000))
