# SPDX-License-Identifier: MIT
"""``fc-async dev --trust``: what it shows, and that it changes nothing else."""

from __future__ import annotations

import json
from pathlib import Path

from fc_async_plugin.cli.group import run


def test_it_names_the_authority_and_the_variables_of_each_kind_of_client(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert run(["dev", "--trust"]) == 0
    shown = capsys.readouterr().out
    authority = tmp_path / ".fc-async" / "runtime" / "tls" / "ca.pem"
    assert f"export FC_ASYNC_CA={authority}\n" in shown
    for name in ("NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        assert f"export {name}=" in shown
    assert "protocol HTTP" in shown
    assert [path.name for path in tmp_path.iterdir()] == [".fc-async"]


def test_it_makes_the_authority_once(tmp_path, capsys):
    data = tmp_path / "runtime"
    asked = ["dev", "--trust", "--data", str(data), "--format", "json"]
    assert run(asked) == 0
    first = json.loads(capsys.readouterr().out)
    made = Path(first["FC_ASYNC_CA"]).read_bytes()
    assert run(asked) == 0
    assert json.loads(capsys.readouterr().out) == first
    assert Path(first["FC_ASYNC_CA"]).read_bytes() == made
