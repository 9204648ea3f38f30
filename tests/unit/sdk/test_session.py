# SPDX-License-Identifier: MIT
"""The endpoint and the account of a client, and the cost of its import."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import fc_async_sdk
from fc_async_sdk import _endpoint
from fc_async_sdk.config import Config
from fc_async_sdk.credentials import LOCAL, Credentials, Static
from fc_async_sdk.errors import ConfigurationError, CredentialsError
from fc_async_sdk.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = {"access_key_id": "LTAIkey", "access_key_secret": "very-secret"}


class TestEndpoint:
    @pytest.mark.parametrize(
        ("url", "parsed", "loopback"),
        [
            (
                "https://1.cn-hangzhou.fc.aliyuncs.com",
                "https://1.cn-hangzhou.fc.aliyuncs.com",
                False,
            ),
            ("https://host:443/", "https://host", False),
            (
                "fcv3.ap-southeast-5.aliyuncs.com\t",
                "https://fcv3.ap-southeast-5.aliyuncs.com",
                False,
            ),
            ("127.0.0.1:9900", "http://127.0.0.1:9900", True),
            ("http://localhost:9900", "http://localhost:9900", True),
            ("http://[::1]:9900", "http://[::1]:9900", True),
            ("http://127.1.2.3", "http://127.1.2.3", True),
        ],
    )
    def test_an_endpoint_is_parsed(self, url: str, parsed: str, loopback: bool) -> None:
        place = _endpoint.parse(url)
        assert (place.url, place.loopback) == (parsed, loopback)

    @pytest.mark.parametrize(
        "url",
        [
            "http://example.com",
            "http://127.0.0.1.example.com",
            "http://127.evil.example",
            "ftp://localhost",
            "http://localhost:99999",
            "http://localhost/path",
            "http://user:pass@localhost",
            "https://",
            "http://[::1",
        ],
    )
    def test_an_invalid_endpoint_is_refused_without_its_password(self, url: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            _endpoint.parse(url)
        assert "pass" not in str(caught.value)

    def test_plain_http_elsewhere_must_be_asked_for(self) -> None:
        with pytest.raises(ConfigurationError, match="unencrypted"):
            _endpoint.parse("http://10.0.0.1")
        assert _endpoint.parse("http://10.0.0.1", allow_plain_http=True).url == "http://10.0.0.1"

    @pytest.mark.parametrize(
        ("region", "account", "url"),
        [
            ("cn-hangzhou", "123", "https://123.cn-hangzhou.fc.aliyuncs.com"),
            ("cn-hangzhou", "", "https://fcv3.cn-hangzhou.aliyuncs.com"),
            ("me-central-1", "", "https://me-central-1.fc.aliyuncs.com"),
        ],
    )
    def test_the_default_endpoint_is_that_of_the_region(
        self, region: str, account: str, url: str
    ) -> None:
        assert _endpoint.default(region, account).url == url

    @pytest.mark.parametrize(
        ("region", "account"), [("a.b", ""), ("", ""), ("cn-x", "1.evil"), (5, ""), ("cn-x", 5)]
    )
    def test_of_the_service_takes_no_nonsense(self, region: Any, account: Any) -> None:
        with pytest.raises(ConfigurationError):
            _endpoint.default(region, account)


class TestSession:
    def test_arguments_win_over_the_environment(self) -> None:
        session = Session(
            region_name="cn-beijing", environ={"FC_ASYNC_REGION": "cn-hangzhou"}, **KEY
        )
        with session.client(account_id="1") as client:
            assert client.endpoint_url == "https://1.cn-beijing.fc.aliyuncs.com"
            assert (client.region_name, client.account_id) == ("cn-beijing", "1")

    def test_the_environment_is_enough(self) -> None:
        environ = {
            "FC_ASYNC_REGION": "cn-hangzhou",
            "FC_ASYNC_ACCOUNT_ID": "123",
            "ALIBABA_CLOUD_ACCESS_KEY_ID": "k",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s",
        }
        with Session(environ=environ).client() as client:
            assert client.endpoint_url == "https://123.cn-hangzhou.fc.aliyuncs.com"

    @pytest.mark.parametrize(
        "options", [{"region_name": "cn-beijing"}, {"account_id": "1"}, {"access": "prod"}]
    )
    def test_the_endpoint_of_the_environment_applies_unless_one_is_given(
        self, options: Any, tmp_path: Path
    ) -> None:
        """As ``AWS_ENDPOINT_URL`` in boto3."""
        environ = {
            "HOME": str(tmp_path),
            "FC_ASYNC_ENDPOINT": "http://127.0.0.1:9900",
            "prod_serverless_devs_key": '{"AccessKeyID": "k", "AccessKeySecret": "s"}',
        }
        session = Session(environ=environ, **options)
        with session.client() as client:
            assert client.endpoint_url == "http://127.0.0.1:9900"
        with session.client(endpoint_url="https://fcv3.cn-beijing.aliyuncs.com") as client:
            assert client.endpoint_url == "https://fcv3.cn-beijing.aliyuncs.com"

    def test_the_account_of_an_alias_that_is_named_comes_before_the_environment(
        self, tmp_path: Path
    ) -> None:
        """The keys of one account were sent to the host of another, which refuses them."""
        environ = {
            "HOME": str(tmp_path),
            "FC_ASYNC_ACCOUNT_ID": "111",
            "prod_serverless_devs_key": (
                '{"AccountID": "222", "AccessKeyID": "k", "AccessKeySecret": "s"}'
            ),
        }
        with Session(environ=environ, access="prod", region_name="cn-beijing").client() as client:
            assert client.endpoint_url == "https://222.cn-beijing.fc.aliyuncs.com"

    def test_a_local_endpoint_needs_nothing_else(self) -> None:
        with Session(environ={"FC_ASYNC_ENDPOINT": "http://127.0.0.1:9900"}).client() as client:
            assert client.endpoint_url == "http://127.0.0.1:9900"

    def test_no_region_says_what_to_do(self) -> None:
        with pytest.raises(ConfigurationError, match="FC_ASYNC_REGION"):
            Session(environ={}, **KEY).client()

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"config": {"read_timeout": 1}}, "config={'read_timeout': 1}: must be a Config"),
            ({"endpoint_url": 5}, "endpoint 5 must be a string"),
            ({"region_name": "cn-hangzhou", "account_id": 5}, "account id 5 must be a string"),
            ({"credentials": LOCAL}, r"credentials.Static\(...\)"),
        ],
    )
    def test_an_option_of_another_type_is_refused_by_name(
        self, options: dict[str, Any], message: str
    ) -> None:
        given = {"endpoint_url": "http://127.0.0.1:9"} if "region_name" not in options else {}
        with pytest.raises(ConfigurationError, match=message):
            fc_async_sdk.client(
                **{**given, "access_key_id": "a", "access_key_secret": "b", **options}
            )

    def test_half_a_key_says_which_half(self) -> None:
        with pytest.raises(CredentialsError, match="access_key_secret"):
            Session(access_key_id="k", environ={})

    def test_no_repr_holds_a_secret(self) -> None:
        session = Session(region_name="cn-hangzhou", security_token="token-secret", **KEY)
        client = session.client()
        credentials = Credentials(**KEY, security_token="token-secret")
        config = Config(proxies={"https": "http://u:proxy-secret@p"})
        for thing in (session, client, credentials, config, Static(credentials)):
            assert "secret" not in repr(thing)
        client.close()


class TestConfig:
    @pytest.mark.parametrize(
        "settings",
        [
            {"connect_timeout": 0},
            {"read_timeout": -1},
            {"read_timeout": True},
            {"read_timeout": float("nan")},
            {"total_timeout": 0},
            {"max_attempts": 0},
            {"max_async_payload_bytes": 262_145},
            {"max_async_payload_bytes": 0},
            {"max_pool_connections": 1.5},
            {"user_agent_extra": "a\nb"},
            {"user_agent_extra": 1},
            {"retry_base": -1},
            {"proxies": "http://proxy:3128"},
            {"verify": 5},
            {"cert": 5},
            {"events": []},
        ],
    )
    def test_nonsense_is_refused(self, settings: dict[str, Any]) -> None:
        with pytest.raises(ConfigurationError, match=next(iter(settings))):
            Config(**settings)


class TestPackage:
    def test_every_public_name_loads(self) -> None:
        for name in fc_async_sdk.__all__:
            assert getattr(fc_async_sdk, name) is not None
        assert dir(fc_async_sdk) == fc_async_sdk.__all__

    def test_an_unknown_name_is_an_attribute_error(self) -> None:
        with pytest.raises(AttributeError, match="no_such_name"):
            _ = fc_async_sdk.no_such_name

    def test_client_stays_a_function_after_clients_were_made(self) -> None:
        fc_async_sdk.client(endpoint_url="http://127.0.0.1:9").close()
        assert inspect.isfunction(fc_async_sdk.client)

    def test_importing_loads_nothing_heavy(self) -> None:
        heavy = ("requests", "aiohttp", "cryptography", "urllib3", "msgspec", "yaml", "rich")
        code = f"import sys, fc_async_sdk; print([m for m in {heavy!r} if m in sys.modules])"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        assert done.stdout.strip() == b"[]"


def test_a_mistyped_region_is_a_warning_that_names_the_nearest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    session = Session(access_key_id="id", access_key_secret="secret")
    for _ in range(2):
        session.client(region_name="cn-hangzou").close()
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert "region 'cn-hangzou' is not known" in record.getMessage()
    assert "did you mean cn-hangzhou?" in record.getMessage()


def test_the_region_of_an_endpoint_given_by_hand_is_not_checked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    endpoint = "https://fc.example.com"
    session = Session(access_key_id="id", access_key_secret="secret", endpoint_url=endpoint)
    session.client(region_name="own-region-7").close()
    assert caplog.records == []


@pytest.mark.parametrize("make", [Session, fc_async_sdk.client, fc_async_sdk.async_client])
def test_a_misspelled_option_is_refused_with_the_nearest_one(make: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=r"'regin_name': did you mean 'region_name'\?"):
        make(regin_name="cn-hangzhou")


def test_a_key_is_an_option_of_the_session_and_not_of_its_clients() -> None:
    with pytest.raises(TypeError, match="'access_key_id': known are region_name, account_id"):
        Session(region_name="cn-hangzhou").client(access_key_id="k")  # type: ignore[call-arg]


def test_the_keys_of_a_context_that_are_not_a_provider_are_refused_with_what_makes_one() -> None:
    class Keys:
        access_key_id = "id"
        access_key_secret = "secret"

    with pytest.raises(CredentialsError, match=r"credentials\.from_context\(context\) in a func"):
        Session(region_name="cn-hangzhou", credentials=Keys()).client()  # type: ignore[typeddict-item]
