# SPDX-License-Identifier: MIT
"""Turns the shared options into what a command works on: the template and the account."""

from __future__ import annotations

import functools
import logging
import os
import sys
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from fc_async_plugin import PluginError, s_yaml
from fc_async_plugin.account import WORKERS, Regions, lists, runtime, suggestions
from fc_async_plugin.account.target import ACCOUNT_VARIABLE, REGION_VARIABLE, DecidedBy
from fc_async_plugin.check import conditions
from fc_async_plugin.project.channels import channels as channels_of
from fc_async_plugin.s_yaml import outputs
from fc_async_plugin.s_yaml.model import BLOCK, OWN_ACCOUNT, unresolved_in
from fc_async_plugin.s_yaml.yaml12 import MAX_BYTES
from fc_async_sdk import (
    Config,
    Session,
    _credential_chain,
    _endpoint,
    _runtimes,
    _serverless_devs,
)
from fc_async_sdk._installation import needed_for
from fc_async_sdk.credentials import from_environment
from fc_async_sdk.errors import ConfigurationError, CredentialsError, FcAsyncError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from fc_async_plugin.account.channels import Channels
    from fc_async_plugin.account.roles import Roles
    from fc_async_plugin.project.state import Channel, Wanted
    from fc_async_plugin.s_yaml import Project, Resource
    from fc_async_plugin.s_yaml.reading import Purpose
    from fc_async_sdk import Client
    from fc_async_sdk.credentials import Credentials


class Account(NamedTuple):
    """The account of a command, and how it is reached.

    Attributes:
        endpoint: URL of the local runtime or of the service; None: the region's own endpoint.
        region: Region id given on the command line, or None: the template's.
        account_id: Digits, or None: from the access alias.
        access: Alias in ``~/.s/access.yaml``, or None: the template's, or the default chain.
        by: What decided between an endpoint and the account.
        tell: Is told in one sentence which account a command goes to, before the first request.
    """

    endpoint: str | None = None
    region: str | None = None
    account_id: str | None = None
    access: str | None = None
    by: DecidedBy = DecidedBy.ACCOUNT
    tell: Callable[[str], None] = lambda _: None


class Where(NamedTuple):
    """The place of the function that a command names.

    Attributes:
        qualifier: Version or alias, or None: LATEST.
        template: The template that may name the function, or None: the one in this folder.
        environment: Environment of env.yaml, or None.
        account: The account.
    """

    qualifier: str | None = None
    template: str | None = None
    environment: str | None = None
    account: Account = Account()


class Remaining(NamedTuple):
    """The queues, topics and event buses that a template names, after its functions were removed.

    Attributes:
        existing: Those that exist.
        unread: Those that could not be looked for.
        reason: Why not.
    """

    existing: list[Channel]
    unread: list[Channel]
    reason: str


RESOLVED: Final = "FC_ASYNC_RESOLVED"


def load(
    path: str | None,
    account: Account,
    environment: str | None = None,
    *,
    purpose: Purpose = "deploy",
    environ: Mapping[str, str] | None = None,
) -> Project:
    """Read the template of a command; secrets are not read if it is only shown.

    The account of ``${config('AccountID')}`` and of a role that is given by its name is, without an
    access alias, that of the local runtime, if the endpoint is one, otherwise that of
    ``FC_ASYNC_ACCOUNT_ID``. Outputs of functions are those that they have on a local runtime.
    """
    template = s_yaml.Template(path, env=environment, environ=environ, purpose=purpose)
    return project_of(template, account, reveal=purpose != "show")


