# SPDX-License-Identifier: MIT
"""A deployment that would close a destination cycle with what is live in the account is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.cli.group import run
from fc_async_sdk import errors, models
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ACCOUNT = "123456"
Write = "Callable[..., None]"


def arn(function: str, region: str = "cn-hangzhou") -> str:
    return f"acs:fc:{region}:{ACCOUNT}:functions/{function}"


def written(function: str, target: str, comment: str = "", qualifier: str = "LATEST") -> str:
    settings = f"""
        asyncInvokeConfig:
          qualifier: {qualifier}
          destinationConfig:
            onSuccess:
              destination: {target}{comment}
    """
    return template(**{function: settings})


@pytest.fixture
def project(workdir: Path, account) -> Path:
    (workdir / "code").mkdir()
    (workdir / "code" / "index.py").write_text("def handler(event, context): ...\n")
    for name in "abcd":
        account.add_function(name)
    return workdir


@pytest.fixture
def live(account) -> Callable[..., None]:
    """Configures a destination in the account: ``live(source, target)``."""

    def put(source: str, target: str, qualifier: str = "LATEST", on: str = "on_success") -> None:
        one = models.Destination(destination=target if ":" in target else arn(target))
        config = models.AsyncConfig(destination_config=models.DestinationConfig(**{on: one}))
        account.put_async_invoke_config(source, qualifier=qualifier, config=config)

    return put


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    return lambda: capsys.readouterr().err


COMMANDS = pytest.mark.parametrize(
    "command",
    [["plan"], ["deploy", "-y"]],
    ids=" ".join,
)


@COMMANDS
def test_a_change_that_closes_a_cycle_is_refused_with_both_edges_the_line_and_what_is_live(
    project: Path, account, live, said, command: list[str]
) -> None:
    live("a", "b", on="on_failure")
    (project / "s.yaml").write_text(written("b", arn("a")))
    before = account.snapshot()
    assert run([*command, "--account-id", ACCOUNT]) == 1
    message = said()
    assert "a → b (on failure, live in the account) → a (on success)" in message
    assert "error[FCA031]: destination cycle" in message
    assert "--> s.yaml:16:26" in message
    assert account.snapshot() == before


@COMMANDS
def test_a_cycle_that_is_deployed_already_is_an_error_and_not_nothing_to_do(
    project: Path, live, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    live("a", "b")
    live("b", "a")
    (project / "s.yaml").write_text(written("b", arn("a")))
    assert run([*command, "--account-id", ACCOUNT]) == 1
    out, err = capsys.readouterr()
    assert "error[FCA031]: destination cycle" in err
    assert "Nothing to do" not in out


def test_the_account_need_not_be_known(project: Path, live, said) -> None:
    live("a", "b")
    (project / "s.yaml").write_text(written("b", "acs:fc:cn-hangzhou::functions/a"))
    assert run(["deploy", "-y"]) == 1
    assert "live in the account" in said()


def test_a_long_way_back_is_found_without_reading_what_is_not_on_it(
    project: Path, account, live, said
) -> None:
    for number in range(300):
        account.add_function(f"other{number}")
    live("a", "c")
    live("c", "d")
    live("d", "b")
    (project / "s.yaml").write_text(written("b", arn("a")))
    account.calls.clear()
    assert run(["deploy", "-y", "--account-id", ACCOUNT]) == 1
    assert "b (on success, live in the account)" in said()
    assert len(account.calls) < 12


def test_a_long_list_of_destinations_is_read_a_page_at_a_time(
    project: Path, account, live, said
) -> None:
    names = [f"step{number:03}" for number in range(200)]
    for name, following in zip(names, [*names[1:], "b"], strict=True):
        account.add_function(name)
        live(name, following)
    (project / "s.yaml").write_text(written("b", arn(names[0])))
    account.calls.clear()
    assert run(["deploy", "-y", "--account-id", ACCOUNT]) == 1
    assert "more steps back to b" in said()
    assert len(account.calls) < 70


def test_what_the_deployment_changes_counts_as_it_will_be(project: Path, account, live) -> None:
    live("a", "b")
    live("b", "a")  # a cycle is live: the deployment breaks it
    (project / "s.yaml").write_text(written("b", arn("c")))
    assert run(["deploy", "-y", "--account-id", ACCOUNT]) == 0
    assert account.configs["b", "LATEST"].on_success == arn("c")


def test_a_leftover_that_is_pruned_does_not_count_and_one_that_stays_does(
    project: Path, account, live
) -> None:
    account.versions["b"] = ["1"]
    account.aliases["b", "prod"] = models.Alias(alias_name="prod", version_id="1")
    live("a", "b/prod")
    live("b", "a", qualifier="prod")
    text = written("b", arn("c"))
    text += "  a:\n    component: fc3\n    props: {region: cn-hangzhou}\n"
    (project / "s.yaml").write_text(text)
    assert run(["deploy", "-y", "--account-id", ACCOUNT, "--prune"]) == 0
    assert ("b", "prod") not in account.configs


def test_an_alias_leads_to_the_version_that_has_the_configuration(
    project: Path, account, live, said
) -> None:
    account.versions["a"] = ["1"]
    account.aliases["a", "prod"] = models.Alias(alias_name="prod", version_id="1")
    live("a", "b", qualifier="1")
    (project / "s.yaml").write_text(written("b", arn("a/prod")))
    assert run(["deploy", "-y", "--account-id", ACCOUNT]) == 1
    assert "a/1 → b (on success, live in the account) → a/1 (on success)" in said()


def test_another_qualifier_of_the_same_function_is_no_way_back(
    project: Path, account, live
) -> None:
    account.versions["a"] = ["1"]
    live("a", "b", qualifier="1")
    (project / "s.yaml").write_text(written("b", arn("a")))
    assert run(["deploy", "-y", "--account-id", ACCOUNT]) == 0


def test_a_waiver_with_its_reason_lets_the_change_through(
    project: Path, account, live, said
) -> None:
    live("a", "b")
    waiver = "  # fc-async: ignore[FCA031] the second one ends it"
    (project / "s.yaml").write_text(written("b", arn("a"), waiver))
    assert run(["deploy", "-y", "--account-id", ACCOUNT]) == 0
    assert "FCA031" not in said()


def test_skip_validation_lets_it_through(project: Path, account, live) -> None:
    live("a", "b")
    (project / "s.yaml").write_text(written("b", arn("a")))
    assert run(["deploy", "-y", "--account-id", ACCOUNT, "--skip-validation"]) == 0


def test_resources_that_are_not_deployed_count_as_they_are_in_the_account(
    project: Path, account, live, said
) -> None:
    live("a", "b")
    text = written("b", arn("a"))
    text += written("a", arn("c")).partition("resources:\n")[2]
    (project / "s.yaml").write_text(text)
    assert run(["deploy", "-y", "--account-id", ACCOUNT, "--resource", "b"]) == 1
    assert "a → b (on success, live in the account)" in said()
    assert run(["deploy", "-y", "--account-id", ACCOUNT]) == 0


def test_a_cycle_through_a_live_trigger_is_a_warning(project: Path, account, live, said) -> None:
    trigger = models.Trigger(
        trigger_name="from-topic",
        trigger_type="mns_topic",
        source_arn=f"acs:mns:cn-hangzhou:{ACCOUNT}:/topics/done",
    )
    account.list_triggers = lambda function, **_: models.TriggerPage(
        triggers=(trigger,) if function == "a" else ()
    )
    live("a", "b")
    topic = f"acs:mns:cn-hangzhou:{ACCOUNT}:/topics/done/messages"
    (project / "s.yaml").write_text(written("b", topic))
    assert run(["deploy", "-y", "--account-id", ACCOUNT]) == 0
    assert "warning[FCA032]" in said()


def test_triggers_of_a_large_account_are_not_read_and_that_is_said(
    project: Path, account, said
) -> None:
    for number in range(250):
        account.add_function(f"other{number}")
    topic = f"acs:mns:cn-hangzhou:{ACCOUNT}:/topics/done/messages"
    (project / "s.yaml").write_text(written("b", topic))
    account.calls.clear()
    assert run(["deploy", "-y", "--account-id", ACCOUNT]) == 0
    assert "the triggers of the 254 functions in cn-hangzhou were not read" in said()
    assert len(account.calls) < 12


def test_an_account_that_cannot_be_read_is_not_taken_for_one_without_cycles(
    project: Path, account, live, said
) -> None:
    live("a", "b")
    (project / "s.yaml").write_text(written("b", arn("a")))
    account.fail = lambda operation, function: (
        errors.AccessDenied("AccessDenied", "no", http_status=403)
        if (operation, function) == ("ListAsyncInvokeConfigs", "a")
        else None
    )
    assert run(["deploy", "-y", "--account-id", ACCOUNT]) == 1
    message = said()
    assert "cannot be read: 403 AccessDenied" in message
    assert "--skip-validation" in message


def test_a_reviewed_plan_is_refused_when_the_account_has_closed_a_cycle_since(
    project: Path, account, live, said
) -> None:
    (project / "s.yaml").write_text(written("b", arn("a")))
    assert run(["plan", "--account-id", ACCOUNT, "--out", "plan.json"]) == 2
    live("a", "b")
    assert run(["deploy", "-y", "--from-plan", "plan.json"]) == 1
    assert "would close a destination cycle" in said()


def test_a_reviewed_plan_keeps_what_its_template_waived(project: Path, account, live) -> None:
    live("a", "b")
    waiver = "  # fc-async: ignore[FCA031] the second one ends it"
    (project / "s.yaml").write_text(written("b", arn("a"), waiver))
    assert run(["plan", "--account-id", ACCOUNT, "--out", "plan.json"]) == 2
    assert run(["deploy", "-y", "--from-plan", "plan.json"]) == 0


@COMMANDS
def test_warnings_of_the_rules_are_shown(project: Path, account, said, command: list[str]) -> None:
    (project / "s.yaml").write_text(written("b", arn("c")))
    run([*command, "--account-id", ACCOUNT])
    assert "warning[FCA050]: b has no failure destination" in said()


def test_a_destination_function_that_the_account_has_is_no_warning_and_one_it_lacks_is(
    project: Path, account, said
) -> None:
    (project / "s.yaml").write_text(written("b", arn("c")))
    assert run(["deploy", "-y", "--account-id", ACCOUNT]) == 0
    assert "FCA040" not in said()
    (project / "s.yaml").write_text(written("b", arn("nowhere")))
    assert run(["deploy", "-y", "--account-id", ACCOUNT]) == 0
    assert "warning[FCA040]: onSuccess goes to function 'nowhere', which is neither in" in said()
