# SPDX-License-Identifier: MIT
"""A container engine for tests, and an image of 2 MB that needs no registry."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IMAGE = "localhost/fc-async-test:1"
SERVER = """#!/bin/sh
# The first process: it serves until it is told to end, or to take all memory.
trap 'exit 3' USR1
trap 'exec tail /dev/zero' USR2
echo "listening on $FC_SERVER_PORT with $*"
nc -ll -p "${FC_SERVER_PORT:-9000}" -e /bin/sh /handler.sh &
while true; do wait; done
"""
HANDLER = r"""#!/bin/sh
read -r method path rest || exit 0
length=0
cr=$(printf '\r')
while read -r name value; do
  value=${value%"$cr"}
  case $name in
    [Cc]ontent-[Ll]ength:) length=$value;;
    x-fc-request-id:) id=$value;;
    x-fc-retry-count:) retry=$value;;
    "$cr"|"") break;;
  esac
done
body=$(head -c "$length")
status=200
mark=
answer=$body
case $path in
  /initialize) echo "initialized" >&2; [ -n "$BROKEN_INITIALIZER" ] && status=500;;
  /pre-stop) echo "stopping" >&2; touch /data/stopped;;
  /health) [ -n "$UNHEALTHY" ] && status=503;;
  *) case $body in
    sleep*) sleep "${body#sleep }";;
    exit) kill -USR1 1; sleep 5;;
    eat) kill -USR2 1; sleep 20;;
    fail) mark='x-fc-status: 404
'; answer='{"errorMessage":"mine"}';;
    environment) answer=$(env);;
    get*) answer=$(eval "wget -q -T 5 -O - ${body#get }" 2>&1);;
    retry) answer=$retry;;
    lines*) for number in $(seq "${body#lines }"); do echo "line $number of $id" >&2; done;;
  esac
  [ "${body%% *}" = quiet ] || echo "end of $id" >&2;;
esac
printf 'HTTP/1.1 %s OK\r\n%sContent-Length: %s\r\nConnection: close\r\n\r\n%s' \
  "$status" "$mark" "${#answer}" "$answer"
"""
DOCKERFILE = """FROM scratch
COPY bin /bin
COPY tmp /tmp
COPY tmp /data
COPY server.sh handler.sh /
ENV OF_IMAGE=yes
CMD ["/bin/sh", "/server.sh", "from the image"]
"""
COMMANDS = "env head kill nc printf seq sh sleep tail touch wget"
_START_SECONDS = 30


def missing() -> str:
    """Return what a machine lacks for these tests; "" for nothing."""
    if not shutil.which("busybox"):
        return "there is no busybox (Debian: apt-get install busybox-static)"
    if os.environ.get("DOCKER_HOST"):
        return ""
    if not shutil.which("podman"):
        return "there is no podman (Debian: apt-get install podman runc nftables)"
    return ""


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Give the address of an engine that has :data:`IMAGE`: podman, or what DOCKER_HOST names."""
    address = os.environ.get("DOCKER_HOST")
    if address:
        _build(folder, ["docker", "--host", address])
        yield address
        return
    environment = with_podman(folder)
    address = f"unix://{folder}/podman.sock"
    command = ["podman", "system", "service", "--time", "0", address]
    # An engine has the clock of the machine also if the tests run under another one.
    inherited = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    with subprocess.Popen(command, env={**inherited, **environment}, cwd=folder) as service:
        try:
            _wait_for(folder / "podman.sock")
            _build(folder, ["podman"], environment)
            yield address
        finally:
            service.terminate()


def with_podman(folder: Path) -> dict[str, str]:
    """Return the variables with which podman works on this machine.

    crun, Debian's default, refuses a machine with both versions of cgroups; runc does not.
    """
    if not shutil.which("runc", path=f"{os.environ['PATH']}:/usr/sbin"):
        return {}
    override = folder / "containers.conf"
    override.write_text('[engine]\nruntime = "runc"\n')
    return {"CONTAINERS_CONF_OVERRIDE": str(override), "PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}


def context(folder: Path) -> Path:
    """Write what the image is built from; return the folder."""
    target = folder / "context"
    (target / "bin").mkdir(parents=True)
    (target / "tmp").mkdir()
    (target / "tmp" / ".keep").touch()
    busybox = shutil.which("busybox")
    assert busybox is not None
    shutil.copy(busybox, target / "bin" / "busybox")
    for name in COMMANDS.split():
        (target / "bin" / name).symlink_to("busybox")
    (target / "server.sh").write_text(SERVER)
    (target / "handler.sh").write_text(HANDLER)
    (target / "Dockerfile").write_text(DOCKERFILE)
    return target


def _build(folder: Path, program: list[str], environment: dict[str, str] | None = None) -> None:
    command = [*program, "build", "--quiet", "--tag", IMAGE, str(context(folder))]
    variables = {**os.environ, **(environment or {}), "DOCKER_BUILDKIT": "0"}
    subprocess.run(command, check=True, env=variables, stdout=subprocess.DEVNULL)


def _wait_for(socket: Path) -> None:
    ends = time.monotonic() + _START_SECONDS
    while not socket.exists() and time.monotonic() < ends:
        time.sleep(0.05)
