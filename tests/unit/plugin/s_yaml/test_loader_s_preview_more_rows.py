# SPDX-License-Identifier: MIT
"""Further answers of `s preview` 3.1.10, tried one by one: environments, merging, numbers, .env."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_plugin import s_yaml
from fc_async_plugin.s_yaml import TemplateError

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "edition: 3.0.0\nname: app\naccess: default\n"
VARS = (
    "vars: {p: ./f.txt, n: 3, list: [1, 2], key: FOO, s: abc, big: 1e21, small: 0.0000001,"
    " nested: {deep: ['${vars.s}', {q: '${vars.n}'}]}}\n"
)
ENVIRON = {"FOO": "foo-env", "AccountID": "123", "AccessKeyID": "id", "AccessKeySecret": "secret"}


def props(folder: Path, *, env: str | None = None) -> dict[str, dict[str, Any]]:
    project = s_yaml.load(folder, environ=ENVIRON, env=env, command="preview")
    return {resource.name: resource.props for resource in project.resources}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${file(vars.p)}", None),
        ("${env(vars.key)}", None),
        ("${env('FOO', vars.s)}", "foo-env"),
        ("${env( 'FOO' )}", "foo-env"),
        ("${env('FOO').length}", 7),
        ("${vars.list.length}", 2),
        ("${vars.list.01}", None),
        ("${vars.s.0}", "a"),
        ("${vars.nested}", {"deep": ["abc", {"q": 3}]}),
        ("${vars.nested.deep.1.q}", 3),
        ("x${vars.big}y", "x1e+21y"),
        ("x${vars.small}y", "x1e-7y"),
        ("${env.init('vars.n')}", 3),
        ("${env.init('42abc')}", 42),
        ("${str('abc')}", "abc"),
        ("${str(vars.list)}", "1,2"),
        ("${json(vars.s)}", None),
        ("${resources.nope.output.x}", "${resources.nope.output.x}"),
        ("${resources.r.output.a}-${vars.n}", "${resources.r.output.a}-3"),
        ("<%= vars.s %>-<%- vars.n %>", "abc-3"),
        ("text } ${vars.s} {", "text } abc {"),
        ("#{vars.s}", "#{vars.s}"),
        ("${vars.toString}", None),
        ("${'abc'}", None),
        ("${vars.n}${vars.missing}", None),
    ],
)
def test_expressions_are_evaluated_as_s_does(tmp_path: Path, text: str, value) -> None:
    resource = f"resources: {{r: {{component: fc3, props: {{probe: {json.dumps(text)}}}}}}}\n"
    (tmp_path / "s.yaml").write_text(HEAD + VARS + resource)
    (tmp_path / "f.txt").write_text("x")
    if value is None:
        with pytest.raises(TemplateError):
            props(tmp_path)
    else:
        assert props(tmp_path)["r"]["probe"] == value


def test_a_reference_to_all_variables(tmp_path: Path) -> None:
    resource = "resources: {r: {component: fc3, props: {probe: '${vars}'}}}\n"
    (tmp_path / "s.yaml").write_text(HEAD + "vars: {a: 1, b: '${vars.a}'}\n" + resource)
    assert props(tmp_path)["r"]["probe"] == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0b11", 3),
        ("-0o17", -15),
        ("+5", 5),
        ("1_0.5", 10.5),
        (".5", 0.5),
        ("5.", 5),
        ("1.", 1),
        ("1e-7", 1e-7),
        ("-.inf", None),
        (".nan", None),
        ("1e400", None),
        ("9" * 400, None),
        ("0x", "0x"),
        ("1__0", 10),
        ("_1", "_1"),
        ("1_", "1_"),
        ("00", 0),
        ("0xFFFFFFFFFFFFFFFFFF", 4.722366482869645e21),
        ("TRUE", True),
        ("tRue", "tRue"),
        ("2024-1-1", "2024-1-1"),
        ("2024-01-01 10:00:00", {}),
        ("12:30:45", "12:30:45"),
    ],
)
def test_plain_scalars_are_typed_as_s_does(tmp_path: Path, text: str, value) -> None:
    (tmp_path / "s.yaml").write_text(
        f"{HEAD}resources: {{r: {{component: fc3, props: {{probe: {text}}}}}}}\n"
    )
    found = props(tmp_path)["r"]
    assert (found["probe"], type(found["probe"]) is bool) == (value, type(value) is bool)


def test_keys_are_text_as_javascript_writes_it(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        HEAD + "resources: {r: {component: fc3, props: {1.0: a, true: b, ~: c, 0x10: d, 1e3: e}}}\n"
    )
    expected = {"1": "a", "true": "b", "null": "c", "16": "d", "1000": "e"}
    assert props(tmp_path)["r"] == expected


ENVIRONMENTS = """\
environments:
  - name: prod
    type: production
    access: other
    infraStack: {region: cn-beijing}
    overlays:
      components: {fc3: {timeout: 7, m: {b: 2}}}
      resources: {r: {l: [9], e: '${this.name}-${this.type}', x: 1}}
"""
RESOURCES = """\
resources:
  r: {component: fc3, props: {region: cn-hangzhou, l: [1], m: {a: 1}}}
  q: {component: other, props: {k: 1}}
