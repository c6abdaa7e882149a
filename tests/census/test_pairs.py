"""A share of every two kills, in memory."""

from tests.census.pairs import drawn, killed, pairs_of, prepare

SHARE = 0.07
"""Of the first kills, and of the second ones after each."""


async def test_a_share_of_all_pairs_of_kills_leaves_no_difference() -> None:
    rehearsal, count = await prepare()
    assert count > 200
    played = 0
    wrong: list[str] = []
    for first in (nth for nth in range(1, count + 1) if drawn(0, f"first {nth}", SHARE)):
        pairs = await pairs_of(rehearsal, first, SHARE, seed=0)
        played += pairs.played
        wrong += pairs.wrong
    assert not wrong, "\n".join(wrong)
    assert played > 50


async def test_the_last_recovery_has_nothing_to_write() -> None:
    """Killed after its last write, everything is done: what comes then is only looked at."""
    rehearsal, count = await prepare()
    wrong, passed = await killed(rehearsal, (count,))
    assert (wrong, passed) == ([], 0)
