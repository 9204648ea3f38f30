# SPDX-License-Identifier: MIT
"""The third pass: resolves the variables of a template, into plain values with their places.

An environment is merged here, because its values are resolved first, in a scope of their own.

Invariants:

- A problem does not end the pass; each is reported once.
- Nothing is left out for want of a value unless its key is optional.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_plugin.s_yaml import expressions, provenance
from fc_async_plugin.s_yaml.edition1 import as_of_fc3
from fc_async_plugin.s_yaml.files import root_of
from fc_async_plugin.s_yaml.functions import SECRETS, Functions, Inputs, access_values
from fc_async_plugin.s_yaml.masking import Masking
from fc_async_plugin.s_yaml.merging import merge_tables
from fc_async_plugin.s_yaml.nodes import (
    Array,
    Leaf,
    Table,
    from_plain,
    has_no_json,
    leaves,
    with_entry,
    without_last_nulls,
)
from fc_async_plugin.s_yaml.problems import TemplateError, failure, note
from fc_async_plugin.s_yaml.reading import names_function
from fc_async_plugin.s_yaml.scopes import (
    Root,
    Scope,
    Scoped,
    environment_scope,
    resource_scope,
    top_scope,
)
from fc_async_plugin.s_yaml.variables import NoValue, Resolver
from fc_async_sdk.spec.runtimes import CUSTOM, NODE, PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fc_async_plugin.s_yaml.merging import Merged, Written
    from fc_async_plugin.s_yaml.nodes import Node
    from fc_async_plugin.s_yaml.problems import Kind, Position, Problem
    from fc_async_plugin.s_yaml.scopes import Scope

ENVIRONMENT: Final = "environmentVariables"
"""Props of which one entry may be left out; of others, all is left out."""


class UnsetNotes:
    """Expressions that stay as they are, because their environment variables have no value."""

    def __init__(self) -> None:
        self._by_position: dict[Position, Problem] = {}
        self._below_variables = False

    @property
    def problems(self) -> list[Problem]:
        """A note or an error for each place."""
        return list(self._by_position.values())

    @contextmanager
    def below_variables(self) -> Iterator[None]:
        """Take what is added meanwhile for a note."""
        before = self._below_variables
        self._below_variables = True
        try:
            yield
        finally:
            self._below_variables = before

    def add(self, problems: Sequence[Problem]) -> None:
        """Add the places of one expression."""
        # Secrets stand among the variables of a function, and a pull request has none: there the
        # rules need no value. Elsewhere what they look for may depend on it.
        kind: Kind = "unset" if self._below_variables else "variable"
        for problem in problems:
            is_new = problem.position not in self._by_position
            if is_new or kind == "variable":
                self._by_position[problem.position] = problem._replace(kind=kind)


class Collector(Resolver):
    """Resolves the nodes of one project and collects the problems.

    Args:
        functions: Evaluates ``env``, ``file`` and the other calls.
        optional: Keys of mappings whose values, if an environment variable has none, are left out
            instead of being a problem.
        keeps_unset: Whether an expression whose environment variable has no value stays as text,
            and is a note.
        edition1: As in :class:`.Resolver`.

    Attributes:
        unset: Names of the environment variables for which something was left out, with the
            optional keys inside which they are.
        left_out: The problems of each resource that :meth:`apart` found.
    """

    def __init__(
        self,
        functions: Functions,
        optional: frozenset[str] = frozenset(),
        *,
        keeps_unset: bool = False,
        edition1: bool = False,
    ) -> None:
        super().__init__(functions, edition1=edition1)
        self.optional = optional
        self._unset_notes = UnsetNotes() if keeps_unset else None
        self._lenient = False
        self._inside_reference = False
        self._left_out: list[Leaf] = []
        self._problems: dict[Problem, None] = {}
        self.unset: dict[str, set[str]] = {}
        self._outermost = ""
        self.left_out: dict[str, list[Problem]] = {}

    @property
    def problems(self) -> list[Problem]:
        """The problems that :meth:`collect` found, each once."""
        return list(self._problems)

    def collect(self, node: Node, scope: Scope) -> Any:
        """Return a node as a plain value; add each problem to :attr:`problems` and continue.

        Null entries of mappings are left out, as in ``s``, and so is a value that cannot be
        resolved; in a list it is None. Infinity and not-a-number, which JSON cannot express,
        become None and are kept.
        """
        # Most nodes are leaves without a variable: they come first.
        if not isinstance(node, Leaf):
            return self._collect_inside(node, scope)
        if expressions.mentions_variable(node.text):
            return self._collect_text(node, scope)
        return None if has_no_json(node) else node.value

    def collect_optional(self, node: Node, scope: Scope) -> Any:
        """Return a node as :meth:`collect` does, without what has an unset variable.

        That is an error as elsewhere if nothing is optional.
        """
        if not self.optional:
            return self.collect(node, scope)
        before = self._lenient
        self._lenient = True
        try:
            return self.collect(node, scope)
        finally:
            self._lenient = before

    def collect_variables(self, node: Node, scope: Scope) -> Any:
        """Return a node as :meth:`collect_optional` does; an unset variable in it may be a note."""
        if self._unset_notes is None:
            return self.collect_optional(node, scope)
        with self._unset_notes.below_variables():
            return self.collect(node, scope)

    def _entry(self, key: str, child: Node, scope: Scope) -> Any:
        if self._unset_notes is not None and key == ENVIRONMENT:
            return self.collect_variables(child, scope)
        if key not in self.optional:
            return self.collect(child, scope)
        before = len(self._left_out)
        outer = self._outermost
        self._outermost = outer or key
        value = self.collect_optional(child, scope)
        self._outermost = outer
        is_whole = len(self._left_out) == before
        # A part of a VPC is none; of the variables, those with a value are of use.
        return value if is_whole or key == ENVIRONMENT else None

    def _collect_inside(self, node: Table | Array, scope: Scope) -> Any:
        if isinstance(node, Table):
            entries: dict[str, Any] = {}
            for key, child in node.entries.items():
                value = self._entry(key, child, scope)
                if value is not None or has_no_json(child):
                    entries[key] = value
            return entries
        items = [self.collect(item, scope) for item in node.items]
        if node.items and has_no_json(node.items[-1]):
            return items  # its last None is a value, not a null
        return without_last_nulls(items)

    def _collect_text(self, node: Leaf, scope: Scope) -> Any:
        try:
            value, _ = self._value(node, scope)
        except TemplateError as error:
            if self._unset_notes is not None and isinstance(error, NoValue):
                return self._with_unset(node, scope, error, self._unset_notes)
            if self._lenient and isinstance(error, NoValue):
                return self._without_unset(node, scope, error.name)
            self._problems.update(dict.fromkeys(error.problems))
            return None
        return value

    def _without_unset(self, node: Leaf, scope: Scope, name: str) -> Any:
        """Return the collection that a text refers to without its unset variables, else None."""
        target, target_scope = self._followed(node, scope)
        if target is node or self._inside_reference:
            self._left_out.append(node)
            self.unset.setdefault(name, set()).add(self._outermost)
            return None
        # A text that refers to a mapping of variables: those of them that have a value are of use.
        self._inside_reference = True
        try:
            return self.collect(target, target_scope)
        finally:
            self._inside_reference = False

    def _with_unset(self, node: Leaf, scope: Scope, error: NoValue, notes: UnsetNotes) -> Any:
        """Return the collection that a text refers to, else the text as it is written."""
        target, target_scope = self._followed(node, scope)
        if target is not node and not self._inside_reference:
            self._inside_reference = True
            try:
                return self.collect(target, target_scope)
            finally:
                self._inside_reference = False
        notes.add(error.problems)
        return node.value

    @property
    def notes(self) -> list[Problem]:
        """Notes on expressions that stay as they are."""
        unset = [] if self._unset_notes is None else self._unset_notes.problems
        return [*self.kept, *unset]

    @contextmanager
    def apart(self, name: str) -> Iterator[None]:
        """Put the problems of a resource into :attr:`left_out`, not into :attr:`problems`."""
        # One ${…} without a value in one resource stopped all functions of the template.
        before = self._problems
        self._problems = {}
        try:
            yield
        finally:
            problems = self.problems
            self._problems = before
            if problems:
                self.left_out[name] = problems

    def refuse_left_out(self) -> None:
        """Move what :meth:`apart` found to :attr:`problems`."""
        for problems in self.left_out.values():
            self._problems.update(dict.fromkeys(problems))
        self.left_out.clear()

    def text(self, node: Node | None, scope: Scope) -> str:
        """Return a value as text, "" if there is none; problems as in :meth:`collect`."""
        value = None if node is None else self.collect(node, scope)
        return "" if value is None else str(value)

    def fixed(self, node: Node, scope: Scope) -> Node:
        """Return a node with values instead of variables; problems as in :meth:`collect`."""
        if isinstance(node, Leaf):
            return from_plain(self.collect(node, scope), node.mark)
        if isinstance(node, Array):
            return Array(*node.mark, [self.fixed(item, scope) for item in node.items])
        entries: dict[str, Node] = {}
        for key, child in node.entries.items():
            if key in self.optional:
                value = self._entry(key, child, scope)
                entries[key] = from_plain(value, child.mark)
            else:
                entries[key] = self.fixed(child, scope)
        return Table(*node.mark, entries, node.keys)


OPTIONAL: Final = frozenset(
    (
        f"{ENVIRONMENT} region role description logConfig vpcConfig nasConfig ossMountConfig "
        "tracingConfig customDNS tags resourceGroupId image functionName service"
    ).split()
)
"""Props that a function runs without on this machine."""


class Options(NamedTuple):
    """Values that the caller gives beside the files; see :func:`fc_async_plugin.s_yaml.load`."""

    access: str | None
    account_id: str | None
    region: str
    command: str
    reveal: bool
    props: Mapping[str, dict[str, Any]]
    runs_here: bool
    keeps_unset: bool


class Values(NamedTuple):
    """The resolved values of one resource.

    Attributes:
        component: Its component, "" if it has none.
        props: Its props, as plain values.
        scoped: The same before its variables were resolved.
    """

    component: str
    props: dict[str, Any]
    scoped: Scoped


class Resolved(NamedTuple):
    """One template with the values of its variables.

    Attributes:
        merged: The result of the second pass.
        region: Of resources that have none.
        name: Its ``name``.
        access: The access alias that is used.
        account_id: Of the caller, else of the alias; "" if unknown.
        resources: The resources that have no problems, by name.
        scoped: All resources before their variables were resolved.
        top: The scope of the template.
        resolver: Has resolved the values; knows the places where they were written.
        sources: Values from outside of the template, with their expressions.
        masking: Resolves commands without values that may be secrets.
        notes: Places that ``s`` reads differently.
    """

    merged: Merged
    region: str
    name: str
    access: str
    account_id: str
    resources: Mapping[str, Values]
    scoped: Mapping[str, Scoped]
    top: Scope
    resolver: Collector
    sources: Mapping[str, str]
    masking: Masking
    notes: tuple[Problem, ...]


def resolve(merged: Merged, options: Options) -> Resolved:
    """Resolve the variables of a template.

    Raises:
        TemplateError: Some expressions cannot be resolved; has all problems.
    """
    sources = merged.sources
    environ = sources.variables
    folder = sources.template.file.parent
    access = options.access or _alias(merged)
    alias = access_values(access, environ, asked=options.access is not None)
    account_id = options.account_id or alias().get("AccountID", "")
    inputs = Inputs(
        environ,
        lambda: {**alias(), "AccountID": account_id},
        options.command,
        reveal=options.reveal,
        root=root_of(folder),
    )
    functions = Functions(inputs)
    edition1 = any(note.kind == "edition" for note in sources.notes)
    optional: frozenset[str] = OPTIONAL if options.runs_here else frozenset()
    resolver = Collector(functions, optional, keeps_unset=options.keeps_unset, edition1=edition1)
    try:
        resources = _resources(merged, options, resolver, access)
    except TemplateError as error:
        raise error.masked(functions.sources) from error
    # Props that s has resolved may hold keys, which no expression here has returned.
    if options.props and options.reveal:
        for key in SECRETS & alias().keys():
            provenance.record(functions.sources, alias()[key], f"${{config('{key}')}}")
    return Resolved(
        merged,
        options.region,
        resources.project,
        access,
        account_id,
        resources.values,
        resources.scoped,
        resources.top,
        resolver,
        functions.sources,
        Masking(inputs, sources.user_variables, edition1=edition1),
        (*resources.notes, *resolver.notes),
    )


class _Resources(NamedTuple):
    """Resources of a template with their values.

    Attributes:
        project: The name of the template.
        values: The resources with their values.
        scoped: The same before their variables were resolved.
        top: The scope of the template.
        notes: Places that ``s`` reads differently.
    """

    project: str
    values: dict[str, Values]
    scoped: dict[str, Scoped]
    top: Scope
    notes: list[Problem]


def _resources(merged: Merged, options: Options, resolver: Collector, access: str) -> _Resources:
    """Resolve the resources of a template.

    Raises:
        TemplateError: Some expressions cannot be resolved; has all problems.
    """
    tops = [top_scope(part, number) for number, part in enumerate(merged.parts)]
    scoped = _scoped(merged, tops, resolver, access)
    notes = [*merged.sources.notes, *merged.notes]
    if options.runs_here:
        scoped = {name: _run_here(part, resolver, notes) for name, part in scoped.items()}
    values = _values(scoped, resolver, options)
    project = resolver.text(merged.root.at("name"), tops[-1])
    if resolver.problems:
        raise TemplateError(resolver.problems)
    return _Resources(project, values, scoped, tops[-1], notes)


def _values(
    scoped: Mapping[str, Scoped], resolver: Collector, options: Options
) -> dict[str, Values]:
    """Return the resources; on this machine without those that have problems, if any has none."""
    values: dict[str, Values] = {}
    for name, resource in scoped.items():
        with resolver.apart(name):
            component = resolver.text(resource.component, resource.scope)
            props = options.props.get(name)
            if props is None:
                # Nothing of another component runs here: its unset variables stop nothing.
                is_function = names_function(component)
                collect = resolver.collect if is_function else resolver.collect_optional
                props = collect(resource.props, resource.scope)
            values[name] = Values(component, props, resource)
    left_out = resolver.left_out
    sound = {name: resolved for name, resolved in values.items() if name not in left_out}
    has_function = any(names_function(remaining.component) for remaining in sound.values())
    # Elsewhere all or nothing is deployed; a machine without a function has nothing to run.
    if not options.runs_here or not has_function:
        resolver.refuse_left_out()
    return sound


def _alias(merged: Merged) -> str:
    """Return the access alias of the environment, else of the template."""
    environment = merged.sources.environment
    of_environment = environment.text("access") if environment else ""
    return of_environment or merged.root.text("access")


def _scoped(
    merged: Merged, tops: list[Scope], resolver: Collector, access: str
) -> dict[str, Scoped]:
    """Return all resources with the scopes of their variables."""
    scoped: dict[str, Scoped] = {}
    for part, top in zip(merged.parts, tops, strict=True):
        if isinstance(part.variables, Table):
            # As in s, a variable that nothing refers to must be resolvable, too.
            resolver.collect_variables(part.variables, top)
        resources = Root({})
        for name, written in part.resources.items():
            props = _overlaid(name, written, merged.sources.environment, top, resolver)
            scope = resource_scope(name, written.table, props, top, resources, access)
            resource = Scoped(
                props,
                scope,
                written.table.at("component"),
                written.position,
            )
            if name in scoped:
                resource = _joined(scoped[name], resource)
            scoped[name] = resource
    return scoped


def _run_here(resource: Scoped, resolver: Collector, notes: list[Problem]) -> Scoped:
    """Return a resource with what this machine reads and ``s`` does not; add a note for each."""
    if not isinstance(resource.component, Leaf):
        return resource
    component = str(resolver.attempt(resource.component, resource.scope))
    if not names_function(component):
        is_folder = component.startswith((".", "/"))
        if not is_folder or "runtime" not in resource.props.entries:
            return resource
        notes.append(
            note(
                resource.component.position,
                f"component {component} is a folder: "
                "dev takes it for fc3, because props have a runtime",
                "write component: fc3",
            )
        )
        resource = resource._replace(component=Leaf(*resource.component.mark, "fc3"))
    # Not before: see edition1, which needs the component and what an environment lays over props.
    props, fc2_notes = as_of_fc3(resource.props)
    notes += fc2_notes
    runtime = props.at("runtime")
    runtime_name = ""
    if isinstance(runtime, Leaf):
        runtime_name = resolver.attempt(runtime, resource.scope)
    has_code = "code" in props.entries
    if runtime_name in PYTHON | NODE | CUSTOM and not has_code:
        # A public template has no code; s deploy refuses it, the note says so.
        notes.append(
            note(
                resource.position,
                "a function has a runtime and no code: "
                "dev takes the folder of the template, s deploy needs one",
                "add code",
            )
        )
        props = with_entry(
            props,
            "code",
            Leaf(*props.mark, "."),
            props.mark,
        )
    return resource._replace(props=props)


def _overlaid(
    name: str, written: Written, environment: Table | None, top: Scope, resolver: Collector
) -> Table:
    """Return the props of a resource with what an environment lays over them."""
    props = written.props
    if environment is None:
        return props
    scope = environment_scope(environment, top.folder)
    component = resolver.text(written.table.at("component"), top)
    overlays = (
        # The later one wins.
        environment.at("overlays", "components", component),
        environment.at("overlays", "resources", name),
        _region(environment),
    )
    for overlay in overlays:
        if overlay is None:
            continue
        # An expression of an environment knows only the environment, so it is resolved first.
        fixed = resolver.fixed(overlay, scope)
        if not isinstance(fixed, Table):
            raise failure(fixed.position, "an overlay is not a mapping")
        props = merge_tables(props, fixed)
    return props


def _region(environment: Table) -> Table | None:
    region = environment.at("infraStack", "region")
    if region is None:
        return None
    return Table(*region.mark, {"region": region}, {"region": region.mark})


def _joined(lower: Scoped, upper: Scoped) -> Scoped:
    """Merge a resource over the extended file's; each string is resolved in its own file."""
    # Names such as ${this.…} and relative paths mean what they mean in the file that has them.
    lower_scopes = {id(leaf): lower.scope for leaf in leaves(lower.props)}
    scope = upper.scope._replace(node_scopes=lower_scopes)
    props = merge_tables(lower.props, upper.props)
    return Scoped(
        props,
        scope,
        upper.component or lower.component,
        upper.position,
    )
