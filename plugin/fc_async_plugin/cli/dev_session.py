# SPDX-License-Identifier: MIT
"""A session of ``fc-async dev``: prepares, starts or finds the runtime, deploys and follows.

Importing it needs the extra ``dev``.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shlex
import sys
from pathlib import Path
from queue import SimpleQueue
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import click
import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.account import connection
from fc_async_plugin.account.connection import Account
from fc_async_plugin.check.rules.props_schema import REGION
from fc_async_plugin.cli._options import runtime as runtime_options
from fc_async_plugin.deploy.apply.planning import deployed
from fc_async_plugin.dev import launch, runtime, scratch
from fc_async_plugin.dev.deploying import Deployer
from fc_async_plugin.dev.loop import Loop, shown
from fc_async_plugin.dev.screen import JsonScreen, TextScreen
from fc_async_plugin.prepare import (
    building,
    commands,
    environments,
    examples,
    imports,
    layers,
    programs,
    runtimes,
)
from fc_async_plugin.prepare.answers import Answers
from fc_async_plugin.prepare.installing import Installer, absent_of_node
from fc_async_plugin.project.code import folder_of, with_folder, without_code
from fc_async_plugin.project.sources import sources_of, template_files
from fc_async_plugin.project.wanted import check_names
from fc_async_plugin.report import DONE, FAILED, INTERRUPTED, Format, terminal
from fc_async_plugin.report.safe_text import visible
from fc_async_plugin.s_yaml import files
from fc_async_plugin.s_yaml.model import is_function
from fc_async_sdk import _project_folder
from fc_async_sdk.packaging import is_ignored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fc_async_plugin.dev.loop import Call
    from fc_async_plugin.dev.runtime import Running
    from fc_async_plugin.dev.screen import Screen
    from fc_async_plugin.prepare.answers import Wish
    from fc_async_plugin.prepare.building import Builder
    from fc_async_plugin.project.images import Image
    from fc_async_plugin.project.sources import Source
    from fc_async_plugin.s_yaml import Project


_GOES_ON: Final = (
    "\nInterrupted. Run fc-async dev again to go on: it does not ask again for what was allowed, "
    "and runs again what was not finished."
)
_TRUST: Final = """
For a browser, import the authority in its settings, for web sites.
Without TLS: protocol HTTP in the Config of a client, or http:// in its endpoint.
Nothing was changed but the files of the authority. To trust it no more, unset the
variables, or remove the folder; the next start makes a new one."""


class Choices(NamedTuple):
    """The options of the command."""

    templates: tuple[str, ...]
    environment: str | None
    port: int | None
    data: Path
    clock: Literal["real", "virtual"]
    output: Format
    quiet: bool
    debug: tuple[str, ...]
    install: bool
    assignments: tuple[str, ...]
    env_file: Path | None
    build: bool
    pass_keys: bool
    yes: bool
    resources: tuple[str, ...]
    commands: tuple[str, ...]
    images: Mapping[str, Image] = MappingProxyType({})
    allowed: frozenset[str] = frozenset()  # images that may be started
    examples: frozenset[Path] = frozenset()  # files from which variables may be taken
    unbuilt: frozenset[str] = frozenset()  # resources that have the template's folder as code


def explain_trust(data: Path, output: Format) -> int:
    """Show the variables by which clients trust the runtime, and how it is called without TLS."""
    variables = runtime.trust(data)
    if output == "json":
        click.echo(msgspec.json.encode(variables).decode())
        return DONE
    click.echo(f"The runtime on {data} speaks HTTP and TLS on the same ports.")
    click.echo(f"Its certificate authority is {variables['FC_ASYNC_CA']}.")
    click.echo("For the programs of one shell (Python, Node.js, curl, this SDK):\n")
    for name, path in variables.items():
        click.echo(f"  export {name}={shlex.quote(path)}")
    click.echo(_TRUST)
    return DONE


def write_launch(choices: Choices) -> int:
    """Write the file for VS Code after asking."""
    sources = sources_of(_read(choices, Account()))
    found = launch.chosen(sources, choices.debug) if choices.debug else launch.targets(sources)
    if not found:
        raise PluginError("no function in Python or Node has its code in a folder: none to debug")
    file = launch.LAUNCH_FILE
    before = file.read_text(encoding="utf-8") if file.exists() else None
    after = launch.merged(before, [launch.configuration(one) for one in found])
    if after == before:
        click.echo(f"{file} is up to date.")
        return DONE
    for target in found:
        terminal.note(f"{target.function}: 127.0.0.1:{target.port}")
    terminal.confirm(f"{'Change' if before else 'Write'} {file}?", yes=choices.yes)
    file.parent.mkdir(exist_ok=True)
    file.write_text(after, encoding="utf-8")
    click.echo(f"Wrote {file}. Start with: fc-async dev --debug FUNCTION")
    return DONE


def run(choices: Choices) -> int:
    """Run the functions until Ctrl-C; return the exit code."""
    try:
        return _run(choices)
    except (KeyboardInterrupt, click.Abort):  # of a question, a build or an installation
        terminal.note(_GOES_ON)
        return INTERRUPTED


def _run(choices: Choices) -> int:
    _project_folder.check(choices.data)
    screen, answers = _screen(choices), Answers()
    events: SimpleQueue[Call] = SimpleQueue()
    loaded = _load(choices, Account())
    choices, said = _with_images_and_examples(choices, answers, loaded)
    if choices.examples:
        loaded = _load(choices, Account())
    projects = _chosen(choices, loaded)
    builds = building.builds_of(projects, answers, choices.images)
    built = {one.resource for one in builds if one.folder.is_dir()}
    unbuilt = {name: text for one in projects for name, text in without_code(one, built).items()}
    choices = choices._replace(unbuilt=frozenset(unbuilt))
    prepared = [("note", text, "own") for text in (*said, *unbuilt.values())]
    projects = _chosen(choices, loaded)
    _check_data(choices.data, sources_of(projects))
    debug = launch.chosen(sources_of(projects), choices.debug)
    place = _place_of(projects)
    environ = files.variables([Path.cwd(), *map(folder_of, projects)], _environ(choices))
    if not choices.pass_keys:
        environ = programs.without_keys(environ)
    builder = building.Builder(builds, answers, environ, terminal.note)
    installer = Installer(
        lambda text: screen.say("install", text, style="wait"),
        answers=None if choices.install else answers,
    )
    prepared += _prepare(choices, projects, builder, installer)
    settings = runtime_options.assigned(choices.assignments)
    started = runtime.Choices(choices.port, choices.data, choices.clock, *place, settings)

    def warn(text: str) -> None:
        events.put(functools.partial(screen.say, "warning", text, style="bad"))

    with runtime.opened(started, warn) as running:
        _welcome(screen, running, choices, projects)
        for kind, text, style in prepared:  # what keeps a function from running comes first
            say = functools.partial(screen.say, kind, text, style=style)
            events.put(say) if style == "wait" else say()
        if not running.attached:
            runtimes.tell_versions(sources_of(projects))
        with _deployer(choices, running, projects, installer) as deployer:
            reason = Loop(running, deployer, screen, events, debug=debug, builder=builder).run()
    if reason:
        terminal.error(reason)
    return FAILED if reason else DONE


def _with_images_and_examples(
    choices: Choices, answers: Answers, loaded: Sequence[Project]
) -> tuple[Choices, list[str]]:
    """Ask which images may be started and which examples taken; return these, and what to say."""
    images = commands.images_of(deployed(one, choices.resources) for one in loaded)
    given = commands.read(choices.commands)
    own = {name: one for name, one in images.items() if one.command and name not in given}
    starts = {name: commands.wish(name, one) for name, one in own.items()}
    values = {file: one for each in loaded for file, one in examples.wishes(each).items()}
    refused = _ask(choices, answers, [*starts.values(), *values.values()])
    taken = {file: one.text for file, one in values.items() if one.key in answers}
    allowed = frozenset(name for name, one in starts.items() if one.key in answers)
    choices = choices._replace(images=images, allowed=allowed, examples=frozenset(taken))
    return choices, [text for text in (refused, *taken.values()) if text]


def _check_data(data: Path, sources: Sequence[Source]) -> None:
    """Refuse a folder for the runtime's data that is part of code: each write would deploy it."""
    place = data.resolve()
    for source in sources:
        code = source.code.resolve() if source.code else None
        inside = code is not None and place.is_relative_to(code)
        if code and inside and not is_ignored(f"{place.relative_to(code).as_posix()}/"):
            said = f"--data {data} is in the code folder of {source.function}"
            fix = f"name a folder outside of {shown(code)}, or leave it out"
            raise PluginError(f"{said}, which would contain it: {fix}")


