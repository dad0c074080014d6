"""A worker: a process that serves the connections which its parent (`troupe.services.gateway.workers`) hands it."""

import asyncio
import os
import socket
from contextlib import suppress
from typing import Final

from anyio import create_task_group
from anyio.abc import TaskGroup

from .app import Gateway
from .server import HURRIED, Server, Serving, spare_collector
from .workers import CONNECTION, DRAIN, HURRY, REPORT

MOST: Final = 64
"""Connections that are taken over in one step."""


class WorkerEnd:
    """The worker's end of the control socket.

    Args:
        control: The socket.
        gateway: What it serves.
        serving: How.
    """

    def __init__(self, control: socket.socket, gateway: Gateway, serving: Serving) -> None:
        self._control = control
        self._server = Server(gateway, serving, self._count)
        self._ready = False
        self._taken = 0
        self._open = 0
        self._reporting = False
        self._tasks: TaskGroup

    async def run(self) -> None:
        """Serve what the parent hands over until it says, or shows by its own end, that this is enough."""
        self._control.setblocking(False)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._control, self._obey)
        try:
            async with create_task_group() as self._tasks:
                await self._server.run([], self._be_ready)
                self._tasks.cancel_scope.cancel()
        finally:
            loop.remove_reader(self._control)

    def _obey(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, MOST, MOST)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        if not data:
            asyncio.get_running_loop().remove_reader(self._control)
            self._server.end(patience=0)  # the parent is gone, and nobody will restart or reach this process
        for order in (data[index : index + 1] for index in range(len(data))):
            if order == CONNECTION:
                self._taken += 1
                if descriptors:  # else there was none left for it, and the kernel has closed it
                    connection = socket.socket(fileno=descriptors.pop(0))
                    self._tasks.start_soon(self._adopt, connection)
            elif order == DRAIN:
                self._server.end()
            elif order == HURRY:
                os._exit(HURRIED)
        self._report_soon()

    async def _adopt(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        with suppress(OSError):
            await self._server.adopt(connection)

    def _be_ready(self) -> None:
        spare_collector()
        self._ready = True
        self._report_soon()

    def _count(self, count: int) -> None:
        self._open = count
        self._report_soon()

    def _report_soon(self) -> None:
        if not self._reporting:
            self._reporting = True
            asyncio.get_running_loop().call_soon(self._report)

    def _report(self) -> None:
        try:
            self._control.send(REPORT.pack(self._ready, self._taken, self._open))
        except BlockingIOError:  # the parent has much to read already
            asyncio.get_running_loop().call_later(0.1, self._report)
            return
        except OSError:
            pass  # it is gone; `_obey` sees that, too
        self._reporting = False
