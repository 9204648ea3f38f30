# SPDX-License-Identifier: MIT
"""Where `s` gives up and we go on, there is a note; where it does as well, there is none.

Each row was tried with `s preview` 3.1.10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import s_yaml

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "edition: 3.0.0\nname: app\n"
RESOURCES = "resources:\n"


def resource(name: str, props: str, extra: str = "") -> str:
    return f"  {name}: {{component: fc3, {extra}props: {{{props}}}}}\n"


def notes(folder: Path, text: str) -> list[str]:
    (folder / "s.yaml").write_text(HEAD + text)
    return [note.message for note in s_yaml.load(folder, environ={}).notes]


def chain(length: int) -> str:
    names = "".join(f"  v{n}: '${{vars.v{n - 1}}}'\n" for n in range(1, length + 1))
    return f"vars:\n  v0: end\n{names}"


@pytest.mark.parametrize(("length", "seen"), [(5, True), (6, False), (7, False)])
def test_five_names_in_variables_are_followed(tmp_path: Path, length: int, seen: bool) -> None:
    text = chain(length) + RESOURCES + resource("r", f"x: '${{vars.v{length}}}'")
    found = notes(tmp_path, text)
    assert len(found) == max(length - 5, 0)
    assert seen or "s follows 5 names" in found[0]


@pytest.mark.parametrize(
    ("resources", "seen"),
    [
        (resource("r", "x: '${this.props.y}', y: end"), True),
        (resource("r", "x: '${this.props.y}', y: '${vars.v}'"), True),
        (resource("r", "y: end, x: '${this.props.y}', w: '${this.props.x}'"), False),
        (resource("r", "x: 'a-${this.props.y}', y: 'b-${this.props.z}', z: end"), False),
        (resource("r", "x: '${resources.z.props.k}'") + resource("z", "k: end"), True),
        (resource("r", "x: '${resources.z.props.k}'") + resource("z", "k: '${vars.v}'"), True),
        (
            resource("r", "x: '${resources.z.props.k}'")
            + resource("z", "k: '${this.props.q}', q: end"),
            False,
        ),
        (resource("r", "x: '${resources.z.props.k}'") + resource("z", "k: '${this.name}'"), False),
        (resource("a", "k: '${this.name}'") + resource("r", "x: '${resources.a.props.k}'"), True),
        (
            resource("r", "x: '${resources.z.props.k}'")
            + resource("z", "m: 1", "extend: {name: t}, "),
            False,
        ),
        (
            resource("z", "m: 1", "extend: {name: t}, ")
            + resource("r", "x: '${resources.z.props.k}'"),
            True,
        ),
        (resource("z", "x: '${this.props.k}'", "extend: {name: t}, "), True),
    ],
)
def test_names_in_resources_are_followed_once(tmp_path: Path, resources: str, seen: bool) -> None:
    text = f"vars: {{v: end}}\ntemplate: {{t: {{k: end}}}}\n{RESOURCES}{resources}"
    found = notes(tmp_path, text)
    assert bool(found) != seen
    assert all("s does not find ${" in message for message in found)


def test_a_template_has_no_this(tmp_path: Path) -> None:
    text = "template: {t: {k: '${this.name}'}}\n" + RESOURCES
    text += resource("r", "m: 1", "extend: {name: t}, ")
    assert notes(tmp_path, text) == ["s does not find ${this.name} in an entry of template"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("resource: {}\n", ["s ignores 'resource'"]),
        ("templates: {}\n", ["s ignores 'templates'"]),
        ("resources: {r: {component: fc3, prop: {}}}\n", ["s ignores 'prop'"]),
        (
            "resources: {r: {component: fc3, props: {}, asyncInvokeConfig: {}, timeout: 3}}\n",
            ["s ignores 'asyncInvokeConfig' beside props", "s ignores 'timeout' beside props"],
        ),
        (
            "resources: {r: {component: fc3, access: x, props: {}}}\n",
            ["s ignores access in a resource: the template's own is used"],
        ),
        ("x-anchors: {}\nresources: {r: {component: fc3, x-mine: 1, props: {}}}\n", []),
        (
            "x: &x 1\nc: &c {a: {b: 1}}\nresources: {r: {component: fc3, props: {<<: *c, y: *x}}}",
            [],
        ),
        ("region: a\nmine: {a: 1}\nresources: {}\n", ["s ignores 'region'", "s ignores 'mine'"]),
        (
            "resources: {r: {component: fc3, x: 1, region: a, props: {}}}\n",
            ["s ignores 'x' beside props", "s ignores 'region' beside props"],
        ),
        ("resources: {r: {component: fc3, inputs: {runtime: custom}}}\n", ["s ignores 'inputs'"]),
        (
            "resources: {r: {props: {}}}\n",
            ["resource 'r' has no component, so it is not deployed"],
        ),
        (
            "actions: {pre-deploy: [{run: a, pth: b}], predeploy: [], post-x: []}\n",
            ["s ignores 'predeploy'", "s ignores 'pth'"],
        ),
        (
            "template: {t: {}}\nresources: {r: {component: fc3, extend: {name: t, only: a}}}\n",
            ["s ignores 'only'"],
        ),
        (
            "resources: {r: {component: fc3, extend: {name: no}, props: {}}}\n",
            ["extend names 'no', which is not an entry under template"],
        ),
    ],
)
def test_keys_that_s_ignores_are_noted(tmp_path: Path, text: str, found: list[str]) -> None:
    assert notes(tmp_path, text) == found
