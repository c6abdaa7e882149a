"""Random histories: trees of up to three levels and what happens to them, as Hypothesis draws them."""

from typing import Literal

import msgspec
from hypothesis import strategies as st

from caloron_actors.runtime.spec import AutoShutdown, Restart

from .trees import (
    Allowance,
    Branch,
    Call,
    Ends,
    Grow,
    History,
    How,
    Leaf,
    Name,
    Nursery,
    Passes,
    Spec,
    StartKey,
    Step,
    StopKey,
    walk,
)

LETTERS = "abcdefghijklmnopqrstuvwxyz"
NEW = "g"
KEYS = ("k1", "k2", "k3")
PERIODS = (1.0, 2.5, 5.0)
STEPS = (0.5, 1.0, 1.5, 2.5, 5.0)
"""Seconds, all exact as floats, so that some sums fall exactly on the edge of a window."""

restarts: st.SearchStrategy[Restart] = st.sampled_from(["permanent", "permanent", "transient", "temporary"])
hows: st.SearchStrategy[How] = st.sampled_from(
    ["crash", "crash", "crash", "normal", "shutdown", "info", "killed"]
)
modes: st.SearchStrategy[AutoShutdown] = st.sampled_from(
    ["never", "never", "never", "any_significant", "all_significant"]
)
bad_starts = st.one_of(
    st.just(()),
    st.just(()),
    st.sets(st.integers(2, 7), min_size=1, max_size=4).map(lambda found: tuple(sorted(found))),
    st.sampled_from([(), (), (), (), (1,)]),
)
calls: st.SearchStrategy[Name] = st.sampled_from(
    ["terminate_child", "terminate_child", "restart_child", "delete_child"]
)
passing: st.SearchStrategy[Restart] = st.sampled_from(["transient", "temporary"])
"""What a significant child may be."""
ends_of_budgets: st.SearchStrategy[Literal["park", "escalate"]] = st.sampled_from(
    ["park", "park", "escalate"]
)
budgets: st.SearchStrategy[Allowance | None] = st.one_of(
    st.none(),
    st.none(),
    st.none(),
    st.tuples(st.integers(0, 2), st.sampled_from(PERIODS), ends_of_budgets),
)
rarely = st.integers(0, 7).map(lambda drawn: drawn == 7)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """A tree, and up to sixteen steps that fit it."""
    root = draw(branches(draw(st.sampled_from([3, 2, 3, 1])), "root"))
    patience = draw(st.sampled_from([2, 5, 1, 0, 3, 8]))
    root = msgspec.structs.replace(root, restart="permanent", intensity=patience, significant=False)
    return History(root, tuple(draw(st.lists(steps(root), min_size=draw(st.integers(0, 10)), max_size=16))))


@st.composite
def branches(draw: st.DrawFn, depth: int, id_: str, *, significant: bool = False) -> Branch:
    """A supervisor with up to four children, each of them an actor, a factory or a supervisor."""
    mode = draw(modes)
    children: list[Spec] = []
    for letter in LETTERS[: draw(st.integers(0 if depth < 3 else 1, 4))]:
        kind = draw(st.integers(0, 9)) if depth > 1 else 0
        important = mode != "never" and draw(st.booleans())
        if kind == 9:
            children.append(draw(nurseries(f"{letter}f")))
        elif kind >= 6:
            children.append(draw(branches(depth - 1, letter, significant=important)))
        else:
            children.append(draw(leaves(letter, significant=important)))
    return Branch(
        id_,
        tuple(children),
        draw(st.sampled_from(["one_for_one", "rest_for_one", "one_for_all"])),
        draw(st.integers(0, 3)),
        draw(st.sampled_from(PERIODS)),
        draw(passing if significant else restarts),
        mode,
        significant,
    )


@st.composite
def leaves(draw: st.DrawFn, id_: str, *, significant: bool) -> Leaf:
    return Leaf(
        id_,
        draw(passing if significant else restarts),
        significant,
        brutal=draw(rarely),
        sore=draw(rarely),
        fails=draw(bad_starts),
        budget=draw(budgets),
    )


@st.composite
def nurseries(draw: st.DrawFn, id_: str) -> Nursery:
    return Nursery(
        id_,
        draw(restarts),
        draw(restarts),
        draw(st.integers(0, 3)),
        draw(st.sampled_from(PERIODS)),
        draw(st.sampled_from([None, None, 1, 2])),
    )


def steps(root: Branch) -> st.SearchStrategy[Step]:
    """What may happen to that tree; whether it finds anybody there is not known yet."""
    owners: dict[str, list[str]] = {}
    factories: list[str] = []
    grown: list[st.SearchStrategy[Step]] = []
    listed: list[tuple[str, str]] = []
    for path, spec in walk(root):
        if isinstance(spec, Branch):
            grown.append(_grown(path, spec))
            listed += [(path, id_) for id_ in [*(inner.id for inner in spec.children), NEW]]
        elif isinstance(spec, Leaf):
            owners.setdefault(path.rpartition("/")[0], []).append(path)
        elif isinstance(spec, Nursery):
            factories.append(path)
            owners[path] = [f"{path}/{key}" for key in KEYS]
    kinds: list[st.SearchStrategy[Step]] = [st.builds(Passes, st.sampled_from(STEPS))] * 2
    if owners:
        single = st.sampled_from([path for paths in owners.values() for path in paths])
        alone = st.tuples(st.tuples(single, hows)).map(Ends)
        kinds += [alone] * 6
    if fixed := [paths for path, paths in owners.items() if path not in factories]:
        kinds += [st.sampled_from(fixed).flatmap(_together)] * 2
    if factories:
        paths, keys = st.sampled_from(factories), st.sampled_from(KEYS)
        kinds += [st.builds(StartKey, paths, keys, bad_starts)] * 3
        kinds.append(st.builds(StopKey, paths, keys))
    called = st.sampled_from(listed)
    kinds += [
        st.one_of(grown),
        st.tuples(called, calls).map(lambda drawn: Call(drawn[0][0], drawn[1], drawn[0][1])),
    ]
    kinds += kinds[-1:]
    return st.sampled_from(range(len(kinds))).flatmap(lambda index: kinds[index])


def _grown(path: str, branch: Branch) -> st.SearchStrategy[Step]:
    important = st.booleans() if branch.auto_shutdown != "never" else st.just(False)
    return important.flatmap(lambda drawn: leaves(NEW, significant=drawn)).map(lambda leaf: Grow(path, leaf))


# The children of a factory do not end together here: it restarts them at the same time, so the trace has no order.
def _together(paths: list[str]) -> st.SearchStrategy[Step]:
    chosen = st.lists(st.sampled_from(paths), min_size=1, max_size=3, unique=True)
    return chosen.flatmap(lambda found: st.tuples(*(st.tuples(st.just(path), hows) for path in found))).map(
        Ends
    )
