"""A connection to a server that a test can cut and mend, so that the server is away for one client alone."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import Self


class Cable:
    """Forwards its own port to another one while it is plugged in."""

    def __init__(self, target: int) -> None:
        self.target = target
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}
        self._thread = threading.Thread(target=self._loop.run_forever)
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self.plug()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def plug(self) -> None:
        asyncio.run_coroutine_threadsafe(self._plug(), self._loop).result()

    def cut(self) -> None:
        """Nothing is accepted any more, and what is open breaks."""
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result()

    async def _plug(self) -> None:
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._open:
            writer.transport.abort()
        await asyncio.gather(*(task for task in self._open.values() if task is not None))

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[writer] = asyncio.current_task()
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        self._open[far_writer] = None
        await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))
        del self._open[writer], self._open[far_writer]

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        writer.close()