def project_of(
    template: s_yaml.Template,
    account: Account,
    *,
    reveal: bool = True,
    further: Mapping[str, str] | None = None,
) -> Project:
    """Resolve a template for an account or a local runtime, as :func:`load` does.

    Args:
        template: The template.
        account: Where it is deployed.
        reveal: Whether secrets of the access alias are read.
        further: Environment variables that take precedence over all others.
    """
    resolve = functools.partial(
        template.project,
        access=account.access,
        region=account.region,
        resolved=resolved_by_s(),
        reveal=reveal,
        further=further,
    )
    project = resolve(account_id=account.account_id)
    if is_here(account):
        # A role that is given by its name needs the account. Only the runtime knows it, and plan
        # and deploy refused such a template while dev took it. It is asked only if a resource needs
        # the answer.
        if any(map(_lacks_account, project.resources)):
            project = resolve(account_id=_account_of_runtime(account.endpoint or ""))
    elif not account_id_of(account, project) and os.environ.get(ACCOUNT_VARIABLE):
        project = resolve(account_id=os.environ[ACCOUNT_VARIABLE])
    if is_here(account):
        project = outputs.filled(project, account.endpoint or "", account.account_id or "")
    return project


def load_resources(where: Where, *, purpose: Purpose = "deploy") -> Project:
    """Read the template for a command about its resources, which are where the template says.

    Args:
        where: The template and its account.
        purpose: As of :func:`load`.

    Raises:
        ConfigurationError: ``--region`` names another region than the template.
    """
    project = load(where.template, where.account, where.environment, purpose=purpose)
    check_region(project, where.account)
    return project


def check_region(project: Project, account: Account) -> None:
    """Check that ``--region`` is the region of all functions of a template.

    Names of a template, such as ARNs of destinations, belong to its region: it cannot be deployed
    to another one because of an option.

    Raises:
        ConfigurationError: A function is in another region.
    """
    if not account.region:
        return
    for resource in project.functions:
        if resource.region not in ("", account.region):
            raise ConfigurationError(
                f"{project.file} says region {resource.region} for {resource.name}, and --region "
                f"names {account.region}\nChange region: in the template, or leave out --region."
            )


def _lacks_account(resource: Resource) -> bool:
    role = resource.props.get("role")
    is_name = isinstance(role, str) and role and not role.startswith(("acs:", "${"))
    if is_name and not resource.account_id:
        return True
    unresolved = (text for _, text in unresolved_in(resource.props))
    return any(OWN_ACCOUNT.search(text) for text in unresolved)


def _account_of_runtime(endpoint: str) -> str | None:
    """Return the account of a local runtime, None if it does not answer."""
    try:
        return runtime.health_of(endpoint).account_id
    except FcAsyncError:
        return None  # the command says so when it calls the endpoint


def resolved_by_s() -> dict[str, dict[str, Any]]:
    """Return props of resources as ``s`` has resolved them, read from standard input.

    The component of ``s`` passes them when it starts ``fc-async``: only ``s`` knows the outputs of
    other resources, and what a plugin has changed.
    """
    if os.environ.get(RESOLVED) != "-":
        return {}
    # Not in a variable: its size has a limit, and every program that is started would get it.
    # One byte more than is allowed shows that there are more.
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise PluginError(f"the props that s has resolved are larger than {MAX_BYTES} bytes")
    try:
        return msgspec.json.decode(data, type=dict[str, dict[str, Any]])
    except (msgspec.DecodeError, ValueError) as error:
        raise PluginError(
            f"{RESOLVED}=- needs resources with their props as JSON on standard input: {error}"
        ) from error


def client(
    account: Account,
    region: str,
    project: Project | None = None,
    attempts: int = Config().max_attempts,
) -> Client:
    """Return a client for one region.

    Args:
        account: The options.
        region: The region.
        project: The template, for what the options do not set.
        attempts: How often a request is sent, the first time included.
    """
    if os.environ.get("FC_ASYNC_DEBUG"):
        logging.getLogger("fc_async_sdk").setLevel(logging.DEBUG)
    alias = _alias(account, project)
    session = Session(
        region_name=region,
        account_id=account_id_of(account, project) or None,
        access=alias,
        endpoint_url=account.endpoint,
        config=Config(
            max_pool_connections=2 * WORKERS,
            max_attempts=attempts,
            user_agent_extra="fc-async-cli",
        ),
    )
    client = session.client()
    tell_account(account._replace(access=alias), client.account_id, region)
    return client


