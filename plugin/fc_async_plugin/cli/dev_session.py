# SPDX-License-Identifier: MIT
"""A session of ``fc-async dev``: prepares, starts or finds the runtime, deploys and follows.

Importing it needs the extra ``dev``.
"""

from __future__ import annotations

import contextlib
import functools
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
from fc_async_plugin.dev.templates import Templates
from fc_async_plugin.prepare import (
    building,
    commands,
    environments,
    examples,
    lacks,
    layers,
    programs,
    questions,
    runtimes,
)
from fc_async_plugin.prepare.answers import Answers
from fc_async_plugin.prepare.installing import Installer
from fc_async_plugin.project import settings_file
from fc_async_plugin.project.code import folder_of
from fc_async_plugin.project.settings_file import FunctionSettings
from fc_async_plugin.project.sources import sources_of, template_files
from fc_async_plugin.project.wanted import check_names
from fc_async_plugin.report import DONE, FAILED, INTERRUPTED, Format, terminal
from fc_async_plugin.report.safe_text import visible
from fc_async_plugin.s_yaml import files
from fc_async_plugin.s_yaml.model import is_function
from fc_async_sdk import _project_folder
from fc_async_sdk.packaging import is_ignored
from fc_async_sdk.spec.runtimes import CONTAINER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from fc_async_plugin.dev.loop import Call
    from fc_async_plugin.dev.runtime import Running
    from fc_async_plugin.dev.screen import Screen
    from fc_async_plugin.prepare.answers import Wish
    from fc_async_plugin.prepare.building import Builder
    from fc_async_plugin.prepare.questions import Question
    from fc_async_plugin.project.images import Image
    from fc_async_plugin.project.sources import Source
    from fc_async_plugin.s_yaml import Project
    from fc_async_plugin.s_yaml.actions import Build


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
    projects = _read(choices, _templates_of(choices), Account(), Answers())
    sources = sources_of(projects)
    targets = launch.targets(sources)
    if choices.debug:
        targets = launch.chosen(sources, choices.debug)
    if not targets:
        raise PluginError("no function in Python or Node has its code in a folder: none to debug")
    file = launch.LAUNCH_FILE
    before = file.read_text(encoding="utf-8") if file.exists() else None
    entries = [launch.configuration(target) for target in targets]
    after = launch.merged(before, entries)
    if after == before:
        click.echo(f"{file} is up to date.")
        return DONE
    for target in targets:
        terminal.note(f"{target.function}: 127.0.0.1:{target.port}")
    verb = "Change" if before else "Write"
    terminal.confirm(f"{verb} {file}?", yes=choices.yes)
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


class Output(NamedTuple):
    """Something to say when the screen is there.

    Attributes:
        kind: As of the screen.
        text: The text.
        style: Its style.
        deferred: Whether it is said after the first deployment, below what was deployed.
        facts: The details, for programs.
    """

    kind: str
    text: str
    style: str = "own"
    deferred: bool = False
    facts: Mapping[str, str] = MappingProxyType({})


class Prepared(NamedTuple):
    """Answers of the user, and the results of what was done before the functions run.

    Attributes:
        choices: The options, with what was allowed.
        projects: What runs here.
        builder: Builds again after a save.
        outputs: What to say.
    """

    choices: Choices
    projects: list[Project]
    builder: Builder
    outputs: list[Output]


