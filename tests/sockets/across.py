"""Every node posts to a connection of every node; one after the other is in order, once each."""

import os
import time

from support import address, management
from websockets.sync.client import connect

NODES = os.environ["NODES"].split()
POSTS = 300


def identity(client):
    client.send('{"action":"who"}')
    return client.recv(10)


clients = [connect(address(node)) for node in NODES]
ids = [identity(client) for client in clients]
backs = [management(node) for node in NODES]
# One poster, through all nodes in turn: what was answered before comes before.
began = time.monotonic()
for number in range(POSTS):
    backs[number % len(backs)].post_to_connection(ConnectionId=ids[0], Data=str(number).encode())
took = time.monotonic() - began
for number in range(POSTS):
    assert clients[0].recv(10) == str(number)
for owner, client in enumerate(clients):
    for back in backs:
        known = back.get_connection(ConnectionId=ids[owner])
        assert known["Identity"]["SourceIp"] == "127.0.0.1", known
        back.post_to_connection(ConnectionId=ids[owner], Data=b"hello")
        assert client.recv(10) == "hello"
        # As long as one may be.
        back.post_to_connection(ConnectionId=ids[owner], Data=b"x" * (128 * 1024))
        assert len(client.recv(10)) == 128 * 1024
# The next node ends it, and it is gone on all.
for owner, client in enumerate(clients):
    backs[(owner + 1) % 3].delete_connection(ConnectionId=ids[owner])
    for back in backs:
        try:
            back.post_to_connection(ConnectionId=ids[owner], Data=b"late")
            raise SystemExit("a closed connection takes a message")
        except back.exceptions.GoneException:
            pass
print(f"done: {POSTS} posts through three nodes in order, {POSTS / took:.0f} a second by one poster")
