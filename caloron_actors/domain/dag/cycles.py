"""Finds the cycles of a directed graph. Knows names and edges only."""

from collections.abc import Iterator, Mapping, Sequence


def find_cycles(graph: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """Give the cycles that keep a graph from having an order: one for each edge that closes a cycle, none twice.

    A cycle (a, b) means a -> b -> a, and starts with its first name in the order of `graph`. A name that is no key
    of `graph` has no edges. Without the edges that close these cycles the graph would have none.
    """
    rank = {name: index for index, name in enumerate(graph)}
    finished: set[str] = set()
    for root in graph:
        if root in finished:
            continue
        path, position, edges = [root], {root: 0}, [iter(graph[root])]
        while path:
            following = next(edges[-1], None)
            if following is None:
                edges.pop()
                name = path.pop()
                del position[name]
                finished.add(name)
            elif following in position:
                yield _from_first(path[position[following] :], rank)
            elif following in rank and following not in finished:
                position[following] = len(path)
                path.append(following)
                edges.append(iter(graph[following]))


def _from_first(cycle: Sequence[str], rank: Mapping[str, int]) -> tuple[str, ...]:
    start = min(range(len(cycle)), key=lambda index: rank[cycle[index]])
    return (*cycle[start:], *cycle[:start])
