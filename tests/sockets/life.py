"""A client's life: connect, messages both ways, @connections, the end."""

import json

from support import address, events, management, wait
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

# Refused: the status and the body are the function's, and nothing opens.
try:
    connect(address() + "?token=wrong")
    raise SystemExit("a refused handshake opened")
except InvalidStatus as error:
    assert error.response.status_code == 403, error.response
    assert error.response.body == b"no", error.response.body

client = connect(address() + "?token=right&a=1&a=2", subprotocols=["old", "new"], user_agent_header="suite/1")
assert client.subprotocol == "new", client.subprotocol
event = events("CONNECT")[-1]
assert event["multiValueQueryStringParameters"]["a"] == ["1", "2"], event
assert event["stageVariables"] == {"colour": "blue"}, event
assert event["headers"]["User-Agent"] == "suite/1", event
assert event["requestContext"]["identity"] == {"userAgent": "suite/1", "sourceIp": "127.0.0.1"}, event
connection = event["requestContext"]["connectionId"]

# Two-way, by $default: text that is no JSON, and a key that no route has.
client.send("who")
assert client.recv(10) == connection
client.send('{"action":"nobody"}')
assert client.recv(10) == 'echo {"action":"nobody"}'
# One-way: nothing comes back, so the next answer is that of the next message.
client.send('{"action":"quiet"}')
client.send("after")
assert client.recv(10) == "echo after"
message = events("MESSAGE")[-2]
assert message["requestContext"]["routeKey"] == "quiet", message
assert message["requestContext"]["messageId"] and "headers" not in message, message
# What fails is told in a frame.
client.send('{"action":"broken"}')
error = json.loads(client.recv(10))
assert error["message"] == "Internal server error" and error["connectionId"] == connection, error

# Back ends: what is known, a message, the end.
back = management()
model, passed, wire = back.meta.service_model, set(), {}


def answered(operation, answer):
    """The reply has every member of the model, and no other."""
    shape = model.operation_model(operation).output_shape
    members = shape.members if shape else {}
    assert set(answer) - {"ResponseMetadata"} == set(members), answer
    names = {member.serialization.get("name", name) for name, member in members.items()}
    assert set(wire.pop("members")) == names, (operation, names)
    passed.add(operation)


def seen(response_dict, **_):
    wire["members"] = json.loads(response_dict["body"] or b"{}")


back.meta.events.register("before-parse.apigatewaymanagementapi", seen)
known = back.get_connection(ConnectionId=connection)
answered("GetConnection", known)
assert known["Identity"] == {"SourceIp": "127.0.0.1", "UserAgent": "suite/1"}, known
assert known["ConnectedAt"] <= known["LastActiveAt"], known
for number in range(100):
    back.post_to_connection(ConnectionId=connection, Data=f"post {number}".encode())
for number in range(100):
    assert client.recv(10) == f"post {number}"
back.post_to_connection(ConnectionId=connection, Data="é".encode() * 60_000)
assert client.recv(10) == "é" * 60_000
answered("PostToConnection", back.post_to_connection(ConnectionId=connection, Data=b"\xff\x00"))
assert client.recv(10) == b"\xff\x00"
answered("DeleteConnection", back.delete_connection(ConnectionId=connection))
back.meta.events.unregister("before-parse.apigatewaymanagementapi", seen)
print(f"apigatewaymanagementapi: operations passed: {len(passed)} of {len(model.operation_names)} in the model")
try:
    client.recv(10)
    raise SystemExit("a deleted connection goes on")
except ConnectionClosed as closed:
    assert closed.rcvd.code == 1000, closed

# Gone, at once, in whatever form the id is.
gone = 0
for identity in (connection, connection[:-1] + ("A" if connection[-1] != "A" else "B"), "L0SM9/OFvHcCIhw="):
    for call, more in (
        (back.get_connection, {}),
        (back.post_to_connection, {"Data": b"x"}),
        (back.delete_connection, {}),
    ):
        try:
            call(ConnectionId=identity, **more)
            raise SystemExit(f"{identity} is there")
        except back.exceptions.GoneException:
            gone += 1
assert gone == 9, gone

# Another API's address does not reach it either.
client = connect(address())
client.send("who")
connection = client.recv(10)
try:
    management(stage="*").post_to_connection(ConnectionId=connection, Data=b"x")
    raise SystemExit("another stage reaches it")
except Exception as error:
    assert "post_to_connection" in str(error) or "PostToConnection" in str(error), error

# The end is told with its code and reason.
client.close(4001, "had enough")
last = wait("$disconnect", lambda: [it for it in events("DISCONNECT") if it["requestContext"]["connectionId"] == connection])
assert last[0]["requestContext"]["disconnectStatusCode"] == 4001, last
assert last[0]["requestContext"]["disconnectReason"] == "had enough", last
assert len(events("DISCONNECT")) == 2
print("done")
