# SPDX-License-Identifier: MIT
"""Exponential expansion, large files, reference cycles and garbage each give one clear error.

A template that would take too long is ended by the time limit that every test has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import s_yaml
from fc_async_plugin.s_yaml import TemplateError, expressions

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "edition: 3.0.0\nname: app\n"


def refused(folder: Path, text: str | bytes, **files: str) -> str:
    data = text if isinstance(text, bytes) else text.encode()
    (folder / "s.yaml").write_bytes(data)
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(content)
    with pytest.raises(TemplateError) as caught:
        s_yaml.load(folder, environ={"A": "x${env('A')}", "B": "${env('C')}", "C": "${env('B')}"})
    return str(caught.value).replace(f"{folder}/", "")


def resource(value: str) -> str:
    return f"resources: {{r: {{component: fc3, props: {{x: {value}}}}}}}\n"


def test_a_yaml_bomb_is_stopped_while_it_unfolds(tmp_path: Path) -> None:
    tens = (", ".join([f"*a{n - 1}"] * 10) if n else "lol" for n in range(12))
    levels = "".join(f"a{n}: &a{n} [{ten}]\n" for n, ten in enumerate(tens))
    assert "more than 4000000 values once its aliases are written out" in refused(
        tmp_path, HEAD + levels
    )


def test_a_bomb_of_references_is_stopped(tmp_path: Path) -> None:
    tens = (", ".join([f"'${{vars.a{n - 1}}}'"] * 10) if n else "lol" for n in range(12))
    levels = "".join(f"  a{n}: [{ten}]\n" for n, ten in enumerate(tens))
    said = refused(tmp_path, f"{HEAD}vars:\n{levels}" + resource("'${vars.a11}'"))
    assert "references copy more than 1000000 values into the project" in said


def test_a_bomb_of_texts_is_stopped(tmp_path: Path) -> None:
    levels = "".join(f"  a{n}: '{f'${{vars.a{n - 1}}}' * 10 if n else 'lol'}'\n" for n in range(12))
    said = refused(tmp_path, f"{HEAD}vars:\n{levels}" + resource("'${vars.a11}'"))
    assert "a string of more than 1048576 characters" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "a: &a [*a]\n", "*a is inside of &a: it never ends"),
        (HEAD + "a: *b\n", "nothing is named &b above this alias"),
        (HEAD + "a: " + "[" * 70 + "]" * 70, "nested deeper than 64 levels"),
        (HEAD + "a: " + "[" * 100_000, "nest"),
        (HEAD + "a: {b: {c: 1}: 2}\n", "s.yaml:3:"),
        (HEAD + "? [a]\n: 1\n", "a key is a string or a number, not a collection"),
        (HEAD + "a: !!python/object/apply:os.system [id]\n", "unknown tag"),
        (HEAD.encode() + b"a: \xff\xfe\n", "s.yaml:3:4: not UTF-8: byte 0xff"),
        (HEAD + 'a: "\\0b"\n', "s.yaml:3:4: a text with a null character (remove it)"),
        (HEAD + "a: \x00b\n", "s.yaml:3:4: invalid YAML: control characters are not allowed"),
        (HEAD.encode("utf-16"), "not UTF-8"),
        (HEAD + "vars: {unused: '${vars.c}'}\n", "s.yaml:3:16: ${vars.c} not found"),
        (HEAD + "vars: {a: '${vars.b}', b: '${vars.a}'}\n", "cycle of variables"),
        (HEAD + "a: {b: ${vars.c}}\n", "inside of { } and [ ] a ${…} needs quotes"),
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        ("- a\n", "a template must be a mapping"),
        ("text\n", "a template must be a mapping"),
        (HEAD + "resources: 3\n", "resources is not a mapping"),
        (HEAD + "resources: {r: 3}\n", "resource 'r' is not a mapping"),
        (HEAD + "resources: {r: {props: [1]}}\n", "props of 'r' is not a mapping"),
        (HEAD + "extend: [a]\n", "extend names one file"),
        (HEAD + "extend: ./none.yaml\n", "none.yaml does not exist"),
        (HEAD + "extend: ./s.yaml\n", "cycle of extend: s.yaml extends itself"),
        (HEAD + resource("\"${file('./s.yaml')}\""), "always leads to further expressions"),
        (HEAD + resource("\"${env('A')}\""), "always leads to further expressions"),
        (HEAD + resource("\"${env('B')}\""), "always leads to further expressions"),
        (HEAD + resource("'${this.props.x}'"), "cycle of variables"),
        (HEAD + resource("'${resources.r.props.x}'"), "cycle of variables"),
        (HEAD + resource("\"${file('/dev/zero')}\""), "/dev/zero is outside of"),
        (HEAD + resource("\"${file('..')}\""), "is outside of"),
        (HEAD + resource("\"${file('.')}\""), "this is not a regular file"),
        (HEAD + resource("\"${json(env('A'))}\""), "json() got invalid JSON"),
        (HEAD + resource("\"${regex('(')}\""), "invalid pattern"),
        (HEAD + resource("'${env()}'"), "env() needs an argument"),
        (HEAD + resource("\"${env('A'}\""), "a closing parenthesis is missing"),
    ],
)
def test_garbage_is_one_clear_error(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert said in refused(tmp_path, text)


def test_two_files_that_extend_each_other_are_a_cycle(tmp_path: Path) -> None:
    other = "edition: 3.0.0\nextend: ./s.yaml\n"
    said = refused(tmp_path, HEAD + "extend: ./b.yaml\n", b=other)
    assert "b.yaml:2:9: cycle of extend: s.yaml → b.yaml → ./s.yaml" in said


def test_a_cycle_shows_the_way(tmp_path: Path) -> None:
    text = f"{HEAD}vars: {{a: '${{vars.b}}', b: '-${{vars.a}}'}}\n" + resource("'${vars.a}'")
    assert "cycle of variables: ${vars.b} → -${vars.a}" in refused(tmp_path, text)


def test_a_chain_of_names_has_an_end(tmp_path: Path) -> None:
    chain = "".join(f"  v{n}: ${{vars.v{n + 1}}}\n" for n in range(10_000))
    said = refused(tmp_path, f"{HEAD}vars:\n{chain}  v10000: end\n" + resource("'${vars.v0}'"))
    assert "more than 40 names or levels lead to this value" in said


def test_thirty_names_in_a_row_are_followed(tmp_path: Path) -> None:
    chain = "".join(f"  v{n}: ${{vars.v{n + 1}}}\n" for n in range(30))
    (tmp_path / "s.yaml").write_text(f"{HEAD}vars:\n{chain}  v30: end\n" + resource("'${vars.v0}'"))
    assert s_yaml.load(tmp_path, environ={}).resources[0].props == {"x": "end"}


def test_a_file_of_100_mb_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "s.yaml").open("wb") as stream:
        stream.write(HEAD.encode())
        stream.truncate(100 * 1024 * 1024)
    with pytest.raises(TemplateError, match="larger than 32 MB"):
        s_yaml.load(tmp_path, environ={})


def test_a_folder_without_template_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"no s\.yaml and no s\.yml in this folder .*init"):
        s_yaml.load(tmp_path)


def test_all_missing_variables_are_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(HEAD + resource("['${vars.a}', {b: '${vars.b}'}]"))
    with pytest.raises(TemplateError) as caught:
        s_yaml.load(tmp_path, environ={})
    assert [problem.message for problem in caught.value.problems] == [
        "${vars.a} not found",
        "${vars.b} not found",
    ]


def test_nothing_of_a_template_is_ever_run(tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    for code in (
        f"<% require('fs').writeFileSync('{proof}', '') %>",
        f"${{require('fs').writeFileSync('{proof}', '')}}",
        f"${{process.exit(1)}}${{open('{proof}', 'w')}}",
    ):
        assert "not run" in refused(tmp_path, HEAD + resource(f'"{code}"'))
    assert not proof.exists()


@pytest.mark.parametrize("tail", ["", "%>", "${vars.x}"])
def test_a_hundred_thousand_openings_are_looked_at_once_each(tail: str) -> None:
    """A search to the end for each of them would take minutes, and the test's time limit."""
    text = "${" * 100_000 if not tail.startswith("$") else "<%" * 100_000

    parts = expressions.split(text + tail)

    assert "".join(part if isinstance(part, str) else part.source for part in parts) == text + tail
