# SPDX-License-Identifier: MIT
"""``fc-async.toml``: what a project says of its functions on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fc_async_plugin import PluginError
from fc_async_plugin.project import settings_file
from fc_async_plugin.project.settings_file import FunctionSettings
from fc_async_plugin.s_yaml import TemplateError


def read(folder: Path, text: str) -> dict[str, FunctionSettings]:
    file = folder / settings_file.NAME
    file.write_text(text)
    return settings_file.read(file, {"web": folder, "orders": folder})


def test_a_project_without_the_file_has_no_settings(tmp_path: Path) -> None:
    assert settings_file.read(tmp_path / settings_file.NAME, {"web": tmp_path}) == {}


def test_each_key_of_a_function_is_read(tmp_path: Path) -> None:
    (tmp_path / "api").mkdir()
    text = """\
[dev.functions.web]
folder = "api"
start = "python 'my app.py' --debug"
build = "make api"
install = "api/requirements.txt"
python = ".venv"
env = {MODE = "dev"}

[dev.functions.orders]
start = ["node", "server.js"]
install = ""
"""
    assert read(tmp_path, text) == {
        "web": FunctionSettings(
            folder="api",
            start=("python", "my app.py", "--debug"),
            build="make api",
            install="api/requirements.txt",
            python=".venv",
            env=(("MODE", "dev"),),
        ),
        "orders": FunctionSettings(start=("node", "server.js"), install=""),
    }


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[dev.functions.web\n", 1, "this is not valid TOML"),
        ("[dev]\n\n[dev.functions.wep]\n", 3, "there is no function wep (write web)"),
        ("[dev.functions.web]\nstrat = 'a'\n", 2, "there is no key strat (write start)"),
        ("[def.functions.web]\n", 1, "def: there is no key def (write dev)"),
        ("[dev.functions.web]\nstart = 5\n", 2, "start must be a command, got 5"),
        ('[dev.functions.web]\nstart = "a \'b"\n', 2, "start: No closing quotation"),
        ("[dev.functions.web]\nbuild = ['a']\n", 2, "build must be a text, got ['a']"),
        ("[dev.functions.web]\nfolder = '../x'\n", 2, "leads out of the project: '../x'"),
        ("[dev.functions.web]\nfolder = 'no'\n", 2, "'no' is not a folder"),
        ("[dev.functions.web]\ninstall = '/etc/x'\n", 2, "leads out of the project: '/etc/x'"),
        ("[dev.functions.web.env]\nA = 1\n", 2, "env.A must be a text, got 1"),
        ("[dev.functions.web.env]\n'A-B' = '1'\n", 2, "'A-B' is not a name of a variable"),
        ("dev.functions.web = 1\n", 1, "dev.functions.web must be a table, got 1"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_its_value_and_what_to_do(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    with pytest.raises(TemplateError) as error:
        read(tmp_path, text)
    assert said in str(error.value)
    assert f"{settings_file.NAME}:{line}:" in str(error.value)


def test_a_folder_that_is_a_link_out_of_the_project_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "api").symlink_to(tmp_path)
    with pytest.raises(TemplateError, match="leads out of the project"):
        read(tmp_path / "shop", "[dev.functions.web]\nfolder = 'api'\n")


def test_an_answer_is_added_and_the_text_of_the_user_stays(tmp_path: Path) -> None:
    file = tmp_path / settings_file.NAME
    before = "# ours\r\n[dev.functions.web]\r\nstart = 'a'  # as in CI\r\n"
    file.write_bytes(before.encode())
    settings_file.write(file, {"orders": FunctionSettings(folder=".", start=("b", "c d"))})
    after = file.read_bytes().decode()
    assert after.startswith(before)
    assert "[dev.functions.orders]" in after
    assert settings_file.read(file, {"web": tmp_path, "orders": tmp_path}) == {
        "web": FunctionSettings(start=("a",)),
        "orders": FunctionSettings(folder=".", start=("b", "c d")),
    }


def test_an_answer_replaces_only_its_own_keys() -> None:
    before = "[dev.functions.web]\n# why\nstart = 'a'\npython = '.venv'\n"
    after = settings_file.completed(before, {"web": FunctionSettings(start=("b",))})
    assert after == before.replace("'a'", '"b"')


def test_a_file_that_is_a_link_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "profile").write_text("")
    (tmp_path / settings_file.NAME).symlink_to(tmp_path / "profile")
    with pytest.raises(PluginError, match="is a link"):
        settings_file.write(tmp_path / settings_file.NAME, {"web": FunctionSettings(build="x")})
    assert (tmp_path / "profile").read_text() == ""


_TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@settings(max_examples=30)
@given(
    name=_TEXTS.filter(bool),
    chosen=st.builds(
        FunctionSettings,
        folder=st.just(""),
        start=st.lists(_TEXTS, max_size=3).map(tuple),
        build=_TEXTS,
        install=st.none() | st.just(""),
        python=_TEXTS,
        env=st.dictionaries(st.from_regex(r"[A-Z_]{1,5}", fullmatch=True), _TEXTS, max_size=2).map(
            lambda values: tuple(values.items())
        ),
    ),
)
def test_what_is_written_and_what_is_shown_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, name: str, chosen: FunctionSettings
) -> None:
    file = tmp_path_factory.getbasetemp() / settings_file.NAME
    for text in (settings_file.completed("", {name: chosen}), settings_file.example(name, chosen)):
        file.write_text(text, "utf-8")
        assert settings_file.read(file, {name: file.parent}) == {name: chosen}


def test_the_example_of_the_page_can_be_read(tmp_path: Path) -> None:
    page = Path(__file__).parents[4] / "docs" / "reference" / "fc-async-toml.md"
    example = page.read_text("utf-8").partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "backend").mkdir()
    (tmp_path / "scripts").mkdir()
    file = tmp_path / "fc-async.toml"
    file.write_text(example)
    functions = {"web": tmp_path, "orders": tmp_path}
    assert set(settings_file.read(file, functions)) == {"web", "orders"}
