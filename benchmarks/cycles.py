# SPDX-License-Identifier: MIT
"""How fast cycles are found, against networkx and rustworkx.

Every candidate gets the same list of edges and gives the components that have a cycle; building its
own graph is part of what is measured. The answers of the timed calls are compared. The ratio of a
size is the lower one of a graph without cycles and one with 20.
"""

from __future__ import annotations

import importlib.util
import random
import statistics
from functools import partial
from typing import TYPE_CHECKING

from rows import interleaved, missing, row

from fc_async_sdk.spec.graph import cyclic_components

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rows import Options, Row

SIZES = (100_000, 1_000_000)
Edges = list[tuple[int, int]]


def pipeline(size: int, cycles: int) -> Edges:
    """Functions in chains: success goes a few on, every second failure up to 50 on.

    ``cycles`` success destinations, spread evenly, lead back by three.
    """
    dice = random.Random(size)
    success = [min(size - 1, node + dice.randint(1, 5)) for node in range(size - 1)]
    failure = {node: node + dice.randint(1, 50) for node in range(size - 60) if dice.random() < 0.5}
    for number in range(cycles):
        node = 10 + number * (size // max(cycles, 1))
        success[node] = node - 3
    edges = [*enumerate(success), *failure.items()]
    dice.shuffle(edges)
    return edges


def ours(size: int, edges: Edges) -> list[list[int]]:
    return cyclic_components(size, edges)


def with_networkx(size: int, edges: Edges) -> list[list[int]]:
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(range(size))
    graph.add_edges_from(edges)
    found = nx.strongly_connected_components(graph)
    return sorted(sorted(component) for component in found if len(component) > 1)


def with_rustworkx(size: int, edges: Edges) -> list[list[int]]:
    import rustworkx as rx

    graph = rx.PyDiGraph()
    graph.add_nodes_from(range(size))
    graph.extend_from_edge_list(edges)
    found = rx.strongly_connected_components(graph)
    return sorted(sorted(component) for component in found if len(component) > 1)


PEERS = {"networkx": with_networkx, "rustworkx": with_rustworkx}


def answer(
    answers: dict[str, list[list[int]]], name: str, find: Callable[[], list[list[int]]]
) -> None:
    answers[name] = find()


def measure(options: Options) -> Iterator[Row]:
    peers = {name: find for name, find in PEERS.items() if importlib.util.find_spec(name)}
    for size in SIZES:
        ratios: dict[str, list[tuple[float, float, float]]] = {name: [] for name in peers}
        for cycles in (0, 20):
            edges = pipeline(size, cycles)
            answers: dict[str, list[list[int]]] = {}
            works = {
                name: partial(answer, answers, name, partial(find, size, edges))
                for name, find in {"ours": ours, **peers}.items()
            }
            times = interleaved(works, options.rounds if size < SIZES[-1] else 1, repeat=False)
            assert all(found == answers["ours"] for found in answers.values())
            assert bool(answers["ours"]) == bool(cycles)
            for name in peers:
                both = zip(times["ours"], times[name], strict=True)
                ratio = statistics.median(theirs / mine for mine, theirs in both)
                middle = (statistics.median(times[side]) for side in ("ours", name))
                ratios[name].append((ratio, *middle))
        for name in PEERS:
            what = f"{name} / cycles, {size:,} nodes"
            if name in peers:
                ratio, mine, theirs = min(ratios[name])
                yield row(what, ratio, ours=mine, theirs=theirs, unit="s")
            else:
                yield missing(what, f"{name} is not installed")
