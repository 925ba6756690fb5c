"""A TCP proxy that passes all bytes on late: a server far away, on this machine."""

import asyncio
import contextlib
import threading


class DelayingProxy:
    """Listens on a port of its own (`port`) for one server on 127.0.0.1.

    `delay`, seconds each way, may be changed while connections are open. It is a delay only: any
    number of bytes may be on their way at a time.

    ::

        with DelayingProxy(8888, delay=0.1) as proxy:
            ...  # connect to 127.0.0.1:proxy.port
    """

    def __init__(self, server_port, delay=0.0):
        self.server_port, self.delay = server_port, delay
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self):
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    async def _serve(self):
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        self._connections = set()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._ended.wait()
        server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader, writer):
        connection = asyncio.create_task(self._connect(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _connect(self, from_browser, to_browser):
        with contextlib.closing(to_browser), contextlib.suppress(ConnectionError):
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self.server_port)
            with contextlib.closing(to_server):
                await asyncio.gather(
                    self._carry(from_browser, to_server), self._carry(from_server, to_browser)
                )

    async def _carry(self, reader, writer):
        """Pass on what comes, in order, each piece `delay` after it came; then the end."""
        pieces = asyncio.Queue()
        reading = asyncio.create_task(self._read(reader, pieces))
        try:
            while True:
                due, piece = await pieces.get()
                await asyncio.sleep(due - self._loop.time())
                if not piece:
                    return writer.write_eof()
                writer.write(piece)
                await writer.drain()
        finally:
            reading.cancel()

    async def _read(self, reader, pieces):
        piece = None
        while piece != b"":
            with contextlib.suppress(ConnectionError):
                piece = b""  # what a broken connection gives
                piece = await reader.read(65_536)
            pieces.put_nowait((self._loop.time() + self.delay, piece))