def _run(choices: Choices) -> int:
    _project_folder.check(choices.data)
    screen, answers = _screen(choices), Answers()
    templates = _templates_of(choices)
    events: SimpleQueue[Call] = SimpleQueue()
    installer = Installer(
        lambda text: screen.say("install", text, style="wait"),
        answers=None if choices.install else answers,
    )
    prepared = _prepare(choices, templates, answers, installer)
    choices = prepared.choices
    projects = prepared.projects
    debug = launch.chosen(sources_of(projects), choices.debug)
    settings = runtime_options.assigned(choices.assignments)
    region, account_id = _named_first(projects)
    started = runtime.Choices(
        choices.port, choices.data, choices.clock, region, account_id, settings
    )

    def warn(text: str, style: str) -> None:
        events.put(functools.partial(screen.say, "warning", text, style=style))

    with runtime.opened(started, warn) as running:
        _welcome(screen, running, choices, projects)
        for output in prepared.outputs:  # what keeps a function from running comes first
            say = functools.partial(
                screen.say, output.kind, output.text, style=output.style, **output.facts
            )
            # What functions lack stands below the line that says what was deployed.
            if output.deferred:
                events.put(say)
            else:
                say()
        with _deployer(prepared, templates, running, installer, answers) as deployer:
            if not running.attached:
                # Only of what was deployed: another function runs on no version at all.
                events.put(lambda: runtimes.tell_versions(deployer.running))
            events.put(lambda: _tell_images(screen, deployer, running))
            loop = Loop(running, deployer, screen, events, debug=debug, builder=prepared.builder)
            reason = loop.run()
    if reason:
        terminal.error(reason)
    return FAILED if reason else DONE


def _tell_images(screen: Screen, deployer: Deployer, running: Running) -> None:
    """Say which images this machine does not have, as the runtime finds."""
    images = [source for source in deployer.running if source.runtime == CONTAINER]
    if not images:
        return
    addresses = running.addresses
    account = Account(addresses.fc, addresses.region, addresses.account_id)
    with connection.regions(account) as regions:
        for source in images:
            function = regions[addresses.region].get_function(source.function)
            if function.state == "Failed" and function.state_reason:
                remedy = f"or give a command: fc-async dev --command {source.resource}='COMMAND'"
                text = f"{source.resource}: {function.state_reason}; {remedy}"
                screen.say("lack", text, style="wait", kind="engine", name=source.resource)


def _prepare(
    choices: Choices, templates: Templates, answers: Answers, installer: Installer
) -> Prepared:
    """Ask for all that runs before the functions do, at once; then build what was allowed."""
    # No runtime is started yet: what depends on its account is filled in when it is deployed to.
    loaded = _load(choices, templates, Account())
    outputs = _answered(choices, loaded)
    settings = commands.settings_of(loaded)
    choices = choices._replace(images=_images(choices, loaded, settings))
    starts = _start_wishes(choices, loaded, settings)
    values = _examples_of(loaded)
    # As if these wishes were allowed: what they need would otherwise be a second question.
    projects = _chosen(choices, loaded, settings, starts.keys())
    _check_data(choices.data, sources_of(projects))
    builder = _builder(choices, templates, projects, answers, settings)
    due = builder.due()
    installations = installer.due(_in_environments(projects))
    wishes = [*starts.values(), *values.values()]
    wishes += [building.wish(build) for build in due]
    wishes += [installation.wish for installation in installations]
    refused = _ask(choices, answers, wishes)
    if refused:
        outputs.append(Output("note", refused))

    taken = {file: wish for file, wish in values.items() if wish.key in answers}
    for wish in taken.values():
        outputs.append(Output("note", wish.text))
    allowed = _allowed(starts, answers)
    choices = choices._replace(allowed=allowed, examples=frozenset(taken))
    # Examples are read before the deployment: with them a function may need other packages.
    if choices.examples:
        loaded = _load(choices, templates, Account())
    settings = commands.settings_of(loaded)
    projects = _chosen(choices, loaded, settings, allowed)
    if refused:
        # Without the programs that the user did not allow, other builds may be due.
        builder = _builder(choices, templates, projects, answers, settings)
        due = builder.due()
    failed = _build(builder, due, projects, installer)
    outputs += [Output("problem", text, "bad") for text in failed]
    agreed = [each for each in installations if each.wish.key in answers]
    # A build may have brought packages, or changed what names them.
    used = _in_environments(projects)
    installer.after_builds(used, agreed)
    outputs += _needs_of_images(choices)
    outputs += _outputs_of_lacks(used, install=not refused)
    return Prepared(choices, projects, builder, outputs)


def _examples_of(projects: Iterable[Project]) -> dict[Path, Wish]:
    """Return the questions for the example files of variables, by file."""
    wishes: dict[Path, Wish] = {}
    for project in projects:
        wishes |= examples.wishes(project)
    return wishes


