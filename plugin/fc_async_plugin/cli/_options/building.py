# SPDX-License-Identifier: MIT
"""Building blocks of options and of groups of commands."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_WHOLE_SENTENCE: Final = 1_000
"""Longest help of a command in a list; click itself cuts it to the width of the terminal."""

_UNBROKEN: Final = "\N{NON-BREAKING HYPHEN}"

F = TypeVar("F", bound="Callable[..., Any]")


def flag(*names: str, **more: Any) -> Callable[[F], F]:
    """Add an option without a value, which is True if it is given.

    Args:
        names: The names of the option; one without dashes is the parameter's.
        more: What ``click.option`` takes, such as ``help``.
    """
    return click.option(*names, is_flag=True, **more)


def former(name: str, now: str) -> Callable[[F], F]:
    """Add the name that an option had in the release before: an error names the option of today.

    Args:
        name: The former name.
        now: The name of today.
    """

    def refuse(context: click.Context, _: click.Parameter, value: str | None) -> None:
        if value is not None:
            raise click.UsageError(f"{name} is now: {now}", context)

    return click.option(name, hidden=True, expose_value=False, callback=refuse)


def refuse_empty_names(
    _: click.Context, __: click.Parameter, names: str | tuple[str, ...] | None
) -> str | tuple[str, ...] | None:
    """Return names as they were typed; a script whose variable is not set types an empty one.

    Raises:
        click.BadParameter: A name is empty.
    """
    # The service does not filter by an empty name: metrics showed the sum of all functions.
    typed = names if isinstance(names, tuple) else (names,)
    if "" in typed:
        raise click.BadParameter("must not be empty")
    return names


def gathered(name: str, make: Callable[..., object], *decorators: Any) -> Callable[[F], F]:
    """Return a decorator that adds options; the command gets one object instead of their values.

    Args:
        name: Name by which the command gets it.
        make: Makes it; its parameters have the names of the options.
        decorators: Each adds one or more of the options.
    """
    names = inspect.signature(make).parameters

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def command(**parameters: Any) -> Any:
            values = {option: parameters.pop(option) for option in names}
            parameters[name] = make(**values)
            return function(**parameters)

        decorated: Any = command
        # The last decorator is the innermost: click lists options in the order of this list.
        for decorator in reversed(decorators):
            decorated = decorator(decorated)
        return decorated  # type: ignore[no-any-return]

    return decorate


class _SpacesOnly(click.HelpFormatter):
    """A help text that is wrapped at spaces only: click breaks options at their hyphens, too."""

    def write_text(self, text: str) -> None:
        """Write a paragraph."""
        super().write_text(text.replace("-", _UNBROKEN))

    def write_dl(self, rows: Iterable[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        """Write names and what they are."""
        unbroken = [(name, text.replace("-", _UNBROKEN)) for name, text in rows]
        super().write_dl(unbroken, *args, **kwargs)

    def getvalue(self) -> str:
        """Return what was written."""
        return super().getvalue().replace(_UNBROKEN, "-")


class Context(click.Context):
    """The context of every command of the project."""

    formatter_class = _SpacesOnly


class Group(click.Group):
    """A group of commands, listed with whole sentences; some moved since the release before.

    Args:
        moved: What is called instead, by the name that a command had.
    """

    context_class = Context

    def __init__(self, *args: Any, moved: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._moved = moved or {}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands; click would cut the end of what each does on a narrow terminal."""
        for title, names in self.sections(ctx).items():
            rows: list[tuple[str, str]] = []
            for name in names:
                command = self.get_command(ctx, name)
                if command is None or command.hidden:
                    continue
                rows.append((name, command.get_short_help_str(_WHOLE_SENTENCE)))
            with formatter.section(title):
                formatter.write_dl(rows)

    def sections(self, ctx: click.Context) -> dict[str, list[str]]:
        """Return the names of the commands by the heading that they stand below."""
        return {"Commands": self.list_commands(ctx)}

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the command that is called instead of one that has moved."""
        if args[0] in self._moved:
            new_name = self._moved[args[0]]
            raise click.UsageError(f"{ctx.command_path} {args[0]} is now: fc-async {new_name}", ctx)
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            command.context_class = Context
        return name, command, rest


class CommandWithParts(click.Command):
    """A command that takes names, and has commands of its own: ``failures``, ``failures export``.

    A name that a part has, too, stands after ``--``.

    Attributes:
        parts: The commands by name.
    """

    def __init__(self, *args: Any, parts: Mapping[str, click.Command], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parts = parts

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Return the context of the part that the first argument names, else its own."""
        # A group of click would take the names that follow for names of commands.
        if args and args[0] in self.parts:
            part = self.parts[args[0]]
            part.context_class = Context
            return part.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the options, then the parts."""
        super().format_options(ctx, formatter)
        rows = [
            (name, part.get_short_help_str(_WHOLE_SENTENCE)) for name, part in self.parts.items()
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class Choice(click.Choice[str]):
    """A choice that names the nearest value for a typing mistake."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the value, or fail with the nearest one."""
        from fc_async_plugin.account import suggestions

        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            names = {str(choice).lower(): str(choice) for choice in self.choices}
            typed = str(value).lower()
            near = suggestions.nearest(typed, names)
            if not near:
                raise
            text = f"{error.message} Did you mean {names[near]}?"
            raise click.BadParameter(text, ctx, param) from error