def _prepare(
    choices: Choices, projects: Sequence[Project], builder: Builder, installer: Installer
) -> Iterator[tuple[str, str, str]]:
    """Build, if it is allowed; yield what the functions may lack: kind, text and style."""
    due = builder.due()
    packages = [one.wish for one in installer.due(projects, {one.resource for one in due})]
    refused = _ask(choices, builder.answers, [*map(building.wish, due), *packages])
    failed = builder.run(due)
    if due and not refused:  # a build may have installed what is needed, or made requirements
        packages = [one.wish for one in installer.due(projects)]
        refused = _ask(choices, builder.answers, packages)
    notes = building.hints(building.builds_of(projects))
    notes += layers.notes(projects, install=not refused)
    lacks = [text for each in projects for text in commands.absent(each)]
    absent = [one for each in projects for one in imports.absent(environments.used(each)[0])]
    absent += absent_of_node(projects)
    notes += [one.absent for one in absent if one.runs and not one.mark]
    yield from (("problem", text, "bad") for text in failed)
    yield from (("note", text, "own") for text in (refused, *lacks) if text)
    yield from (("note", text, "wait") for text in notes)


def _ask(choices: Choices, answers: Answers, wishes: Sequence[Wish]) -> str:
    """Ask for what was not allowed before; return what is not done and why, "" after a yes."""
    new = answers.new(wishes)
    if not new:
        return ""
    if not (choices.yes or choices.build or terminal.can_ask()):
        texts = "; ".join(one.text for one in new)
        flags = [one for one in ("--build", "--install", "-y") if one not in sys.argv]
        again = shlex.join(["fc-async", *sys.argv[1:], *flags])
        return f"not done, because no terminal can be asked: {texts}; to do it: {again}"
    _show_wishes(choices, new)
    if choices.build or choices.yes:
        terminal.confirm("Do this now?", yes=choices.yes)
    elif not click.confirm("Do this now?", err=True):
        return "nothing of that was done; fc-async dev asks again when it starts"
    answers.keep(dict.fromkeys((one.key for one in new), ""))
    return ""


