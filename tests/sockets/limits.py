"""What a client may not do closes its connection with AWS's codes."""

import os
import urllib.request

from support import address, events, wait
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


def ended(client):
    try:
        while True:
            client.recv(10)
    except ConnectionClosed as closed:
        return closed.rcvd.code


for said, code in ((b"\x00\x01", 1003), ("x" * (32 * 1024 + 1), 1009)):
    client = connect(address())
    client.send(said)
    assert ended(client) == code, code
# In frames that are small enough a message may be longer, but not for ever.
client = connect(address())
client.send(["x" * 30_000] * 4)
assert len(client.recv(10)) == 5 + 120_000
try:
    client.send(["x" * 30_000] * 5)
except ConnectionClosed:
    pass  # The fifth frame is refused by its header, while it is still being sent.
assert ended(client) == 1009
# Nobody says anything: 1001 after the time that is set.
assert ended(connect(address())) == 1001
codes = wait(
    "$disconnect of all",
    lambda: len(events("DISCONNECT")) == 4
    and sorted(it["requestContext"]["disconnectStatusCode"] for it in events("DISCONNECT")),
)
assert codes == [1001, 1003, 1009, 1009], codes
metrics = urllib.request.urlopen(f"http://{os.environ['OPS']}/metrics").read().decode()
for line in (
    "tollgate_websocket_connections_open 0",
    'tollgate_websocket_closed_total{code="1009"} 2',
    'tollgate_websocket_connects_total{api="chat",stage="prod",class="1xx"} 4',
    'tollgate_websocket_messages_total{api="chat",stage="prod",route="$default",outcome="ok"} 1',
):
    assert line in metrics.splitlines(), (line, [it for it in metrics.splitlines() if "websocket" in it])
print("done")
