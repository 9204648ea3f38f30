# SPDX-License-Identifier: MIT
"""How fast cycles are found, against networkx and rustworkx, as ratios of one run.

Every candidate gets the same list of edges and gives the components that have a cycle; building its
own graph is part of what is measured. The answers are compared before anything is timed. Processor
time is taken, not the clock on the wall, and runs are interleaved: a busy machine slows all alike.

    python benchmarks/cycles.py [--sizes 100000,1000000] [--rounds 3]

Needs: pip install --group bench
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import time

import networkx as nx
import rustworkx as rx

from fc_async_sdk.spec.components import cyclic_components

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
    graph = nx.DiGraph()
    graph.add_nodes_from(range(size))
    graph.add_edges_from(edges)
    found = nx.strongly_connected_components(graph)
    return sorted(sorted(component) for component in found if len(component) > 1)


def with_rustworkx(size: int, edges: Edges) -> list[list[int]]:
    graph = rx.PyDiGraph()
    graph.add_nodes_from(range(size))
    graph.extend_from_edge_list(edges)
    found = rx.strongly_connected_components(graph)
    return sorted(sorted(component) for component in found if len(component) > 1)


CANDIDATES = {"fc-async": ours, "networkx": with_networkx, "rustworkx": with_rustworkx}


def measure(size: int, edges: Edges, rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in CANDIDATES}
    for _ in range(rounds):
        for name, run in CANDIDATES.items():
            gc.collect()
            start = time.process_time()
            run(size, edges)
            times[name].append(time.process_time() - start)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="100000,1000000")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for size in map(int, options.sizes.split(",")):
        for cycles in (0, 20):
            edges = pipeline(size, cycles)
            answers = [run(size, edges) for run in CANDIDATES.values()]
            assert answers[0] == answers[1] == answers[2]
            assert bool(answers[0]) == bool(cycles)
            times = measure(size, edges, options.rounds)
            print(f"\n{size} functions, {len(edges)} destinations, {len(answers[0])} knots")
            for name, taken in times.items():
                ratios = [
                    other / mine for other, mine in zip(taken, times["fc-async"], strict=True)
                ]
                print(
                    f"  {name:10} {statistics.median(taken) * 1000:9.1f} ms"
                    f"   {statistics.median(ratios):6.2f} x fc-async"
                    f"   (lowest ratio {min(ratios):.2f})"
                )


if __name__ == "__main__":
    main()
