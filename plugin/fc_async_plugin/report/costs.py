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
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fc_async_plugin.project.state import Place, Remote, Wanted
    from fc_async_plugin.s_yaml.model import Resource
    from fc_async_sdk.models import AsyncConfig

Costs = dict[str, Worst | None]
"""The worst case by name of the function; None: there is no bound."""

WARNING_FACTOR: Final = 10
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
    own_costs: dict[Node, Worst] = {}
    for resource in resources:
        if is_function(resource):
            node = build.source_node(resource)._replace(qualifier="")
            own_costs[node] = alone(resource.props, _retries(resource))
    return _by_name(worst_cases(graph, own_costs), own_costs)


def of_account(
    remote: Remote, resources: Sequence[Resource], target: Wanted | None = None
) -> Costs:
    """Return the worst cases of functions of an account that a template has.

    Args:
        remote: The functions with their configurations.
        resources: The template, for its triggers and the account.
        target: What the template wants; its settings replace those of the account.
    """
    accounts = [resource.account_id for resource in resources if resource.account_id]
    account = accounts[0] if accounts else ""
    functions = [resource for resource in resources if is_function(resource)]
    edges = list(build.trigger_edges(functions))
    own_costs: dict[Node, Worst] = {}
    for identity, state in remote.items():
        if state.function is None:
            continue
        settings = _planned_settings(target, identity)
        if settings is None:
            settings = state.function.to_dict()
        node = Node("function", identity.region, account, identity.function)
        own_costs[node] = _dearest(settings, state.configs.values())
        live = LiveRegion(
            identity.region,
            account,
            {identity.function: LiveFunction(configs=state.configs)},
        )
        edges += live.edges(())
    # An edge leads to a qualifier; calls without one are of the default one.
    nodes = [node._replace(qualifier=limits.DEFAULT_QUALIFIER) for node in own_costs]
    return _by_name(worst_cases(Graph(nodes, edges), own_costs), own_costs)


def _planned_settings(target: Wanted | None, function: Place) -> Mapping[str, Any] | None:
    """Return the settings that a template asks for; None if it leaves those of the account."""
    planned = target.get(function) if target else None
    return planned.settings if planned else None


def _dearest(settings: Mapping[str, Any], configs: Iterable[AsyncConfig]) -> Worst:
    """Return the worst case of a function alone, under the dearest of its configurations."""
    retries = [config.max_async_retry_attempts for config in configs]
    # Without a configuration, the service retries as often as it does by default: None.
    cases = [alone(settings, retry) for retry in retries or [None]]
    return max(cases, key=Worst.weight)


def _retries(resource: Resource) -> int | None:
    block = resource.props.get(BLOCK)
    if not isinstance(block, dict):
        return None
    value = block.get("maxAsyncRetryAttempts")
    return value if isinstance(value, int) else None


def _by_name(totals: Mapping[Node, Worst | None], own_costs: Mapping[Node, Worst]) -> Costs:
    """Return the dearest of the qualifiers of each function."""
    costs: Costs = {node.name: cost for node, cost in own_costs.items()}
    for node, worst in totals.items():
        cost = costs.get(node.name)
        if cost is None or node._replace(qualifier="") not in own_costs:
            continue  # without a bound already, or not of the template
        costs[node.name] = None if worst is None else max(cost, worst, key=Worst.weight)
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
    lines = [
        "Worst case of one message, with what its destinations and triggers lead to:",
        *lay_out(columns, rows, width),
        # Prices differ between contracts and age; a user replaces them with --prices.
        f"Prices of {prices.date}: {prices.unit:f} {prices.currency} for 1 CU.",
    ]
    unknown: set[str] = set()
    for worst in costs.values():
        if worst is not None:
            unknown.update(worst.unknown)
    if unknown:
        lines.append(f"Without {', '.join(sorted(unknown))}, whose settings are not known.")
    return lines


def _cells(worst: Worst | None, prices: Prices) -> list[object]:
    if worst is None:
        return ["", "", "", "", "no bound: it leads into a cycle"]
    units = worst.units(prices)
    price = units * prices.unit
    # One message costs a small part of the smallest coin.
    digits = 2 if price >= 1 else 6
    return [
        worst.executions,
        moments.duration(worst.seconds * 1_000),
        _number(worst.memory),
        _number(units),
        f"{price:,.{digits}f}",
    ]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.4g}"  # noqa: PLR2004 -- four digits


def changes(
    before: Costs,
    after: Costs,
    prices: Prices,
) -> Iterator[tuple[str, bool]]:
    """Yield a sentence for each function whose worst case changes, and whether it is a warning."""
    for name, old in before.items():
        if name not in after or old == after[name]:
            continue
        new = after[name]
        sentence = (
            f"{name}: the worst case of one message changes from {_short(old)} to {_short(new)}"
        )
        # No bound is worse than any amount; from no bound to one is good news.
        if new is None:
            yield sentence, True
        elif old is None:
            yield sentence, False
        else:
            factor = new.units(prices) / old.units(prices)
            times = f", {factor:.3g} times as much" if factor else ""
            yield f"{sentence}{times}", factor >= WARNING_FACTOR


def _short(worst: Worst | None) -> str:
    return f"{_number(worst.memory)} GB-s" if worst else "no bound (a cycle)"


def as_data(costs: Costs, prices: Prices) -> list[dict[str, Any]]:
    """Return worst cases as plain data for JSON."""
    return [_as_data(name, worst, prices) for name, worst in costs.items()]


def _as_data(name: str, worst: Worst | None, prices: Prices) -> dict[str, Any]:
    if worst is None:
        numbers = dict.fromkeys(("executions", "seconds", "memory", "units", "price"))
        return {"function": name, **numbers, "currency": prices.currency, "unknown": []}
    units = worst.units(prices)
    return {
        "function": name,
        "executions": worst.executions,
        "seconds": worst.seconds,
        "memory": worst.memory,
        "units": units,
        "price": units * prices.unit,
        "currency": prices.currency,
        "unknown": sorted(worst.unknown),
    }
