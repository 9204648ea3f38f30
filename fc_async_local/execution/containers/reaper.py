# SPDX-License-Identifier: MIT
"""Removes the containers of a runtime that was killed: a process at the end of a pipe.

The runtime holds the other end and writes a line when it has removed everything itself. If the pipe
ends without that line, the runtime is gone, and this process removes what has its label. It reads
nothing else, and loads the client of the engine only then.

It also runs podman's service where podman has none: the service must outlive the runtime by the
time that the removal takes.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

DONE: Final = b"done\n"
_PASSES: Final = 3
_SECONDS_BETWEEN: Final = 1.0
"""A container that the runtime asked for in its last moment appears a little later."""


def main(arguments: list[str]) -> None:
    """Wait for the end of standard input, then remove.

    Args:
        arguments: The address of the engine, the run of the runtime, and the file that records the
            run; ``podman`` as a fourth one: run its service at that address.
    """
    address, run, record, *programs = arguments
    services = [_serve(program, address) for program in programs]
    try:
        if sys.stdin.buffer.read() != DONE:
            for _ in range(_PASSES):
                if not asyncio.run(remove(address, run)):
                    return  # the record stays: the next start tries again
                time.sleep(_SECONDS_BETWEEN)
        Path(record).unlink(missing_ok=True)
    finally:
        for service in services:
            service.terminate()
            service.wait()


async def remove(address: str, run: str) -> bool:
    """Remove the containers of a run; return False if its engine does not answer."""
    from fc_async_local.execution.containers.engine import Engine  # noqa: PLC0415 -- see above

    engine = await Engine.connect(address)
    if engine is None:
        return False
    await engine.remove_all(run)
    await engine.aclose()
    return True


def _serve(program: str, address: str) -> subprocess.Popen[bytes]:
    """Run the service of podman, which a terminal's Ctrl-C does not reach."""
    socket = Path(address.removeprefix("unix://"))
    return subprocess.Popen(  # noqa: S603 -- found on the PATH
        [program, "system", "service", "--time", "0", address],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # It writes a file `oom` into its folder if a container exceeds its memory.
        cwd=socket.parent,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
