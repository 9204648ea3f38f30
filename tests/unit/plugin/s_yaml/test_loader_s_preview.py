# SPDX-License-Identifier: MIT
"""Every row that `s preview` 3.1.10 answered: ours is the same, or one of the listed supersets.

The folder s_preview holds the answers as they were recorded; <DIR> stands for a path.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from fc_async_plugin import s_yaml
from fc_async_plugin.s_yaml import TemplateError

RECORDED = Path(__file__).parent / "s_preview"
ENVIRON = {
    "FOO": "foo-env",
    "EMPTY": "",
    "NUM": "42",
    "AccountID": "123456789012345",
    "AccessKeyID": "LTAItest",
    "AccessKeySecret": "secret",
}
BASE = """\
edition: 3.0.0
name: app
access: default
vars:
  region: cn-hangzhou
  n: 3
  zero: 0
  flag: true
  off: false
  empty: ''
  nul: null
  list: [1, 2]
  obj: {a: 1, b: {c: x}}
  nested: ${vars.region}-x
  key-dash: dashed
resources:
  r1:
    component: fc3
    props:
      region: ${vars.region}
      functionName: f1
      probe: %s
  r2:
    component: fc3
    props:
      region: ${vars.region}
      functionName: ${resources.r1.props.functionName}-2