"""


def test_an_environment_lies_over_component_then_resource_then_region(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(HEAD + RESOURCES)
    (tmp_path / "env.yaml").write_text(ENVIRONMENTS)
    r = {
        "region": "cn-beijing",
        "l": [9],
        "m": {"a": 1, "b": 2},
        "timeout": 7,
        "e": "prod-production",
        "x": 1,
    }
    assert props(tmp_path, env="prod") == {"r": r, "q": {"k": 1, "region": "cn-beijing"}}
    assert s_yaml.load(tmp_path, environ={}, env="prod").access == "other"
    assert s_yaml.load(tmp_path, environ={}, env="prod", access="mine").access == "mine"


@pytest.mark.parametrize(
    ("head", "env", "said"),
    [
        ("", "nope", "no environment 'nope' here, there are: prod"),
        ("env: other.yaml\n", "prod", "other.yaml:1:1: no such file"),
        ("extend: ./b.yaml\n", "prod", "exclude each other"),
    ],
)
def test_an_environment_that_cannot_be_applied_is_an_error(
    tmp_path: Path, head: str, env: str, said: str
) -> None:
    (tmp_path / "s.yaml").write_text(HEAD + head + RESOURCES)
    (tmp_path / "env.yaml").write_text(ENVIRONMENTS)
    with pytest.raises(TemplateError, match=r"env|extend") as caught:
        props(tmp_path, env=env)
    assert said in str(caught.value)


def test_an_overlay_may_take_a_whole_mapping_from_its_environment(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(HEAD + RESOURCES)
    (tmp_path / "env.yaml").write_text(
        "environments: [{name: prod, k: {z: ['${this.name}']},"
        " overlays: {resources: {r: {m: '${this.k}'}}}}]\n"
    )
    assert props(tmp_path, env="prod")["r"]["m"] == {"a": 1, "z": ["prod"]}


@pytest.mark.parametrize("overlay", ["3", "[1]", "text"])
def test_an_overlay_is_a_mapping(tmp_path: Path, overlay: str) -> None:
    (tmp_path / "s.yaml").write_text(HEAD + RESOURCES)
    (tmp_path / "env.yaml").write_text(
        f"environments: [{{name: prod, overlays: {{resources: {{r: {overlay}}}}}}}]\n"
    )
    with pytest.raises(TemplateError, match="an overlay is not a mapping"):
        props(tmp_path, env="prod")


def test_an_overlay_does_not_see_the_variables_of_the_template(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(HEAD + "vars: {v: 1}\n" + RESOURCES)
    (tmp_path / "env.yaml").write_text(ENVIRONMENTS.replace("x: 1", "x: '${vars.v}'"))
    with pytest.raises(TemplateError, match=r"vars\.v\} not found"):
        props(tmp_path, env="prod")


def test_extend_of_an_extended_file_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        "edition: 3.0.0\nextend: ./b.yaml\nresources: {r: {props: {a: 1, b: null}}}\n"
    )
    (tmp_path / "b.yaml").write_text(
        "edition: 3.0.0\nextend: ./c.yaml\nresources: {r: {component: fc3, props: {b: 1}}}\n"
    )
    (tmp_path / "c.yaml").write_text("edition: 3.0.0\nresources: {r: {props: {c: 1}}}\n")
    project = s_yaml.load(tmp_path, environ={})
    assert project.resources[0].props == {"a": 1, "b": 1}
    assert [note.kind for note in project.notes] == ["compatibility"]
    assert [name.rsplit("/")[-1] for name in project.files] == ["s.yaml", "b.yaml"]


def test_null_takes_away_what_a_named_template_has(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        HEAD + "template: {t: {a: 1, b: {c: 1, d: 2}}}\nresources: {r: {component: fc3,"
        " extend: {name: t}, props: {a: null, b: {c: null}}}}\n"
    )
    assert props(tmp_path)["r"] == {"b": {"d": 2}}


def test_merge_keys_do_not_override(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        HEAD + "a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\n"
        "resources: {r: {component: fc3, props: {y: 9, <<: [*a, *b]}}}\n"
    )
    assert props(tmp_path)["r"] == {"y": 9, "x": 1, "z": 2}


def test_dotenv_files_are_read_as_s_does(tmp_path: Path) -> None:
    names = "ABCDEG"
    reads = ", ".join(f"{name}: \"${{env('{name}')}}\"" for name in names)
    (tmp_path / "s.yaml").write_text(
        f"{HEAD}resources: {{r: {{component: fc3, props: {{{reads}}}}}}}\n"
    )
    (tmp_path / ".env").write_text(
        "A=plain # comment\nB='single $A'\nC=\"double ${A} \\n x\"\n"
        "export D=${A}-${NOPE:-dflt}\nE=a#b\nG=`tick`\n"
    )
    assert props(tmp_path)["r"] == {
        "A": "plain",
        "B": "single plain",
        "C": "double plain \n x",
        "D": "plain-dflt",
        "E": "a",
        "G": "tick",
    }


def test_positions_follow_references_to_where_a_value_was_written(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        HEAD + "vars:\n  async:\n    retries: 9\n  one: 1\n"
        "resources:\n  r:\n    component: fc3\n    props:\n"
        "      block: ${vars.async}\n      single: ${vars.one}\n"
    )
    (resource,) = s_yaml.load(tmp_path, environ={}).resources
    lines = [resource.where(*path).line for path in (("block", "retries"), ("block",), ("single",))]
    assert lines == [6, 12, 13]
    assert resource.where("block", "nothing").line == 12
    assert resource.where("nothing") == resource.position