def tell_account(account: Account, account_id: str, region: str) -> None:
    """Tell which account a command goes to; an endpoint was told when it was decided.

    Args:
        account: The options, with the access alias that is used.
        account_id: Id of the account, "" if it is not known.
        region: The region, "" if it is not known.
    """
    if account.by is not DecidedBy.ACCOUNT:
        return
    name = f"account {account_id}" if account_id else "your account"
    in_region = f" in {region}" if region else ""
    keys = f" (access alias {account.access})" if account.access else ""
    account.tell(f"Using {name}{in_region}{keys}")


def _alias(account: Account, project: Project | None) -> str | None:
    """Return the alias whose keys are used; keys of another account would be worse than an error.

    As in ``s``, its three environment variables take precedence over the template's alias, not over
    ``-a``. ``default`` is the fallback of ``s``, so it does not exclude the rest of the chain.
    """
    # An alias that is typed holds for an endpoint on this machine, too: a strict runtime checks its
    # keys.
    if account.access or is_here(account):
        return account.access
    if all(os.environ.get(name) for name in _serverless_devs.VARIABLES):
        return None
    alias = project.access if project else ""
    return None if alias in ("", "default") else alias


def has_keys() -> bool:
    """Return whether the environment or the files of ``s`` have keys of an account."""
    try:
        keys_of_s = _serverless_devs.find(os.environ, Path.home(), None)
    except CredentialsError:
        return True  # there are some, which cannot be read
    return bool(keys_of_s or from_environment(os.environ))


def credentials(account: Account) -> Credentials:
    """Return the keys: of a local runtime its own, unless an alias is named."""
    if is_here(account) and not account.access:
        # The keys of an account are not sent to a server on this machine, unless an alias names
        # them.
        return _runtimes.credentials(_endpoint.parse(account.endpoint or ""), os.environ)
    return _credential_chain.find(os.environ, home=Path.home(), access=account.access)()


def channels(account: Account, project: Project | None = None) -> Channels:
    """Return the queues, topics and event buses of the account."""
    from fc_async_plugin.account.channels import Channels  # noqa: PLC0415 -- loads requests

    alias = _alias(account, project)
    return Channels(
        account.endpoint,
        account_id_of(account, project) if project else account.account_id or "",
        lambda: credentials(account._replace(access=alias)),
    )


def missing(desired: Wanted, account: Account, project: Project) -> list[Channel]:
    """Return the queues, topics and event buses that a template names and that do not exist.

    Raises:
        FcAsyncError: One cannot be read.
    """
    service = channels(account, project)
    named = channels_of(desired, account_id_of(account, project))
    # One that cannot be read ends the command: a plan that takes it for missing would create it.
    return [channel for channel in named if not service.exists(channel)]


def remaining(channels_: Iterable[Channel], account: Account, project: Project) -> Remaining:
    """Return which queues, topics and event buses exist, and which could not be looked for."""
    service = channels(account, project)
    # Removal goes on without them, so they are named instead of ending the command.
    existing: list[Channel] = []
    unread: list[Channel] = []
    reason = ""
    for channel in sorted(channels_):
        try:
            if service.exists(channel):
                existing.append(channel)
        except FcAsyncError as error:
            # Keys that may remove functions need not be allowed to read queues.
            unread.append(channel)
            reason = str(error)
    return Remaining(existing, unread, reason)


def is_here(account: Account) -> bool:
    """Return whether the endpoint is on this machine, such as the local runtime's."""
    return bool(account.endpoint) and _endpoint.parse(account.endpoint or "").loopback


def roles(account: Account, endpoint: str) -> Roles:
    """Return a reader of the roles in RAM, which no local runtime has.

    Raises:
        ConfigurationError: The extra ``ram`` is not installed.
    """
    with needed_for("reading RAM", "ram"):
        from fc_async_plugin.account.roles import Roles  # noqa: PLC0415 -- needs an extra
    keys = f" with the keys of {account.access}" if account.access else ""
    account.tell(f"Reading roles at {endpoint}{keys}")
    return Roles(credentials(account._replace(endpoint=endpoint)), endpoint)