"""
NO_JAVASCRIPT = {"${1+1}", "${vars.region.toUpperCase()}"}
"""s runs these as JavaScript by accident; here they are errors."""


def expression_rows() -> list[Any]:
    rows = []
    for line in (RECORDED / "expressions.txt").read_text().splitlines():
        match = re.fullmatch(r"(?P<text>['\"].*?['\"])\s+rc=(?P<rc>\d) -> (?P<answer>.*)", line)
        assert match, line
        text = ast.literal_eval(match["text"])
        rows.append(pytest.param(text, int(match["rc"]), match["answer"], id=text))
    return rows


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "f.txt").write_text("line1\n${vars.region}\n")
    (tmp_path / "f.json").write_text('{"k": {"z": 1}}')
    (tmp_path / "f.yaml").write_text("a: 1\nb: [x]\n")
    return tmp_path


@pytest.mark.parametrize(("text", "code", "answer"), expression_rows())
def test_an_expression_means_what_s_preview_says(
    project: Path, text: str, code: int, answer: str
) -> None:
    file = project / "s.yaml"
    file.write_text(BASE.replace("%s", json.dumps(text)))
    refused = code != 0 or text in NO_JAVASCRIPT
    if refused:
        with pytest.raises(TemplateError) as caught:
            s_yaml.load(file, environ=ENVIRON, command="preview")
        assert caught.value.position[1:] == (22, 14)
        return
    props = s_yaml.load(file, environ=ENVIRON, command="preview").resources[0].props
    expected = answer.replace("<DIR>", str(project / "f.txt"))
    assert props.get("probe") == json.loads(expected)


def test_all_rows_of_the_recording_are_read() -> None:
    assert len(expression_rows()) == 82


# --- whole documents ----------------------------------------------------------------------------

HEAD = "edition: 3.0.0\nname: app\n"
PROPS = HEAD + "resources:\n  r:\n    component: fc3\n    props:\n"

DOCUMENTS: dict[str, tuple[dict[str, str], Any]] = {
    # title in the recording: files, and what we answer: props by resource, or a part of the error
    "chain of vars depth": (
        {
            "s.yaml": HEAD
            + "vars: {a: A, b: '${vars.a}b', c: '${vars.b}c', d: '${vars.c}d',"
            + " rev1: '${vars.rev2}', rev2: '${vars.a}'}\n"
            + "resources: {r: {component: fc3, props: {x: '${vars.d}', y: '${vars.rev1}'}}}\n"
        },
        {"r": {"x": "Abcd", "y": "A"}},
    ),
    "vars self cycle": (
        {
            "s.yaml": HEAD + "vars: {a: '${vars.b}', b: '${vars.a}'}\n"
            "resources: {r: {component: fc3, props: {x: '${vars.a}'}}}\n"
        },
        "cycle of variables",  # s leaves the text
    ),
    "props forward/this chain": (
        {"s.yaml": PROPS + "      x: ${this.props.y}\n      y: ${this.props.z}\n      z: end\n"},
        {"r": {"x": "end", "y": "end", "z": "end"}},  # s gives up after one name
    ),
    "cross resource forward": (
        {
            "s.yaml": HEAD + "resources:\n"
            "  r1: {component: fc3, props: {x: '${resources.r2.props.y}', k: one}}\n"
            "  r2: {component: fc3, props: {y: '${resources.r1.props.k}-2'}}\n"
        },
        {"r1": {"x": "one-2", "k": "one"}, "r2": {"y": "one-2"}},  # s gives up after one name
    ),
    "cross resource backward": (
        {
            "s.yaml": HEAD + "resources:\n"
            "  r1: {component: fc3, props: {x: one}}\n"
            "  r2: {component: fc3, props: {y: '${resources.r1.props.x}-2'}}\n"
            "  r3: {component: fc3, props: {z: '${resources.r2.props.y}-3'}}\n"
        },
        "same",
    ),
    "null/empty handling": (
        {
            "s.yaml": PROPS
            + "      a: null\n      b: ~\n      c: []\n      d: {}\n      e: ''\n"
            + "      f: [1, null, 2]\n      g: {x: null}\n      h:\n      i: []\n      j: {}\n"
        },
        "same",
    ),
    "yaml types": (
        {
            "s.yaml": PROPS
            + "      7: seven\n      d: 2024-01-01\n      t: 2024-01-01T00:00:00Z\n      o: 0o17\n"
            + "      oct: 017\n      h: 0x1f\n      f: 1.5\n      exp: 1e3\n      y: yes\n"
            + "      n: no\n      on: on\n      inf: .inf\n      big: 12345678901234567890\n"
            + "      acct: 0123456789\n      s: !!str 5\n      m: 1_000\n"
        },
        {
            "r": {
                "7": "seven",
                "d": {},
                "t": {},
                "o": 15,
                "oct": 17,
                "h": 31,
                "f": 1.5,
                "exp": 1000,
                "y": "yes",
                "n": "no",
                "on": "on",
                "inf": None,
                "big": 12345678901234567168,  # the same double, without JavaScript's rounding
                "acct": 123456789,
                "s": "5",
                "m": 1000,
            }
        },
    ),
    "anchors & merge": (
        {
            "s.yaml": HEAD + "base: &base {a: 1, b: 2}\n"
            "resources: {r: {component: fc3, props: {<<: *base, b: 3}}}\n"
        },
        "same",
    ),
    "dup keys": (
        {"s.yaml": HEAD + "resources:\n  r: {component: fc3, props: {a: 1, a: 2}}\n"},
        "s.yaml:4:37: duplicate key 'a'",
    ),
    "env value with magic": (
        {"s.yaml": PROPS + "      a: ${env('MAGIC')}\n"},
        "same",
    ),
    "env value with magic 3-level": (
        {"s.yaml": PROPS + "      a: ${env('MAGIC2')}\n"},
        {"r": {"a": "foo-env"}},  # s stops after two and leaves the text
    ),
    ".env next to s.yaml": (
        {
            "s.yaml": PROPS
            + "      a: ${env('DOT')}\n      b: ${env('DOTX')}\n      c: ${env('FOO')}\n",
            ".env": "DOT=dotval\nDOTX=$DOT-x\nFOO=other\n",
        },
        "same",
    ),
    ".env in code dir": (
        {
            "s.yaml": PROPS + "      code: ./code\n      a: ${env('C')}\n",
            "code/.env": "C=c1\n",
        },
        "same",
    ),
    "component by var": (
        {
            "s.yaml": HEAD + "vars: {c: fc3}\n"
            "resources: {r: {component: '${vars.c}', props: {a: '${this.component}'}}}\n"
        },
        "same",
    ),
    "resource-level vars": (
        {
            "s.yaml": HEAD
            + "resources: {r: {component: fc3, vars: {q: 1}, props: {a: '${this.vars.q}'}}}\n"
        },
        "same",
    ),
    "name magic": (
        {
            "s.yaml": "edition: 3.0.0\nname: ${env('FOO')}-app\n"
            "resources: {r: {component: fc3, props: {a: 1}}}\n"
        },
        "same",
    ),
    "keys not resolved": (
        {
            "s.yaml": HEAD + "vars: {k: key}\n"
            "resources: {r: {component: fc3, props: {'${vars.k}': 1}}}\n"
        },
        "same",
    ),
    "template+extend": (
        {
            "s.yaml": HEAD + "vars: {region: cn-hangzhou}\n"
            "template:\n  base:\n    region: ${vars.region}\n    timeout: 3\n"
            "    environmentVariables: {A: a, B: b}\n    list: [1, 2, 3]\n"
            "    asyncInvokeConfig: {maxAsyncRetryAttempts: 1}\n"
            "resources:\n  r:\n    component: fc3\n"
            "    extend: {name: base, ignore: [timeout, environmentVariables.A]}\n"
            "    props:\n      environmentVariables: {B: bb, C: c}\n      list: [9]\n"
            "      asyncInvokeConfig: {maxAsyncEventAgeInSeconds: 5}\n"
        },
        "same",
    ),
    "template plural (templates:)": (
        {
            "s.yaml": HEAD + "templates: {base: {b: 1}}\n"
            "resources: {r: {component: fc3, extend: {name: base}, props: {a: 1}}}\n"
        },
        "same",
    ),
    "template missing": (
        {
            "s.yaml": HEAD
            + "resources: {r: {component: fc3, extend: {name: nope}, props: {a: 1}}}\n"
        },
        "same",
    ),
    "template with this": (
        {
            "s.yaml": HEAD + "template: {base: {d: '${this.props.functionName}'}}\n"
            "resources: {r: {component: fc3, extend: {name: base}, props: {functionName: f}}}\n"
        },
        {"r": {"d": "f", "functionName": "f"}},  # s doesn't find it
    ),
    "extend file": (
        {
            "s.yaml": "edition: 3.0.0\nextend: ./base.yaml\nvars: {region: cn-shanghai}\n"
            "resources: {r: {props: {functionName: new, l: [1, 2, 3]}},"
            " s: {component: fc3, props: {region: '${vars.other}'}}}\n",
            "base.yaml": HEAD + "access: acc\nvars: {region: cn-hangzhou, other: o}\n"
            "resources: {r: {component: fc3,"
            " props: {region: '${vars.region}', functionName: old, l: [7]}}}\n",
        },
        "same",
    ),
    "no edition": ({"s.yaml": "name: app\n"}, "no edition"),
    "edition 3.0.0 str": (
        {
            "s.yaml": "edition: '3.0.0'\nname: app\n"
            "resources: {r: {component: fc3, props: {a: 1}}}\n"
        },
        "same",
    ),
    "edition 3": ({"s.yaml": "edition: 3\nname: app\n"}, "edition is 3, only 3.0.0 is read"),
    "services in 3.0.0": ({"s.yaml": HEAD + "services: {}\n"}, "calls it resources"),
    "no resources": ({"s.yaml": HEAD}, {}),
    "bad yaml": ({"s.yaml": HEAD + "resources: [a: b: c\n"}, "invalid YAML"),
    "tab": ({"s.yaml": HEAD + "resources:\n\tr: 1\n"}, "indent with spaces"),
    "config in vars": (
        {
            "s.yaml": HEAD
            + "vars: {arn: \"acs:fc:cn-hangzhou:${config('AccountID')}:functions/x\"}\n"
            + "resources: {r: {component: fc3, props: {arn: '${vars.arn}'}}}\n"
        },
        "same",
    ),
    "props missing": ({"s.yaml": HEAD + "resources: {r: {component: fc3}}\n"}, "same"),
    "component missing": ({"s.yaml": HEAD + "resources: {r: {props: {a: 1}}}\n"}, "same"),
    "multi-doc": ({"s.yaml": HEAD + "---\na: 1\n"}, "a second one begins"),
    "multiline str": (
        {
            "s.yaml": HEAD + "vars: {x: X, n: 1}\n" + PROPS.removeprefix(HEAD) + "      a: |\n"
            '        line ${vars.x}\n        json {"a": "${vars.x}"}\n        ${vars.n}\n'
        },
        "same",
    ),
    "vars with object in string list": (
        {
            "s.yaml": HEAD + "vars: {l: [p, q], o: {a: 1}}\n"
            "resources: {r: {component: fc3,"
            " props: {a: ['${vars.l}', '${vars.o}'], b: '${vars.l.1}'}}}\n"
        },
        "same",
    ),
}


def recorded_documents() -> dict[str, tuple[int, str]]:
    text = (RECORDED / "documents.txt").read_text()
    found = re.findall(r"^### (.*?): rc=(\d)\n    (.*)$", text, re.MULTILINE)
    return {title: (int(code), answer) for title, code, answer in found}


def recorded_props(answer: str) -> dict[str, Any]:
    """Props by resource, whichever part of the document was recorded."""
    document = json.loads(answer)
    if "edition" in document:
        document = document.get("resources", {})
    if document and all(isinstance(v, dict) and "props" in v for v in document.values()):
        return {name: resource["props"] for name, resource in document.items()}
    return {"r": document}


@pytest.mark.parametrize("title", DOCUMENTS)
def test_a_document_means_what_s_preview_says(tmp_path: Path, title: str) -> None:
    files, expected = DOCUMENTS[title]
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    environ = {**ENVIRON, "MAGIC": "${env('FOO')}", "MAGIC2": "${env('MAGIC')}"}
    code, answer = recorded_documents()[title]
    if isinstance(expected, str) and expected != "same":
        with pytest.raises(TemplateError) as caught:
            s_yaml.load(tmp_path / "s.yaml", environ=environ)
        assert expected in str(caught.value)
        return
    project = s_yaml.load(tmp_path / "s.yaml", environ=environ)
    props = {resource.name: resource.props for resource in project.resources}
    if expected == "same":
        assert code == 0
        expected = recorded_props(answer)
    assert props == expected


def test_all_documents_of_the_recording_are_tried() -> None:
    assert set(recorded_documents()) == set(DOCUMENTS)
