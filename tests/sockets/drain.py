"""SIGTERM: every client is told 1001, over a while, and `$disconnect` fires for each."""

import os
import signal
import threading
import time

from support import address, events, wait
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

CLIENTS = 40
clients = [connect(address()) for _ in range(CLIENTS)]
ends = []


def follow(client):
    try:
        client.recv(30)
    except ConnectionClosed as closed:
        ends.append((time.monotonic(), closed.rcvd.code if closed.rcvd else None))


threads = [threading.Thread(target=follow, args=(it,)) for it in clients]
for thread in threads:
    thread.start()
os.kill(int(os.environ["NODE_PID"]), signal.SIGTERM)
for thread in threads:
    thread.join(30)
assert [code for _, code in ends] == [1001] * CLIENTS, ends
spread = max(at for at, _ in ends) - min(at for at, _ in ends)
assert spread > 0.4, f"all were closed within {spread:.2f} s"
told = wait("$disconnect of all", lambda: len(events("DISCONNECT")) == CLIENTS and events("DISCONNECT"))
assert {it["requestContext"]["disconnectStatusCode"] for it in told} == {1001}
print(f"done: {CLIENTS} clients were closed over {spread:.2f} s")
