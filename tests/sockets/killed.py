"""kill -9 of the owner: calls end within 2 s with 410 or 504, other connections go on."""

import os
import signal
import time

from botocore.exceptions import ClientError
from support import address, management
from websockets.sync.client import connect

NODES = os.environ["NODES"].split()


def identity(client):
    client.send('{"action":"who"}')
    return client.recv(10)


clients = [connect(address(node)) for node in NODES]
ids = [identity(client) for client in clients]
backs = [management(node) for node in NODES]
os.kill(int(os.environ["VICTIM_PID"]), signal.SIGKILL)
slowest = 0
for _ in range(3):
    for back in backs[:2]:
        began = time.monotonic()
        try:
            back.post_to_connection(ConnectionId=ids[2], Data=b"x")
            raise SystemExit("a dead node takes a message")
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            assert status in (410, 504), error.response
        slowest = max(slowest, time.monotonic() - began)
assert slowest < 2.5, slowest
for owner in (0, 1):
    backs[1 - owner].post_to_connection(ConnectionId=ids[owner], Data=b"still here")
    assert clients[owner].recv(10) == "still here"
print(f"done: the slowest answer for a dead node took {slowest:.2f} s")
