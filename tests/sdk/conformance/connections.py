"""apigatewaymanagementapi: what the gateway says of connections that are not there."""

UNKNOWN = "L0SM9cOFvHcCIhw="


class Connections:
    """The three operations on a connection that is gone, at a stage's own address."""

    def __init__(self, service):
        self.service, self.book = service, service.book

    def run(self):
        for operation, more in (
            ("GetConnection", {}), ("DeleteConnection", {}), ("PostToConnection", {"Data": b"hello"}),
        ):
            refused = self.service.refusal(operation, {"ConnectionId": UNKNOWN, **more})
            self.book.errors.setdefault(operation, set()).add(refused)
            if refused != "GoneException":
                self.book.wrong(operation, f"{refused}, not GoneException")
        large = {"ConnectionId": UNKNOWN, "Data": b"x" * (128 * 1024 + 1)}
        refused = self.service.refusal("PostToConnection", large)
        self.book.errors["PostToConnection"].add(refused)
        if refused != "PayloadTooLargeException":
            self.book.wrong("PostToConnection", f"{refused}, not PayloadTooLargeException")
