# SPDX-License-Identifier: MIT
"""``fc-async policy``: prints and compares the RAM policies that a template needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import DONE, FAILED, Format, terminal
from fc_async_sdk._payloads import claims
from fc_async_sdk.spec import ram

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.check.permissions import Comparison, RolePolicy


_LIFECYCLE: Final = """\
<LifecycleConfiguration><Rule>
  <ID>fc-async</ID><Prefix>{prefix}</Prefix><Status>Enabled</Status>
  <Expiration><Days>{days}</Days></Expiration>
</Rule></LifecycleConfiguration>"""


@click.command()
@options.template_option
@options.env_option
@options.region_option
@options.account_id_option
@options.access_option
@options.with_functions_option
@options.flag("--deployer", help="Print the policy of the keys that deploy, instead.")
@options.flag(
    "--caller",
    help="Print the policy of the keys that call the functions, and read and stop their tasks.",
)
@options.flag(
    "--create-missing", help="With --deployer: include what deploy --create-missing needs."
)
@options.existing_file(
    "--against", help="Compare with this policy document; exit 1 if permissions are missing."
)
@options.flag(
    "--live",
    help="Compare with the policies of each role in RAM; exit 1 if permissions are missing.",
)
@options.ram_endpoint_option
@options.format_option
def command(  # noqa: PLR0917 -- click passes options by name
    template: str | None,
    environment: str | None,
    region: str | None,
    account_id: str | None,
    access: str | None,
    with_functions: bool,
    deployer: bool,
    caller: bool,
    create_missing: bool,
    against: str | None,
    live: bool,
    ram_endpoint: str,
    output: Format,
) -> int:
    """Print the least policy that the roles of the functions need.

    It is for destinations, logs (logConfig), mounted buckets (ossMountConfig), the bucket of large
    payloads (FCASYNC_PAYLOADS), and calls of functions that an environment variable or the code of
    a Python function names. What is not known of the code is noted. A bucket of payloads is printed
    with the lifecycle rule that deletes them when they are not needed any more.

    \b
    Examples:
      fc-async policy
      fc-async policy --format json > policy.json
      fc-async policy --against granted.json
      fc-async policy --live -a default
      fc-async policy --caller
      fc-async policy --deployer --with-functions --create-missing
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.account import connection
    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.check import permissions
    from fc_async_plugin.project import code_uses
    from fc_async_plugin.project.code import folder_of

    # Each prints or compares another policy: the second one would be ignored in silence.
    if sum([deployer, caller, live, against is not None]) > 1:
        raise click.UsageError("--deployer, --caller, --live and --against exclude each other")
    account = Account(None, region, account_id, access, tell=terminal.note)
    project = connection.load(template, account, environment)
    _note_unknown(permissions.unknown(project))
    if caller:
        terminal.print_json(permissions.caller(project))
        return DONE
    if deployer:
        policy = permissions.deployer(
            project, functions=with_functions, create_missing=create_missing
        )
        terminal.print_json(policy)
        return DONE
    reader = code_uses.Reader(folder_of(project))
    roles = permissions.needed(project, reader)
    for sentence in permissions.unknown_calls(project, reader):
        terminal.note(f"Not known here: {sentence}.")
    if live:
        return _compare_live(roles, account, ram_endpoint, output)
    if against is not None:
        everything = sorted(set().union(*(role.permissions for role in roles)))
        comparisons = {"": permissions.compare(options.read_json(against), everything)}
        return _tell_comparisons(comparisons, output)
    if output == "json":
        days = permissions.lifetimes(project)
        terminal.print_json({"roles": [_as_data(role) for role in roles], "lifetimes": days})
    else:
        _print_policies(roles)
        for bucket, days_kept in permissions.lifetimes(project).items():
            terminal.print_text(f"# lifecycle rule of oss://{bucket}", bold=True)
            terminal.print_text(_LIFECYCLE.format(days=days_kept, prefix=claims.PREFIX))
    return DONE


def _note_unknown(expressions: list[str]) -> None:
    """Say on stderr which expressions are not known, and what makes the account known."""
    # RAM takes an expression for a name: the role of a first deployment was refused for it.
    if expressions:
        ways = "--account-id, -a or FC_ASYNC_ACCOUNT_ID names the account"
        hint = f" ({ways})" if any("AccountID" in expression for expression in expressions) else ""
        terminal.note(f"Not known here, * stands for it: {', '.join(expressions)}{hint}")


def _print_policies(roles: list[RolePolicy]) -> None:
    for role in roles:
        terminal.print_text(
            f"# {role.role or 'no role is set'}: {', '.join(role.functions)}", bold=True
        )
        terminal.print_json(ram.document(role.permissions))
    if not roles:
        terminal.note("No function has a destination, logs, a mount or the name of another one.")
    elif any(not role.role for role in roles):
        terminal.note("A function without a role has no permission: set role: under props.")


def _as_data(role: RolePolicy) -> dict[str, Any]:
    from fc_async_plugin.check import permissions

    return {
        "role": role.role or None,
        "functions": list(role.functions),
        "policy": ram.document(role.permissions),
        "trust": permissions.TRUST,
    }


def _compare_live(
    roles: list[RolePolicy], account: Account, ram_endpoint: str, output: Format
) -> int:
    from fc_async_plugin.account import connection
    from fc_async_plugin.check import permissions

    reader = connection.roles(account, ram_endpoint)
    comparisons = {}
    for role in roles:
        granted = reader.policy_of(role.role) if role.role else ram.document(())
        comparisons[role.role or "no role"] = permissions.compare(granted, role.permissions)
    return _tell_comparisons(comparisons, output)


def _tell_comparisons(comparisons: dict[str, Comparison], output: Format) -> int:
    """Print what each role (or the given policy, under "") lacks, and what it does not need."""
    if output == "json":
        compared = [
            {
                "role": role or None,
                "missing": [permission._asdict() for permission in comparison.missing],
                "excess": [permission._asdict() for permission in comparison.excess],
            }
            for role, comparison in comparisons.items()
        ]
        terminal.print_json({"roles": compared})
    else:
        for role, comparison in comparisons.items():
            _print_comparison(f"{role}: " if role else "", comparison)
    return FAILED if any(comparison.missing for comparison in comparisons.values()) else DONE


def _print_comparison(prefix: str, comparison: Comparison) -> None:
    for permission in comparison.missing:
        terminal.print_text(
            f"{prefix}missing: {permission.action} on {permission.resource}", colour="red"
        )
    for permission in comparison.excess:
        terminal.print_text(
            f"{prefix}not needed: {permission.action} on {permission.resource}", colour="yellow"
        )
    if not (comparison.missing or comparison.excess):
        terminal.print_text(f"{prefix}it allows what is needed and no more")
