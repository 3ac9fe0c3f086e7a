"""$disconnect comes behind the message that was being served, whoever ends the connection."""

from support import address, events, management, wait
from websockets.sync.client import connect


def served(number):
    message = wait("the long message", lambda: [it for it in events("MESSAGE") if it["body"] == "long"][number - 1 :])
    return message[0]["requestContext"]["connectionId"]


# The client leaves without a word.
client = connect(address())
client.send("long")
served(1)
client.socket.close()
wait("$disconnect", lambda: events("DISCONNECT"))
# A back end closes it.
client = connect(address())
client.send("long")
management().delete_connection(ConnectionId=served(2))
wait("$disconnect", lambda: len(events("DISCONNECT")) == 2)
over = wait("both messages", lambda: len(events("SERVED")) == 2 and events("SERVED"))
assert not any(it["requestContext"]["overlapped"] for it in over), over
print("done")
