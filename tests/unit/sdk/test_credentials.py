# SPDX-License-Identifier: MIT
"""Where credentials are looked for, in which order, and how they are renewed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import traceback
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import fc_async_sdk
from fc_async_sdk import _credential_chain, _serverless_devs, credentials
from fc_async_sdk.credentials import Credentials, Refreshing, Static
from fc_async_sdk.errors import CredentialsError, NoCredentials
from fc_async_sdk.session import Session

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_httpserver import HTTPServer

# Made by: openssl enc -aes-256-cbc -md md5 -a -A -pass pass:SecretKey123
SCRAMBLED = {
    "AccessKeyID": "U2FsdGVkX1/4Tp3yceskI+m98lT/W4i9TPJ0Lx0kNdw=",
    "AccessKeySecret": "U2FsdGVkX1+Jsg0MkNksvBaM6NO2Ftz1nMxwN9J1eXr6LY2oe1FMgXp4QCwNdwuq",
    "AccountID": "U2FsdGVkX19zxfqKRXFa9Nl/pzYcnfPGoEYPFSn4C1s=",
}
PLAIN = {"AccessKeyID": "LTAIplain", "AccessKeySecret": "plain-secret", "AccountID": 42}
ALIBABA = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAIenv",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "env-secret",
    "ALIBABA_CLOUD_SECURITY_TOKEN": "env-token",
}
TRIPLE = {"AccountID": "7", "AccessKeyID": "LTAItriple", "AccessKeySecret": "triple-secret"}
VARIABLE = (
    '{"AccountID": "8", "AccessKeyID": "LTAIvar", "AccessKeySecret": "s", "SecurityToken": "t"}'
)


def write(home: Path, aliases: dict[str, dict[str, Any]], name: str = "access.yaml") -> None:
    (home / ".s").mkdir()
    lines = [
        line
        for alias, entry in aliases.items()
        for line in (f"{alias}:", *(f"  {key}: {value}" for key, value in entry.items()))
    ]
    (home / ".s" / name).write_text("\n".join(lines), "utf-8")


def find(environ: dict[str, str], home: Path, access: str | None = None) -> Credentials:
    return _credential_chain.find(environ, home=home, access=access, official=lambda: None)()


class TestServerlessDevs:
    def test_scrambled_values_are_read(self, tmp_path: Path) -> None:
        write(tmp_path, {"default": SCRAMBLED})
        found = find({}, tmp_path)
        assert (found.access_key_id, found.access_key_secret, found.account_id) == (
            "LTAI5tScrambled",
            "secret#with:signs",
            "1234567890",
        )

    @pytest.mark.parametrize("name", ["access.yaml", "access.yml"])
    def test_plain_values_are_read(self, tmp_path: Path, name: str) -> None:
        write(tmp_path, {"team": PLAIN}, name)
        assert find({}, tmp_path, "team").account_id == "42"

    def test_the_marked_alias_is_the_default(self, tmp_path: Path) -> None:
        write(tmp_path, {"default": SCRAMBLED, "team": {**PLAIN, "__default": "true"}})
        assert find({}, tmp_path).access_key_id == "LTAIplain"

    def test_the_environment_of_ci_names_the_alias(self, tmp_path: Path) -> None:
        write(tmp_path, {"default": SCRAMBLED, "ci": PLAIN})
        environ = {"serverless_devs_access_cicd_alias_name": "ci"}
        assert find(environ, tmp_path, "default").access_key_id == "LTAIplain"

    def test_three_variables_win_when_no_alias_is_asked_for(self, tmp_path: Path) -> None:
        write(tmp_path, {"default": PLAIN})
        assert find(TRIPLE, tmp_path).access_key_id == "LTAItriple"
        assert find(TRIPLE, tmp_path, "default").access_key_id == "LTAIplain"

    def test_a_variable_of_the_alias_wins_over_the_file(self, tmp_path: Path) -> None:
        write(tmp_path, {"team": PLAIN})
        found = find({"team_serverless_devs_key": VARIABLE}, tmp_path, "team")
        assert (found.access_key_id, found.security_token) == ("LTAIvar", "t")

    def test_an_alias_that_does_not_exist_is_named_with_those_that_do(self, tmp_path: Path) -> None:
        write(tmp_path, {"team": PLAIN})
        with pytest.raises(CredentialsError, match=r"'prod'.*team"):
            find(ALIBABA, tmp_path, "prod")

    def test_another_folder_of_s_is_looked_into_instead_of_the_home(self, tmp_path: Path) -> None:
        home, other = tmp_path / "home", tmp_path / "other"
        home.mkdir()
        other.mkdir()
        write(home, {"default": SCRAMBLED})
        write(other, {"default": PLAIN})
        environ = {"serverless_devs_config_home": str(other)}
        assert find(environ, home).access_key_id == "LTAIplain"
        with pytest.raises(CredentialsError, match=r"other/\.s/access\.yaml has no credentials"):
            find(environ, home, "team")

    def test_without_a_home_folder_no_access_file_is_read(self) -> None:
        assert _serverless_devs.find({}, None) is None
        with pytest.raises(CredentialsError, match="no home directory"):
            _serverless_devs.find({}, None, "team")

    def test_no_file_says_how_to_make_one(self, tmp_path: Path) -> None:
        with pytest.raises(CredentialsError, match="s config add -a prod"):
            find({}, tmp_path, "prod")

    @pytest.mark.parametrize(
        "text",
        [
            "a: [",
            "- list",
            "team: text",
            "team: {AccessKeyID: x}",
            "team: {AccessKeyID: é, AccessKeySecret: s}",
        ],
    )
    def test_an_invalid_access_file_is_an_error(self, tmp_path: Path, text: str) -> None:
        (tmp_path / ".s").mkdir()
        (tmp_path / ".s" / "access.yaml").write_text(text, "utf-8")
        with pytest.raises(CredentialsError):
            find({}, tmp_path, "team")

    def test_an_empty_file_has_none(self, tmp_path: Path) -> None:
        (tmp_path / ".s").mkdir()
        (tmp_path / ".s" / "access.yaml").write_text("", "utf-8")
        assert _serverless_devs.find({}, tmp_path) is None

    @pytest.mark.parametrize(
        "text", ["no json", "[]", '{"AccessKeyID": {}}', '{"AccessKeyID": "x"}']
    )
    def test_the_error_of_an_invalid_variable_does_not_show_its_value(
        self, tmp_path: Path, text: str
    ) -> None:
        with pytest.raises(CredentialsError, match="team_serverless_devs_key") as caught:
            find({"team_serverless_devs_key": text}, tmp_path, "team")
        assert text not in str(caught.value)

    @pytest.mark.parametrize(
        "sealed", [b"Salted__", b"Salted__12345678", b"Salted__1234567812345678"]
    )
    def test_a_value_that_s_did_not_encrypt_is_an_error(self, sealed: bytes) -> None:
        with pytest.raises(CredentialsError, match="somewhere"):
            _serverless_devs.decrypt(sealed, "somewhere")


class TestChain:
    def test_s_comes_before_the_alibaba_variables(self, tmp_path: Path) -> None:
        write(tmp_path, {"default": PLAIN})
        assert find(ALIBABA, tmp_path).access_key_id == "LTAIplain"

    def test_the_alibaba_variables_are_read(self, tmp_path: Path) -> None:
        found = find(ALIBABA, tmp_path)
        assert (found.access_key_id, found.security_token) == ("LTAIenv", "env-token")

    def test_the_official_chain_comes_last(self, tmp_path: Path) -> None:
        last = Static(Credentials(access_key_id="o", access_key_secret="s"))
        found = _credential_chain.find({}, home=tmp_path, official=lambda: last)
        assert found is last

    def test_nothing_says_what_was_asked(self, tmp_path: Path) -> None:
        with pytest.raises(CredentialsError, match="ALIBABA_CLOUD_ACCESS_KEY_ID"):
            find({}, tmp_path)

    @pytest.mark.parametrize("variable", ["HOME", "serverless_devs_config_home"])
    def test_the_account_of_an_alias_is_the_clients(self, variable: str, tmp_path: Path) -> None:
        write(tmp_path, {"default": PLAIN})
        environ = {"HOME": "/nowhere", variable: str(tmp_path)}
        with Session(region_name="cn-hangzhou", environ=environ).client() as client:
            assert client.account_id == "42"
            assert client.endpoint_url == "https://42.cn-hangzhou.fc.aliyuncs.com"

    def test_calls_to_this_machine_are_signed_with_the_local_key(
        self, tmp_path: Path, httpserver: HTTPServer
    ) -> None:
        write(tmp_path, {"default": PLAIN})
        httpserver.expect_request("/2023-03-30/functions").respond_with_json({"functions": []})
        environ = {"HOME": str(tmp_path), **ALIBABA}
        with Session(endpoint_url=httpserver.url_for(""), environ=environ).client() as client:
            client.list_functions()
        ((request, _),) = httpserver.log
        assert f"Credential={credentials.LOCAL.access_key_id}," in request.headers["Authorization"]


class TestContext:
    """Inside a function the role's keys are in the handler's context."""

    def test_the_keys_of_a_handlers_context_are_used(self) -> None:
        keys = SimpleNamespace(access_key_id="STS.k", access_key_secret="s", security_token="t")
        context = SimpleNamespace(credentials=keys, account_id="42", region="cn-hangzhou")
        provider = credentials.from_context(context)
        assert provider().security_token == "t"
        assert provider.account_id == "42"

    @pytest.mark.parametrize(
        "context",
        [
            SimpleNamespace(),
            SimpleNamespace(credentials=None),
            SimpleNamespace(credentials=SimpleNamespace(access_key_id="", access_key_secret="")),
        ],
    )
    def test_without_a_role_there_are_none(self, context) -> None:
        with pytest.raises(CredentialsError, match="role"):
            credentials.from_context(context)


class TestOfficialChain:
    def test_is_used_when_it_is_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Found:
            def get_access_key_id(self) -> str:
                return "LTAIofficial"

            def get_access_key_secret(self) -> str:
                return "s"

            def get_security_token(self) -> str:
                return "t"

        class Client:
            def get_credential(self) -> Found:
                return Found()

        monkeypatch.setattr("alibabacloud_credentials.client.Client", Client)
        provider = _credential_chain.official_chain()
        assert provider is not None
        assert provider().access_key_id == "LTAIofficial"

    def test_a_failure_of_the_official_chain_is_a_credentials_error(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail() -> None:
            raise OSError("no metadata service")

        monkeypatch.setattr("alibabacloud_credentials.client.Client", fail)
        provider = _credential_chain.official_chain()
        assert provider is not None
        with pytest.raises(NoCredentials, match="no credentials found") as caught:
            provider()
        shown = "".join(traceback.format_exception(caught.value))
        assert "no metadata service" not in shown
        assert shown.count("Traceback") == 1

    def test_a_second_request_without_credentials_has_one_traceback(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail() -> None:
            raise OSError("no metadata service")

        monkeypatch.setattr("alibabacloud_credentials.client.Client", fail)
        provider = _credential_chain.official_chain()
        assert provider is not None
        for _ in range(2):
            with pytest.raises(NoCredentials) as caught:
                provider()
            assert "".join(traceback.format_exception(caught.value)).count("Traceback") == 1


def test_without_keys_a_program_shows_one_short_error_that_names_the_endpoint(
    tmp_path: Path,
) -> None:
    program = (
        "import fc_async_sdk\nfc_async_sdk.client(region_name='cn-hangzhou').invoke_async('f', 1)\n"
    )
    environ = {"HOME": str(tmp_path), "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true"}
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert ran.stderr.count("Traceback") == 1
    assert "foreign" not in ran.stderr
    said = ran.stderr.partition("NoCredentials: ")[2]
    assert said.startswith("no credentials found: give access_key_id and access_key_secret")
    assert "endpoint_url, or set FC_ASYNC_ENDPOINT" in said
    assert max(map(len, said.splitlines())) < 100


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def temporary(number: int, expires_at: float) -> Credentials:
    return Credentials(
        access_key_id=f"STS.{number}",
        access_key_secret="s",
        security_token="t",
        expires_at=expires_at,
    )


class TestRefreshing:
    def test_fetches_once_and_anew_before_they_expire(self) -> None:
        clock = Clock()
        fetched: list[float] = []

        def fetch() -> Credentials:
            fetched.append(clock.now)
            return temporary(len(fetched), clock.now + 3600)

        provider = Refreshing(fetch, now=clock)
        assert not provider.fresh
        assert provider().access_key_id == "STS.1"
        assert provider.fresh
        clock.now += 3299
        assert provider().access_key_id == "STS.1"
        clock.now += 1
        assert provider().access_key_id == "STS.2"

    def test_goes_on_with_what_is_valid_when_fetching_fails(self) -> None:
        clock = Clock()
        results: list[Any] = [temporary(1, 4600), CredentialsError("down"), temporary(2, 9999)]

        def fetch() -> Credentials:
            result = results.pop(0)
            if isinstance(result, Exception):
                raise result
            return result  # type: ignore[no-any-return]

        provider = Refreshing(fetch, now=clock)
        provider()
        clock.now = 4400
        assert provider().access_key_id == "STS.1"
        assert provider().access_key_id == "STS.2"

    def test_a_failure_is_not_asked_for_again_at_once(self) -> None:
        now, asked = [0.0], []

        def fetch() -> Credentials:
            asked.append(now[0])
            raise CredentialsError("none")

        provider = Refreshing(fetch, now=lambda: now[0])
        for moment in (0.0, 4.9, 5.0):
            now[0] = moment
            with pytest.raises(CredentialsError, match="none"):
                provider()

        assert asked == [0.0, 5.0]

    def test_expired_credentials_are_not_used(self) -> None:
        clock = Clock()
        results = [temporary(1, 1500)]

        def fetch() -> Credentials:
            if not results:
                raise CredentialsError("down")
            return results.pop()

        provider = Refreshing(fetch, now=clock)
        provider()
        clock.now = 1501
        with pytest.raises(CredentialsError, match="down"):
            provider()

    def test_threads_use_valid_credentials_while_one_thread_fetches(self) -> None:
        clock = Clock()
        entered, leave = threading.Event(), threading.Event()
        fetched: list[int] = []

        def fetch() -> Credentials:
            fetched.append(1)
            if len(fetched) > 1:
                entered.set()
                leave.wait(60)
            return temporary(len(fetched), clock.now + 1000)

        provider = Refreshing(fetch, now=clock)
        provider()
        clock.now += 800
        thread = threading.Thread(target=provider)
        thread.start()
        entered.wait(60)
        assert provider().access_key_id == "STS.1"
        leave.set()
        thread.join()
        assert provider().access_key_id == "STS.2"

    def test_a_child_that_is_forked_during_a_fetch_fetches_by_itself(self) -> None:
        entered, leave = threading.Event(), threading.Event()
        parent = os.getpid()

        def fetch() -> Credentials:
            if os.getpid() == parent:
                entered.set()
                leave.wait(60)
            return temporary(1, 2**40)

        provider = Refreshing(fetch)
        thread = threading.Thread(target=provider)
        thread.start()
        entered.wait(60)
        child = os.fork()
        if not child:  # pragma: no cover - runs in the child
            signal.alarm(60)  # ends a child that waits for the thread of its parent
            try:
                provider()
                os._exit(0)
            finally:
                os._exit(1)
        leave.set()
        thread.join()
        assert os.waitpid(child, 0)[1] == 0

    def test_the_asyncio_client_fetches_outside_its_loop(self) -> None:
        threads: list[threading.Thread] = []

        def fetch() -> Credentials:
            threads.append(threading.current_thread())
            return temporary(1, 2**40)

        async def call() -> None:
            async with fc_async_sdk.async_client(
                endpoint_url="http://127.0.0.1:9",
                credentials=Refreshing(fetch),
                config=fc_async_sdk.Config(max_attempts=1),
            ) as client:
                for _ in range(2):
                    with pytest.raises(fc_async_sdk.errors.ConnectFailed):
                        await client.get_function("f")

        asyncio.run(call())
        assert len(threads) == 1
        assert threads[0] is not threading.main_thread()


class TestCredentials:
    @pytest.mark.parametrize(
        "fields",
        [
            {"access_key_id": "", "access_key_secret": "s"},
            {"access_key_id": "k", "access_key_secret": ""},
            {"access_key_id": "k\n", "access_key_secret": "s"},
            {"access_key_id": "k", "access_key_secret": "sécret"},
        ],
    )
    def test_unusable_ones_are_refused_without_being_shown(self, fields: dict[str, str]) -> None:
        with pytest.raises(CredentialsError) as caught:
            Credentials(**fields)
        assert "sécret" not in str(caught.value)


def test_a_file_of_s_that_is_nested_too_deep_is_an_error_of_credentials(tmp_path: Path) -> None:
    (tmp_path / ".s").mkdir()
    (tmp_path / ".s" / "access.yaml").write_text("[" * 2_000)
    with pytest.raises(CredentialsError, match=r"access\.yaml can't be read"):
        _serverless_devs.find({}, tmp_path)


@pytest.mark.parametrize("name", ["ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN"])
def test_the_variable_that_is_wrong_is_named(name: str) -> None:
    environ = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "id",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret",
        f"ALIBABA_CLOUD_{name}": "a\nb",
    }
    with pytest.raises(CredentialsError, match=f"^ALIBABA_CLOUD_{name} is not printable ASCII"):
        credentials.from_environment(environ)