def _in_environments(projects: Iterable[Project]) -> list[Project]:
    """Return templates whose functions find the packages of the project's own environment."""
    return [environments.used(project).project for project in projects]


def _needs_of_images(choices: Choices) -> Iterator[Output]:
    """Yield what the images that start need and nothing installs or makes here."""
    for name in sorted(choices.allowed & choices.images.keys()):
        for text in commands.notes_of_image(name, choices.images[name]):
            yield Output("note", text)


def _allowed(wishes: Mapping[str, Wish], answers: Answers) -> frozenset[str]:
    """Return the resources that the user lets start."""
    allowed: set[str] = set()
    for name, wish in wishes.items():
        if wish.key in answers:
            allowed.add(name)
    return frozenset(allowed)


def _answered(choices: Choices, loaded: Sequence[Project]) -> list[Output]:
    """Ask how functions start for which the project does not say it; write the answers down.

    Returns:
        What to say of those that were not answered.
    """
    started = commands.read(choices.commands)
    settings = commands.settings_of(loaded)
    outputs: list[Output] = []
    answers: dict[Path, dict[str, FunctionSettings]] = {}
    for project in loaded:
        answered = {*started, *settings}
        for question in questions.questions(deployed(project, choices.resources), answered):
            # -y says yes to what was read. Which of several files is meant was not.
            if choices.yes or choices.build or not terminal.can_ask():
                outputs.append(Output("note", question.unanswered))
            elif chosen := _choose(question):
                answers.setdefault(question.file, {})[question.resource] = chosen
    for file, chosen_settings in answers.items():
        settings_file.write(file, chosen_settings)
        terminal.note(
            f"written into {shown(file)}, which you can change: {', '.join(chosen_settings)}"
        )
    return outputs


def _choose(question: Question) -> FunctionSettings | None:
    """Ask one question; return its answer, None to leave the function out."""
    for line in question.lines:
        terminal.note(line)
    otherwise = "runs its image" if question.is_image else "leaves it out"
    asked = f"Number, or the command that starts {question.resource} (Enter {otherwise})"
    while True:
        answer = click.prompt(asked, default="", show_default=False, err=True)
        try:
            return question.answer(answer)
        except ValueError as error:
            terminal.note(str(error))


def _images(
    choices: Choices, loaded: Sequence[Project], settings: Mapping[str, FunctionSettings]
) -> dict[str, Image]:
    """Return the images that start as their Dockerfiles say, by resource."""
    chosen = [deployed(project, choices.resources) for project in loaded]
    images = commands.images_of(chosen)
    for name in settings:  # what the user has written takes the place of the Dockerfile
        images.pop(name, None)
    return images


def _start_wishes(
    choices: Choices, loaded: Sequence[Project], settings: Mapping[str, FunctionSettings]
) -> dict[str, Wish]:
    """Return what the user is asked of programs that start functions, by resource."""
    started = commands.read(choices.commands)
    wishes: dict[str, Wish] = {}
    for name, image in choices.images.items():
        if image.command and name not in started:
            wishes[name] = commands.wish(name, image)
    for project in loaded:
        file = settings_file.file_of(project.file)
        for resource in deployed(project, choices.resources).resources:
            chosen = settings.get(resource.name)
            # A build is a wish of its own, with the files that it reads.
            if chosen and chosen != FunctionSettings(build=chosen.build):
                wishes[resource.name] = commands.wish_of_settings(file, resource.name, chosen)
    return wishes


