# SPDX-License-Identifier: MIT
"""The fork server: a warm, single-threaded interpreter that forks instances and reaps them.

The runtime sends requests over a control socket, one JSON object a line: ``{"op": "spawn", "id":
n}`` with two file descriptors (the instance's socket and the write end of its log pipe), or
``{"op": "kill", "id": n}``. The answers are ``{"id": n, "pid": p}`` and, after the end of the
instance, ``{"id": n, "exit": status, "peak_kb": k}``.

Between the fork server and each instance stands a keeper: a process that waits for the instance
and ends with the same status. A function that kills its parent process kills only its keeper.

Invariants:
    * All descendants of an instance end with it, even if they changed their session: the fork
      server is their subreaper (prctl(2), PR_SET_CHILD_SUBREAPER).
    * An instance ends with its keeper, and all keepers end with the fork server.
    * When the runtime ends for any reason, the socket closes and all processes are killed.
    * The fork server and the keepers never run user code.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import traceback
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from . import instance, linux
from .frames import NOT_FORKED

if TYPE_CHECKING:
    from collections.abc import Iterator

_FDS_PER_SPAWN: Final = 2
_READ: Final = 65536
_PID_BYTES: Final = 8
_EX_SOFTWARE: Final = 70  # sysexits.h


class _Forked(NamedTuple):
    """The two processes of one instance."""

    keeper: int
    pid: int


class ForkServer:
    """Forks instances on request and reports their end.

    Args:
        control: Socket to the runtime.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._forked: dict[int, _Forked] = {}  # by id
        self._ids: dict[int, int] = {}  # keeper's pid -> id
        self._descriptors: list[int] = []
        self._unread = b""
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._ending = False

    def run(self) -> None:
        """Serve until the runtime closes the socket or SIGTERM arrives."""
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        signal.set_wakeup_fd(self._wake_writer.fileno(), warn_on_full_buffer=False)
        # Python writes to the wake-up descriptor only for signals that have a handler.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._on_term)
        gc.freeze()  # a collection would write to, and so copy, the pages that forks share
        try:
            while not self._ending:
                ready, _, _ = select.select([self._control, self._wake_reader], [], [])
                if self._wake_reader in ready:
                    with contextlib.suppress(BlockingIOError):
                        self._wake_reader.recv(_READ)
                    self._reap()
                if self._control in ready and not self._read():
                    break
        finally:
            self._kill_all()

    def _on_term(self, *_: object) -> None:
        self._ending = True

    def _read(self) -> bool:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, _READ, 64)
        except ConnectionResetError:
            return False  # the runtime was killed before it had read everything
        self._descriptors += descriptors
        if not data:
            return False
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._handle(json.loads(line))
        return True

    def _handle(self, message: dict[str, Any]) -> None:
        if message["op"] == "spawn":
            sock, log = self._descriptors[:_FDS_PER_SPAWN]
            del self._descriptors[:_FDS_PER_SPAWN]
            self._spawn(message["id"], sock, log)
        elif message["id"] in self._forked:
            self._kill(self._forked[message["id"]])

    def _spawn(self, key: int, sock: int, log: int) -> None:
        parent = os.getpid()
        pid_reader, pid_writer = os.pipe()
        try:
            keeper = os.fork()
        except OSError as error:
            keeper = -1
            self._send(
                {
                    "id": key,
                    "exit": NOT_FORKED + (error.errno or 0),
                    "peak_kb": 0,
                }
            )
        if keeper == 0:
            os.close(pid_reader)
            self._become_keeper(parent, pid_writer, sock, log)
        for descriptor in (pid_writer, sock, log):
            os.close(descriptor)
        if keeper > 0:
            self._register(key, keeper, pid_reader)
        os.close(pid_reader)

    def _register(self, key: int, keeper: int, pid_reader: int) -> None:
        """Read the instance's pid from its keeper and report it."""
        # The keeper writes at once. If it was killed instead, its own end is reported later.
        data = os.read(pid_reader, _PID_BYTES)
        pid = int.from_bytes(data, sys.byteorder, signed=True) if data else keeper
        self._forked[key] = _Forked(keeper, pid)
        self._ids[keeper] = key
        if pid > 0:
            self._send({"id": key, "pid": pid})

    def _become_keeper(
        self,
        parent: int,
        pid_writer: int,
        sock: int,
        log: int,
    ) -> None:
        """Fork the instance, write its pid or minus the errno, end as it ends. Never returns."""
        try:
            os.setsid()
            # The exit status reports a crash; a core dump would fill the disk and take time.
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            linux.die_with_parent(parent, signal.SIGKILL)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            for end in (self._control, self._wake_reader, self._wake_writer):
                end.close()
            keeper = os.getpid()
            try:
                pid = os.fork()
            except OSError as error:
                pid = -(error.errno or 1)
            if pid == 0:
                os.close(pid_writer)
                self._become_instance(keeper, sock, log)
            os.write(pid_writer, pid.to_bytes(_PID_BYTES, sys.byteorder, signed=True))
            for descriptor in (pid_writer, sock, log):
                os.close(descriptor)
            if pid > 0:
                _end_like(os.waitpid(pid, 0)[1])
        finally:
            os._exit(_EX_SOFTWARE)

    def _become_instance(self, keeper: int, sock: int, log: int) -> None:
        """Turn the fork into an instance. Never returns."""
        status = _EX_SOFTWARE
        try:
            os.setsid()
            linux.die_with_parent(keeper, signal.SIGKILL)
            linux.adopt_orphans()
            os.set_inheritable(sock, False)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.close(log)
            status = instance.run(socket.socket(fileno=sock))
        except BaseException:  # noqa: BLE001 -- nothing may unwind into the server's own frames
            traceback.print_exc()
        finally:
            os._exit(status)

    def _send(self, message: dict[str, int]) -> None:
        # The next read notices that the runtime has ended.
        with contextlib.suppress(OSError):
            self._control.sendall(json.dumps(message).encode() + b"\n")

    def _kill(self, forked: _Forked) -> None:
        if forked.pid > 0:
            self._kill_group(forked.pid)
        with contextlib.suppress(OSError):
            os.kill(forked.keeper, signal.SIGCONT)  # a function may have stopped it

    def _kill_group(self, pid: int) -> None:
        # Before ``pid`` has called setsid there is no such group, and it has no children.
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(OSError):
                kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        """Reap all processes that ended, kill what they left behind, report instances."""
        # Reported last: the runtime may rely on that nothing of the instance is left.
        reports = list(self._ended())
        for orphan in linux.children(os.getpid()):
            # Only descendants of instances that ended come here: a living one is a subreaper.
            if orphan not in self._ids:
                self._kill_group(orphan)
        for report in reports:
            self._send(report)

    def _ended(self) -> Iterator[dict[str, int]]:
        """Reap zombies; yield the reports of those that were keepers."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid in self._ids:
                    key = self._ids.pop(pid)
                    yield {"id": key, **self._end(self._forked.pop(key), status, usage.ru_maxrss)}

    def _end(self, forked: _Forked, status: int, maxrss: int) -> dict[str, int]:
        """Kill the group of an instance whose keeper has ended; return status and peak."""
        if forked.pid < 0:
            return {"exit": NOT_FORKED - forked.pid, "peak_kb": 0}
        # The instance lives on if its keeper was killed, and its process group in any case.
        self._kill_group(forked.pid)
        return {"exit": status, "peak_kb": maxrss // instance.MAXRSS_PER_KB}

    def _kill_all(self) -> None:
        for forked in self._forked.values():
            self._kill(forked)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait4(-1, 0)
                for orphan in linux.children(os.getpid()):
                    self._kill_group(orphan)


def _end_like(status: int) -> None:
    """End this process with the status of another. Never returns."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        with contextlib.suppress(OSError):  # SIGKILL has no handler
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


def serve(control_fd: int) -> None:
    """Run the server on an inherited socket.

    Args:
        control_fd: File descriptor of the socket.
    """
    linux.adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.set_inheritable(control_fd, False)
    ForkServer(socket.socket(fileno=control_fd)).run()
