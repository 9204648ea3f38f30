# SPDX-License-Identifier: MIT
"""Shows the worst case of one message to each function, and what a plan changes of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.check.graph import Graph, build
from fc_async_plugin.check.graph.build import LiveFunction, LiveRegion
from fc_async_plugin.check.graph.costs import Worst, alone, worst_cases
from fc_async_plugin.report import moments
from fc_async_plugin.report.tables import Column, lay_out
from fc_async_plugin.s_yaml.model import BLOCK, is_function
from fc_async_sdk.spec import limits
from fc_async_sdk.spec.graph import Node
from fc_async_sdk.spec.prices import Prices

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fc_async_plugin.project.state import Remote, Wanted
    from fc_async_plugin.s_yaml.model import Resource

Costs = dict[str, Worst | None]
"""The worst case by name of the function; None: there is no bound."""

MUCH: Final = 10
"""A change of the worst case by this factor is a warning. Ours."""


def prices_of(file: str | None) -> Prices:
    """Return the prices in a JSON file, or those of this program.

    Raises:
        PluginError: The file is not such a table.
    """
    if file is None:
        return Prices()
    try:
        return msgspec.json.decode(Path(file).read_bytes(), type=Prices)
    except (msgspec.MsgspecError, ValueError) as error:
        names = ", ".join(Prices.__struct_fields__)
        raise PluginError(f"{file} is not a table of prices ({names}): {error}") from error


def of_template(resources: Sequence[Resource], graph: Graph) -> Costs:
    """Return the worst cases of the functions of templates."""
    functions = [resource for resource in resources if is_function(resource)]
    own_costs = {
        build.source_node(resource)._replace(qualifier=""): alone(
            resource.props, _retries(resource)
        )
        for resource in functions
    }
    return _by_name(worst_cases(graph, own_costs), own_costs)


def of_account(
    remote: Remote, resources: Sequence[Resource], wanted: Wanted | None = None
) -> Costs:
    """Return the worst cases of functions of an account that a template has.

    Args:
        remote: The functions with their configurations.
        resources: The template, for its triggers and the account.
        wanted: What the template wants; its settings replace those of the account.
    """
    account = next((resource.account_id for resource in resources if resource.account_id), "")
    own_costs: dict[Node, Worst] = {}
    edges = list(build.trigger_edges(resource for resource in resources if is_function(resource)))
    for identity, have in remote.items():
        if have.function is None:
            continue
        want = wanted.get(identity) if wanted else None
        settings = want.settings if want and want.settings is not None else have.function.to_dict()
        retries = [config.max_async_retry_attempts for config in have.configs.values()] or [None]
        node = Node("function", identity.region, account, identity.function)
        own_costs[node] = max((alone(settings, retry) for retry in retries), key=Worst.weight)
        live = LiveFunction(configs=have.configs)
        edges += LiveRegion(identity.region, account, {identity.function: live}).edges(())
    nodes = [node._replace(qualifier=limits.DEFAULT_QUALIFIER) for node in own_costs]
    return _by_name(worst_cases(Graph(nodes, edges), own_costs), own_costs)


def _retries(resource: Resource) -> int | None:
    block = resource.props.get(BLOCK)
    value = block.get("maxAsyncRetryAttempts") if isinstance(block, dict) else None
    return value if isinstance(value, int) else None


def _by_name(totals: Mapping[Node, Worst | None], own_costs: Mapping[Node, Worst]) -> Costs:
    """Return the dearest of the qualifiers of each function."""
    costs: Costs = {node.name: cost for node, cost in own_costs.items()}
    for node, worst in totals.items():
        cost = costs.get(node.name)
        if node._replace(qualifier="") in own_costs and cost is not None:
            costs[node.name] = worst and max(cost, worst, key=Worst.weight)
    return costs


def table(costs: Costs, prices: Prices, width: int | None) -> list[str]:
    """Return the lines of a table, and what it is based on."""
    columns = (
        Column("function"),
        Column("runs", right=True),
        Column("time", right=True),
        Column("GB-s", right=True),
        Column("CU", right=True, optional=1),
        Column(prices.currency),
    )
    rows = [[name, *_cells(worst, prices)] for name, worst in costs.items()]
    unknown = {name for worst in costs.values() if worst for name in worst.unknown}
    return [
        "Worst case of one message, with what its destinations and triggers lead to:",
        *lay_out(columns, rows, width),
        f"Prices of {prices.date}: {prices.unit:f} {prices.currency} for 1 CU.",
        *([f"Without {', '.join(sorted(unknown))}, whose settings are not known."] * bool(unknown)),
    ]


def _cells(worst: Worst | None, prices: Prices) -> list[object]:
    if worst is None:
        return ["", "", "", "", "no bound: it leads into a cycle"]
    units = worst.units(prices)
    took = moments.duration(worst.seconds * 1_000)
    price = units * prices.unit
    shown = f"{price:,.2f}" if price >= 1 else f"{price:.6f}"
    return [worst.executions, took, _number(worst.memory), _number(units), shown]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.4g}"  # noqa: PLR2004 -- four digits


def changes(before: Costs, after: Costs, prices: Prices) -> Iterator[tuple[str, bool]]:
    """Yield a sentence for each function whose worst case changes, and whether it is a warning."""
    for name, old in before.items():
        new = after.get(name)
        if name not in after or old == new:
            continue
        factor = new.units(prices) / old.units(prices) if old and new else None
        times = f", {factor:.3g} times as much" if factor else ""
        change = f"changes from {_short(old)} to {_short(new)}{times}"
        yield (
            f"{name}: the worst case of one message {change}",
            new is None or (factor or 0) >= MUCH,
        )


def _short(worst: Worst | None) -> str:
    return f"{_number(worst.memory)} GB-s" if worst else "no bound (a cycle)"


def as_data(costs: Costs, prices: Prices) -> list[dict[str, Any]]:
    """Return worst cases as plain data for JSON."""
    return [
        {
            "function": name,
            "executions": worst.executions if worst else None,
            "seconds": worst.seconds if worst else None,
            "memory": worst.memory if worst else None,
            "units": worst.units(prices) if worst else None,
            "price": worst.units(prices) * prices.unit if worst else None,
            "currency": prices.currency,
            "unknown": sorted(worst.unknown) if worst else [],
        }
        for name, worst in costs.items()
    ]