def account_id_of(account: Account, project: Project | None = None) -> str:
    """Return the account id, "" if it is not known."""
    if account.account_id:
        return account.account_id
    resources = project.resources if project else ()
    return next((resource.account_id for resource in resources if resource.account_id), "")


def target_of(account: Account, project: Project | None = None) -> str:
    """Return the account of a deployment, in words."""
    if account.endpoint:
        return account.endpoint
    account_id = account_id_of(account, project)
    return f"account {account_id}" if account_id else "the account of the default keys"


def holder_of(account: Account) -> str:
    """Return what has the functions, in words: the account, or the runtime with its address."""
    return f"the runtime at {account.endpoint}" if is_here(account) else "the account"


@contextmanager
def regions(account: Account, project: Project | None = None) -> Iterator[Regions]:
    """Open the account, region by region; connections are closed at the end."""
    clients = Regions(
        lambda region: client(account, region, project),
        # For the performer of steps, which repeats them itself: together that would multiply.
        lambda region: client(account, region, project, 1),
    )
    try:
        yield clients
    finally:
        clients.close()


@contextmanager
def regions_of(where: Where) -> Iterator[tuple[Account, Regions]]:
    """Open the account of a command, with the access alias of the template if there is one."""
    project = _project_if_any(where)
    with regions(where.account, project) as clients:
        yield where.account._replace(access=_alias(where.account, project)), clients


@contextmanager
def functions(where: Where) -> Iterator[list[tuple[Client, str]]]:
    """Yield the functions of the template, or all of a runtime, or of a region without a template.

    Each has the client of its region.
    """
    account = where.account
    project = _project_if_any(where)
    with regions(account, project) as clients:
        # A runtime has functions of other templates, too, and all of them may have tasks.
        if project is None or is_here(account):
            client = clients[_known_region(account.region, "the functions", account)]
            yield [(client, function.function_name) for function in lists.functions(client)]
            return
        yield [
            (clients[account.region or resource.region], resource.function_name)
            for resource in project.resources
            if resource.function_name
        ]


class NamedFunction:
    """The function that a command names, by a resource of the template or by its own name.

    Attributes:
        function: Its name.
        client: The client of its region.
        names: Names of the template's resources and their functions.
    """

    def __init__(self, name: str, where: Where) -> None:
        account = where.account
        project = _project_if_any(where)
        resources = project.resources if project is not None else ()
        self.names = list(chain.from_iterable(map(_names_of, resources)))
        resource = next((each for each in resources if name in _names_of(each)), None)
        self.function = name
        region = account.region or ""
        if resource is not None:
            self.function = resource.function_name
            region = region or resource.region
        else:
            region = region or _only_region(resources)
        label = name
        if not region:
            near = suggestions.nearest(name, self.names)
            label = f"{name} (did you mean {near}?)" if near else name
        self.client = client(account, _known_region(region, label, account), project)


def _names_of(resource: Resource) -> tuple[str, str]:
    """Return the names by which a command may name a resource."""
    return resource.name, resource.function_name


def _only_region(resources: Iterable[Resource]) -> str:
    """Return the region that all resources share, "" if they are in several or none has one."""
    regions_ = {resource.region for resource in resources if resource.region}
    return regions_.pop() if len(regions_) == 1 else ""