def _builder(
    choices: Choices,
    templates: Templates,
    projects: Sequence[Project],
    answers: Answers,
    settings: Mapping[str, FunctionSettings],
) -> Builder:
    """Return the builder of the functions that can run here."""
    lines: dict[str, str] = {}
    for name, chosen in settings.items():
        if chosen.build:
            lines[name] = chosen.build
    builds = building.builds_of(projects, answers, choices.images, lines)
    # A build of a function that cannot run here would ask for tools and minutes for nothing.
    built = {""}
    for project in projects:
        for resource in project.resources:
            if not lacks.interpreter(resource):
                built.add(resource.name)
    folders = [Path.cwd()]
    folders += [folder_of(project) for project in projects]
    environ = files.variables(folders, templates.environ)
    if not choices.pass_keys:
        environ = programs.without_keys(environ)
    runs = [build for build in builds if build.resource in built]
    return building.Builder(runs, answers, environ, terminal.note, _code_folders(projects))


def _build(
    builder: Builder, due: Sequence[Build], projects: Sequence[Project], installer: Installer
) -> list[str]:
    """Build what was allowed; keep packages out of the folders that builds have made.

    Returns:
        What failed.
    """
    folders = _code_folders(projects)
    absent = {folder for folder in folders if not folder.exists()}
    failed = builder.run(due)
    # The output of a build has what it needs: a second installation into it took 472 MB.
    builder.keep_made(folder for folder in absent if folder.exists())
    outputs = {folder for folder in folders if builder.has_made(folder)}
    # An installation that has failed in a build fails again, after as many seconds.
    installer.leave_alone(outputs | builder.failed_folders)
    installer.write_within(builder.own_writes)
    return failed


def _code_folders(projects: Sequence[Project]) -> set[Path]:
    return {source.code for source in sources_of(projects) if source.code}


def _outputs_of_lacks(projects: Sequence[Project], *, install: bool) -> Iterator[Output]:
    """Yield what the functions lack on this machine."""
    for project in projects:
        for resource in filter(is_function, project.resources):
            for lack in lacks.start_program(project, resource):
                yield Output("lack", str(lack), facts=lack._asdict())
    texts = building.hints(building.builds_of(projects))
    texts += layers.notes(projects, install=install)
    for text in texts:
        yield Output("note", text, "wait", deferred=True)
    for lack in (*lacks.of_layers(projects, install=install), *lacks.modules(projects)):
        yield Output("lack", str(lack), "wait", deferred=True, facts=lack._asdict())


def _check_data(data: Path, sources: Sequence[Source]) -> None:
    """Refuse a folder for the runtime's data that is part of code: each write would deploy it."""
    folder = data.resolve()
    for source in sources:
        code = source.code.resolve() if source.code else None
        inside = code is not None and folder.is_relative_to(code)
        # Each write of the runtime would be a save of the function, and the next one its effect.
        if code and inside and not is_ignored(f"{folder.relative_to(code).as_posix()}/"):
            reason = f"--data {data} is in the code folder of {source.function}"
            fix = f"name a folder outside of {shown(code)}, or leave it out"
            raise PluginError(f"{reason}, which would contain it: {fix}")


def _ask(choices: Choices, answers: Answers, wishes: Sequence[Wish]) -> str:
    """Ask for what was not allowed before; return what is not done and why, "" after a yes."""
    new = answers.new(wishes)
    if not new:
        return ""
    # A pipe or a job must not wait for an answer that cannot come.
    if not (choices.yes or choices.build or terminal.can_ask()):
        return _not_asked(new)
    _show_wishes(choices, new)
    if choices.build or choices.yes:
        terminal.confirm("Do this now?", yes=choices.yes)
    elif not click.confirm("Do this now?", err=True):
        return "nothing of that was done; fc-async dev asks again when it starts"
    answers.keep({wish.key: "" for wish in new})
    return ""


