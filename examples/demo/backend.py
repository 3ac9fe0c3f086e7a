"""A back end like any other: a plain HTTP server that knows nothing of the gateway.

Prints the port that it listens on, then serves until it is killed.
"""

import http.server
import json
import time


class Backend(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/slow":
            time.sleep(1)
            return self.answer({"answer": 42})
        if self.path.startswith("/orders/"):
            order = self.path.removeprefix("/orders/")
            return self.answer({"order": order, "came via": self.headers.get("Via")})
        return self.answer({"message": "no such thing"}, 404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer({"received bytes": len(body)}, 201)

    def answer(self, value, status=200):
        body = json.dumps(value).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Says nothing: the gateway logs."""


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend)
print(server.server_port, flush=True)
server.serve_forever()