@contextmanager
def named_functions(
    names: Sequence[str], where: Where
) -> Iterator[tuple[Account, list[tuple[Client, list[str]]]]]:
    """Yield the functions that a command is about, with the client of their region.

    The account that comes with them has the access alias of the template.

    Args:
        names: Resources of the template or functions; none: the functions of the template, or of
            the region if there is no template.
        where: Template and account.

    Raises:
        ConfigurationError: A region is not known.
    """
    account = where.account
    project = _project_if_any(where)
    resources = project.functions if project else []
    by_region = _by_region(names or [resource.name for resource in resources], resources, account)
    if "" in by_region:
        functions = by_region.pop("")
        region = _known_region("", ", ".join(functions) or "the functions", account)
        # Appended to those of this region, if the template names it, too.
        by_region.setdefault(region, {}).update(functions)
    with regions(account, project) as clients:
        chosen: list[tuple[Client, list[str]]] = []
        for region, functions in by_region.items():
            client = clients[region]
            listed = list(functions) or [each.function_name for each in lists.functions(client)]
            chosen.append((client, listed))
        # CloudMonitor is read by a client of its own, which needs the keys of the template's alias.
        yield account._replace(access=_alias(account, project)), chosen


def _by_region(
    names: Iterable[str], resources: Sequence[Resource], account: Account
) -> dict[str, dict[str, None]]:
    """Return function names by region, each once and in order; the region is "" if it is not known.

    Args:
        names: Resources or functions; none: all functions of one region, which has no names then.
        resources: The functions of the template.
        account: The options.
    """
    by_name: dict[str, Resource] = {}
    for resource in resources:
        by_name[resource.function_name] = resource
        by_name[resource.name] = resource
    regions_ = {resource.region for resource in resources}
    default = account.region or (regions_.pop() if len(regions_) == 1 else "")
    by_region: dict[str, dict[str, None]] = {}
    for name in names:
        named = by_name.get(name)
        if named is None:
            by_region.setdefault(default, {})[name] = None
        else:
            by_region.setdefault(account.region or named.region, {})[named.function_name] = None
    return by_region or {default: {}}


def watched_functions(names: Sequence[str], where: Where) -> tuple[Account, list[Resource]]:
    """Return the functions of a template, or some of them, that have asynchronous configuration.

    The account that comes with them has the access alias of the template.

    Raises:
        ConfigurationError: A function does not exist, has no configuration, or no region.
    """
    account = where.account
    project = load(where.template, account, where.environment, purpose="show")
    check_region(project, account)
    resources = project.resources
    known_names = set(chain.from_iterable(map(_names_of, resources)))
    unknown = [name for name in names if name not in known_names]
    if unknown:
        raise ConfigurationError(f"{project.file} has no function {', '.join(unknown)}")
    if names:
        resources = tuple(each for each in resources if not set(names).isdisjoint(_names_of(each)))
    configured = [resource for resource in resources if conditions.is_configured(resource)]
    if not configured:
        raise ConfigurationError(f"no function in {project.file} has {BLOCK}: nothing to watch")
    without_region = {each.function_name for each in configured if _is_unresolved(each.region)}
    if without_region:
        raise _no_region(min(without_region))
    return account._replace(access=_alias(account, project)), configured


def _is_unresolved(region: str) -> bool:
    return not region or "${" in region


def _known_region(region: str | None, names: str, account: Account) -> str:
    """Return the region of functions, or that of the environment; an endpoint needs none.

    Args:
        region: That of the options or the template, if one is known.
        names: The functions, for the error.
        account: The options.

    Raises:
        ConfigurationError: It is not known.
    """
    # All commands take the variable here: some ignored it and asked for the region that it named.
    region = region or os.environ.get(REGION_VARIABLE, "")
    if not region and not account.endpoint:
        raise _no_region(names)
    return region


def _no_region(names: str) -> ConfigurationError:
    return ConfigurationError(
        f"no template here names the region of {names}\n"
        "Use --region ID, or the folder of the template or of the local runtime."
    )


def _project_if_any(where: Where) -> Project | None:
    """Return the template that is named or in this folder; None if there is none."""
    # Commands about functions that run work without a template; one that is named must be there.
    if where.template is None:
        try:
            s_yaml.find()
        except s_yaml.TemplateError:
            return None
    purpose: Purpose = "run" if is_here(where.account) else "deploy"
    return load(where.template, where.account, where.environment, purpose=purpose)