def _show_wishes(choices: Choices, wishes: Sequence[Wish]) -> None:
    """Show what is asked for, or, after ``-y``, done, and what it may see."""
    is_question = not choices.yes and sys.stdin.isatty()
    keys = "with your keys" if choices.pass_keys else "without your keys of the cloud"
    terminal.note("Before the functions run here:")
    for wish in wishes:
        # Without a question, the output may be a log, in which no value of a variable stands.
        lines = wish.question if is_question else [visible(wish.text)]
        for line in lines:
            terminal.note(f"  {line}")
    if any(wish.runs for wish in wishes):
        terminal.note(f"It runs as you, with your files and your network, {keys}.")


@contextlib.contextmanager
def _deployer(
    choices: Choices, running: Running, projects: Sequence[Project], installer: Installer
) -> Iterator[Deployer]:

    addresses = running.addresses
    env_files = {choices.env_file.resolve()} if choices.env_file else set()
    env_files |= choices.examples
    account = Account(addresses.fc, addresses.region, addresses.account_id)
    with (
        connection.regions(account) as regions,
        scratch.folder(Path(addresses.data)) as kept,
    ):
        yield Deployer(
            lambda: _read(choices, account),
            regions,
            files=template_files(projects) | env_files,
            folder=kept,
            amend=installer,
            unavailable=commands.why_not_run,
        )


def _read(choices: Choices, account: Account) -> list[Project]:
    """Return what runs here of all templates, which are read anew."""
    return _chosen(choices, _load(choices, account))


def _load(choices: Choices, account: Account) -> list[Project]:
    """Read all templates, with region and account of the runtime where they have none."""
    environ, projects = _environ(choices), []
    for path in dict.fromkeys(choices.templates or (None,)):

        def read(values: Mapping[str, str], path: str | None = path) -> Project:
            given = {**environ, **values}
            return connection.load(path, account, choices.environment, purpose="run", environ=given)

        projects.append(examples.with_examples(read({}), choices.examples, read))
    check_names(projects, choices.resources)
    return projects


def _chosen(choices: Choices, projects: list[Project]) -> list[Project]:
    """Return the resources that were asked for, with the commands that start them."""
    started = {name: one.command for name, one in choices.images.items() if name in choices.allowed}
    started |= commands.read(choices.commands)
    check_names(projects, started)
    projects = [commands.with_commands(one, started, choices.images) for one in projects]
    return [deployed(with_folder(one, choices.unbuilt), choices.resources) for one in projects]


def _environ(choices: Choices) -> Mapping[str, str]:

    return files.completed(os.environ, choices.env_file) if choices.env_file else os.environ


def _place_of(projects: Sequence[Project]) -> tuple[str, str]:
    """Return the region and the account that the templates name first; "" if they name none."""
    resources = [resource for project in projects for resource in project.resources]
    region = next((one.region for one in resources if REGION.match(one.region)), "")
    account_id = next((one.account_id for one in resources if one.account_id), "")
    return region, account_id


def _screen(choices: Choices) -> Screen:

    if choices.output == "json":
        return JsonScreen(click.echo, quiet=choices.quiet)
    return TextScreen(terminal.console(), quiet=choices.quiet)


def _welcome(
    screen: Screen, running: Running, choices: Choices, projects: Sequence[Project]
) -> None:
    """Say where everything is, and how a function is called."""
    addresses = running.addresses
    resources = (one for project in projects for one in project.resources)
    names = (one.name for one in resources if is_function(one))
    account = f"{addresses.account_id} in {addresses.region}"
    lines = [
        f"FC API   {addresses.fc}  (TLS: fc-async dev --trust)",
        *runtime_options.services(addresses),
        f"Account  {account}  Data {shown(Path(addresses.data))}",
        f"Call     fc-async invoke {next(names, 'FUNCTION')} '{{}}'",
        f"Programs FC_ASYNC_ENDPOINT={addresses.fc}",
    ]
    first = "Local runtime"
    if running.attached:
        first = f"Using the local runtime of process {addresses.pid}; it goes on when this ends"
    elif moved := runtime_options.moved(choices.port, addresses.fc):
        first = f"Local runtime; {moved}"
    facts = {"addresses": msgspec.to_builtins(addresses), "attached": running.attached}
    screen.say("ready", "\n".join([first, *lines]), **facts)
    if running.attached and choices.assignments:
        screen.say(
            "warning",
            f"process {addresses.pid} keeps its settings: --set applies to a new runtime",
            style="bad",
        )
