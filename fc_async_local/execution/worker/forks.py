# SPDX-License-Identifier: MIT
"""The fork server: a warm, single-threaded interpreter that forks instances and buries them.

The runtime asks over a control socket, one JSON line a message: ``{"op": "spawn", "id": n}`` with
two file descriptors (the instance's socket and the end of its log pipe) or ``{"op": "kill", "id":
n}``. The answers are ``{"id": n, "pid": p}`` and, after the end, ``{"id": n, "exit": status,
"peak_kb": k}``.

Between the fork server and each instance stands a keeper, a process that waits for the instance
and ends as it ended: a function that kills its parent kills its own keeper.

Invariants:
    * Whatever an instance has started dies with it, even if it changed its session: the fork server
      is the subreaper of all of them (prctl(2), PR_SET_CHILD_SUBREAPER).
    * An instance dies with its keeper, and all keepers die with the fork server.
    * When the runtime ends, however it ends, the socket closes and all processes are killed.
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
from typing import Any, Final, NamedTuple

from . import instance, linux

_FDS_PER_SPAWN: Final = 2
_READ: Final = 65536
_PID_BYTES: Final = 8
_EX_SOFTWARE: Final = 70  # sysexits.h
_NOT_FORKED: Final = 1 << 16  # no status of waitpid is that large


class _Forked(NamedTuple):
    """The two processes of one instance."""

    keeper: int
    pid: int


class ForkServer:
    """State of the server: which instances live."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._forked: dict[int, _Forked] = {}  # by id
        self._ids: dict[int, int] = {}  # keeper's pid -> id
        self._descriptors: list[int] = []
        self._unread = b""
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._ending = False

    def run(self) -> None:
        """Serve until the runtime closes the socket or SIGTERM comes."""
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        signal.set_wakeup_fd(self._wake_writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._on_term)
        gc.freeze()  # what is here now is shared with all instances and never collected
        try:
            while not self._ending:
                ready, _, _ = select.select([self._control, self._wake_reader], [], [])
                if self._wake_reader in ready:
                    with contextlib.suppress(BlockingIOError):
                        self._wake_reader.recv(_READ)
                    self._bury()
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
            return False  # the runtime was killed and had not read everything
        self._descriptors += descriptors
        if not data:
            return False
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))
        return True

    def _obey(self, message: dict[str, Any]) -> None:
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
            self._tell({"id": key, "exit": _NOT_FORKED + (error.errno or 0), "peak_kb": 0})
            keeper = -1
        if keeper == 0:
            os.close(pid_reader)
            self._become_keeper(parent, pid_writer, sock, log)
        for descriptor in (pid_writer, sock, log):
            os.close(descriptor)
        if keeper > 0:
            # Comes at once; nothing comes if the keeper was killed, which is told by its end.
            told = os.read(pid_reader, _PID_BYTES)
            pid = int.from_bytes(told, sys.byteorder, signed=True) if told else keeper
            self._forked[key] = _Forked(keeper, pid)
            self._ids[keeper] = key
            if pid > 0:
                self._tell({"id": key, "pid": pid})
        os.close(pid_reader)

    def _become_keeper(self, parent: int, pid_writer: int, sock: int, log: int) -> None:
        """Fork the instance, tell its pid or why there is none, end as it ends. Never returns."""
        try:
            os.setsid()
            # A crash is told by its status; a dump would only fill the disk and take time.
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            linux.die_with_parent(parent, signal.SIGKILL)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            for own in (self._control, self._wake_reader, self._wake_writer):
                own.close()
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

    def _tell(self, message: dict[str, int]) -> None:
        # A runtime that is gone is noticed by the next read.
        with contextlib.suppress(OSError):
            self._control.sendall(json.dumps(message).encode() + b"\n")

    def _kill(self, forked: _Forked) -> None:
        if forked.pid > 0:
            self._kill_group(forked.pid)
        with contextlib.suppress(OSError):
            os.kill(forked.keeper, signal.SIGCONT)  # a function may have stopped it

    def _kill_group(self, pid: int) -> None:
        # ``pid`` may not have reached setsid yet: then it is killed alone, and is alone.
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(OSError):
                kill(pid, signal.SIGKILL)

    def _bury(self) -> None:
        """Take the status of everything that ended, end what it left behind, and tell."""
        ended = []
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            key = self._ids.pop(pid, None)
            if key is None:
                continue
            forked = self._forked.pop(key)
            if forked.pid < 0:
                ended.append({"id": key, "exit": _NOT_FORKED - forked.pid, "peak_kb": 0})
                continue
            # It has ended unless its keeper was killed; its process group may live in any case.
            self._kill_group(forked.pid)
            scale = 1024 if sys.platform == "darwin" else 1
            ended.append({"id": key, "exit": status, "peak_kb": usage.ru_maxrss // scale})
        for orphan in linux.children(os.getpid()):
            # Only a dead instance's descendants come here: a living one adopts its own.
            if orphan not in self._ids:
                self._kill_group(orphan)
        for message in ended:
            self._tell(message)

    def _kill_all(self) -> None:
        for forked in self._forked.values():
            self._kill(forked)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait4(-1, 0)
                for orphan in linux.children(os.getpid()):
                    self._kill_group(orphan)


def _end_like(status: int) -> None:
    """End this process as another one ended. Never returns."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        with contextlib.suppress(OSError):  # SIGKILL has no handler
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


def serve(control_fd: int) -> None:
    """Run the server on an inherited socket."""
    linux.adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.set_inheritable(control_fd, False)
    ForkServer(socket.socket(fileno=control_fd)).run()
