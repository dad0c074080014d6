"""Stands in for a voice framework: samples in binary messages both ways, and ``clear`` where an answer is interrupted.

What is loud is speech, and 200 ms of silence end it; then it talks for two seconds, all at once. It takes the arguments
that the peers' servers take, and like them it prints its port and ends with its standard input.
"""

import asyncio
import sys
from array import array

from websockets.asyncio.server import ServerConnection, serve

LOUD = 1000
QUIET = 10
"""Frames."""
ANSWER = bytes(960)


async def converse(socket: ServerConnection) -> None:
    loop = asyncio.get_running_loop()
    quiet, speaking, until = 0, False, 0.0
    async for message in socket:
        assert isinstance(message, bytes)
        assert len(message) == 640, "20 ms at 16 kHz"
        if max(array("h", message)) > LOUD:
            if not speaking and loop.time() < until:
                until = 0.0
                await socket.send("clear")
            quiet, speaking = 0, True
        elif speaking and (quiet := quiet + 1) >= QUIET:
            speaking, until = False, loop.time() + 2
            for _ in range(100):
                await socket.send(ANSWER)


async def main() -> None:
    async with serve(converse, "127.0.0.1", 0, compression=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await reader.read()


if __name__ == "__main__":
    if "broken" in sys.argv:
        sys.exit("there is nothing to serve with")
    asyncio.run(main())