def _not_asked(wishes: Sequence[Wish]) -> str:
    """Return what is not done because nothing can be asked, and the command that does it."""
    again = ["fc-async", *sys.argv[1:]]
    for flag in ("--build", "--install", "-y"):
        if flag not in again:
            again.append(flag)
    texts = "; ".join(wish.text for wish in wishes)
    command = shlex.join(again)
    return f"not done, because no terminal can be asked: {texts}; to do it: {command}"


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
    prepared: Prepared,
    templates: Templates,
    running: Running,
    installer: Installer,
    answers: Answers,
) -> Iterator[Deployer]:
    choices = prepared.choices
    addresses = running.addresses
    env_files = {choices.env_file.resolve()} if choices.env_file else set()
    env_files |= choices.examples
    account = Account(addresses.fc, addresses.region, addresses.account_id)
    with (
        connection.regions(account) as regions,
        scratch.folder(Path(addresses.data)) as scratch_folder,
    ):

        def amend(project: Project) -> Project:
            lacks.check_start(project)
            used = environments.used(project)
            if used.note:
                installer.tell(used.note)
            return installer(used.project)

        yield Deployer(
            lambda: _read(choices, templates, account, answers),
            regions,
            files=template_files(prepared.projects) | env_files,
            folder=scratch_folder,
            amend=amend,
            unavailable=lacks.interpreter,
        )


def _read(
    choices: Choices, templates: Templates, account: Account, answers: Answers
) -> list[Project]:
    """Return what runs here of all templates, as their files are now.

    Settings that have changed since they were allowed are not used before the next start asks.
    """
    loaded = _load(choices, templates, account)
    settings = commands.settings_of(loaded)
    wishes = _start_wishes(choices._replace(images={}), loaded, settings)
    as_images = choices.allowed & choices.images.keys()
    return _chosen(choices, loaded, settings, as_images | _allowed(wishes, answers))


def _templates_of(choices: Choices) -> Templates:
    return Templates(choices.templates, choices.environment, choices.env_file)


def _load(choices: Choices, templates: Templates, account: Account) -> list[Project]:
    """Return all templates, with region and account of the runtime where they have none."""
    projects = templates.projects(account, choices.examples)
    check_names(projects, choices.resources)
    return projects


def _chosen(
    choices: Choices,
    projects: list[Project],
    settings: Mapping[str, FunctionSettings],
    allowed: Collection[str],
) -> list[Project]:
    """Return the resources that were asked for, with what starts them here.

    Args:
        choices: The options.
        projects: The templates.
        settings: Of ``fc-async.toml``, by resource.
        allowed: Resources whose image or settings the user lets start.
    """
    started: dict[str, list[str]] = {}
    for name, image in choices.images.items():
        if name in allowed and image.command:
            started[name] = image.command
    started |= commands.read(choices.commands)  # takes precedence: the user has typed it now
    # A file of the repository only proposes: nothing of it is used that the user did not allow.
    used = {name: chosen for name, chosen in settings.items() if name in allowed}
    check_names(projects, started)
    chosen_projects: list[Project] = []
    for project in projects:
        changed = commands.with_settings(project, used)
        changed = commands.with_commands(changed, started, choices.images)
        chosen_projects.append(deployed(changed, choices.resources))
    return chosen_projects


def _named_first(projects: Sequence[Project]) -> tuple[str, str]:
    """Return the region and the account that the templates name first; "" if they name none."""
    region = account_id = ""
    for project in projects:
        for resource in project.resources:
            if not region and REGION.match(resource.region):
                region = resource.region
            account_id = account_id or resource.account_id
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
    sources = sources_of(projects)
    example = sources[0].resource if sources else "FUNCTION"
    account = f"{addresses.account_id} in {addresses.region}"
    data = shown(Path(addresses.data))
    lines = [
        f"FC API   {addresses.fc}  (TLS: fc-async dev --trust)",
        *runtime_options.services(addresses),
        f"Account  {account}  Data {data}",
        f"Call     fc-async invoke {example} '{{}}'",
        f"Programs FC_ASYNC_ENDPOINT={addresses.fc}",
    ]
    first = "Local runtime"
    if running.attached:
        first = f"Using the local runtime of process {addresses.pid}; it goes on when this ends"
    elif moved := runtime_options.moved(choices.port, addresses.fc):
        first = f"Local runtime; {moved}"
    facts = {"addresses": msgspec.to_builtins(addresses), "attached": running.attached}
    text = "\n".join([first, *lines])
    screen.say("ready", text, **facts)
    if running.attached and choices.assignments:
        screen.say(
            "warning",
            f"process {addresses.pid} keeps its settings: --set applies to a new runtime",
            style="bad",
        )
