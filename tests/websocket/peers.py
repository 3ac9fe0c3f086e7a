"""Echoes of every size through PyPI websockets, with and without compression, and orderly ends."""

import asyncio
import importlib.metadata
import sys

import websockets
from websockets.asyncio.client import connect

URL = sys.argv[1]
SIZES = [0, 1, 125, 126, 127, 1000, 30000, 65535, 65536, 500000]


async def echoes(compression):
    options = {"compression": compression, "max_size": None, "open_timeout": 20}
    count = 0
    async with connect(URL + "/large", subprotocols=["tollgate.test"], **options) as ws:
        assert ws.subprotocol == "tollgate.test", ws.subprotocol
        assert bool(ws.protocol.extensions) == bool(compression), ws.protocol.extensions
        for size in SIZES:
            text = ("héllo wörld " * (size // 10 + 1))[:size]
            for message in (text, text.encode()):
                await ws.send(message)
                assert await ws.recv() == message, size
                count += 1
        # In fragments, as an iterable is sent.
        await ws.send(["frag", "ments ", "of é"])
        assert await ws.recv() == "fragments of é"
        for _ in range(100):
            await ws.send("again and again " * 8)
        for _ in range(100):
            assert await ws.recv() == "again and again " * 8
        await (await ws.ping(b"alive?"))
    assert ws.close_code == 1000, ws.close_code
    return count + 101


async def refused():
    async with connect(URL + "/small", max_size=None) as ws:
        await ws.send(b"\0" * 5000)
        try:
            await ws.recv()
            raise AssertionError("taken")
        except websockets.ConnectionClosed as closed:
            assert closed.rcvd.code == 1009, closed


async def main():
    count = 0
    for compression in (None, "deflate"):
        count += await echoes(compression)
    await refused()
    many = await asyncio.gather(*(echoes("deflate") for _ in range(20)))
    version = importlib.metadata.version("websockets")
    print(f"{version}, {count + sum(many)} echoes on {len(many) + 2} connections")


asyncio.run(main())
