"""Runs a Python function: takes events from the Lambda Runtime API and answers them, one by one.

It needs Python 3.9 and nothing but the standard library. It speaks HTTP by itself, because it
talks to one known server over one connection, and http.client would take longer for that than
most handlers run. When the connection is lost the node is gone, and so this process ends.
"""

import importlib
import json
import logging
import os
import socket
import sys
import time
import traceback

ROOT = "/2018-06-01/runtime/"


class ConnectionLost(BaseException):
    """The node is gone. No Exception, so that no handler swallows it."""


class RuntimeApi:
    """One connection to the node."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.address = (host, int(port))
        self.host = address
        self.socket = None
        self.reader = None

    def connect(self):
        self.socket = socket.create_connection(self.address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")

    def call(self, method, path, body=None, error_type=None):
        """Sends a request; returns (status, headers, body)."""
        try:
            if self.socket is None:
                self.connect()
            head = [f"{method} {ROOT}{path} HTTP/1.1", f"Host: {self.host}"]
            if body is not None:
                head.append("Content-Type: application/json")
                head.append(f"Content-Length: {len(body)}")
            if error_type is not None:
                printable = "".join(c if " " <= c <= "~" else "?" for c in error_type)
                head.append(f"Lambda-Runtime-Function-Error-Type: {printable}")
            message = "\r\n".join(head).encode("ascii") + b"\r\n\r\n"
            self.socket.sendall(message if body is None else message + body)
            return self.read()
        except OSError as error:
            raise ConnectionLost(error) from None

    def read(self):
        status_line = self.reader.readline()
        if not status_line:
            raise ConnectionLost("the connection was closed")
        status = int(status_line.split(b" ", 2)[1])
        headers = {}
        while True:
            line = self.reader.readline()
            if line == b"\r\n":
                break
            if not line:
                raise ConnectionLost("the connection was closed")
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", 0))
        body = self.reader.read(length)
        if len(body) < length:
            raise ConnectionLost("the connection was closed")
        if headers.get("connection") == "close":
            self.reader.close()
            self.socket.close()
            self.socket = None
        return status, headers, body


class CognitoIdentity:
    """There is no Cognito here: both are None, as on AWS without it."""

    cognito_identity_id = None
    cognito_identity_pool_id = None


class LambdaContext:
    """The second argument of a handler."""

    def __init__(self, request_id, arn, deadline_ms):
        self.aws_request_id = request_id
        self.invoked_function_arn = arn
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = CognitoIdentity()
        self.client_context = None
        self.tenant_id = None
        self._deadline_ms = deadline_ms

    def get_remaining_time_in_millis(self):
        return max(self._deadline_ms - int(time.time() * 1000), 0)

    def log(self, message):
        sys.stdout.write(str(message))

    def __repr__(self):
        return f"LambdaContext(aws_request_id={self.aws_request_id!r})"


class RequestIdFilter(logging.Filter):
    """Gives every log record the id of the invocation."""

    request_id = ""

    def filter(self, record):
        record.aws_request_id = RequestIdFilter.request_id
        return True


def set_up_logging():
    """Handlers expect that logging works without set-up, as on AWS."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s",
            "%Y-%m-%dT%H:%M:%S",
        )
    )
    handler.formatter.converter = time.gmtime
    handler.addFilter(RequestIdFilter())
    logging.getLogger().addHandler(handler)


class Failure(Exception):
    """A failure that has a name on AWS."""

    def __init__(self, error_type, message):
        super().__init__(message)
        self.error_type = error_type


def load(handler_name):
    """The handler function for `path/module.function`."""
    module_name, dot, function_name = handler_name.rpartition(".")
    if not dot or not module_name or not function_name:
        raise Failure(
            "Runtime.MalformedHandlerName",
            f"Bad handler '{handler_name}': it must be module.function",
        )
    module_name = module_name.replace("/", ".")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise Failure(
            "Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}"
        ) from error
    except SyntaxError as error:
        raise Failure(
            "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}"
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise Failure(
            "Runtime.HandlerNotFound",
            f"Handler '{function_name}' missing on module '{module_name}'",
        )
    return function


def report(error, request_id):
    """An error in the form of AWS: (type, JSON). It is written to the log as well."""
    error_type = getattr(error, "error_type", None) if isinstance(error, Failure) else None
    error_type = error_type or type(error).__name__
    cause = error.__cause__ if isinstance(error, Failure) else error
    frames = traceback.extract_tb(cause.__traceback__) if cause is not None else []
    own = {__file__, importlib.__file__}
    frames = [
        frame
        for frame in frames
        if frame.filename not in own and not frame.filename.startswith("<frozen importlib")
    ]
    stack = traceback.format_list(frames)
    message = str(error)
    print(f"[ERROR] {error_type}: {message}", file=sys.stderr)
    if stack:
        print("Traceback (most recent call last):\n" + "".join(stack), end="", file=sys.stderr)
    body = {
        "errorMessage": message,
        "errorType": error_type,
        "requestId": request_id,
        "stackTrace": stack,
    }
    return error_type, json.dumps(body).encode("ascii")


def plain(value):
    """What json cannot write but AWS does."""
    if type(value).__name__ == "Decimal":
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def encode(result):
    if isinstance(result, bytes):
        return result
    try:
        try:
            return json.dumps(result, ensure_ascii=False, default=plain).encode("utf-8")
        except UnicodeEncodeError:
            return json.dumps(result, default=plain).encode("ascii")
    except Exception as error:
        raise Failure(
            "Runtime.MarshalError", f"Unable to marshal response: {error}"
        ) from error


def run(api, handler):
    """Answers one event."""
    status, headers, event = api.call("GET", "invocation/next")
    if status != 200:
        raise ConnectionLost(f"no event: status {status}")
    request_id = headers.get("lambda-runtime-aws-request-id", "")
    RequestIdFilter.request_id = request_id
    trace_id = headers.get("lambda-runtime-trace-id")
    if trace_id:
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    context = LambdaContext(
        request_id,
        headers.get("lambda-runtime-invoked-function-arn", ""),
        int(headers.get("lambda-runtime-deadline-ms", 0)),
    )
    path = "invocation/" + request_id
    try:
        try:
            event = json.loads(event)
        except ValueError as error:
            raise Failure(
                "Runtime.UnmarshalError", f"Unable to unmarshal input: {error}"
            ) from error
        body = encode(handler(event, context))
    except Exception as error:
        error_type, body = report(error, request_id)
        api.call("POST", path + "/error", body, error_type)
        return
    status, _, _ = api.call("POST", path + "/response", body)
    if status == 413:
        print("[ERROR] the response is too large", file=sys.stderr)


def main():
    root = os.environ["LAMBDA_TASK_ROOT"]
    sys.path[0] = root
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    set_up_logging()
    try:
        try:
            handler = load(os.environ["_HANDLER"])
        except Exception as error:
            error_type, body = report(error, "")
            api.call("POST", "init/error", body, error_type)
            return 1
        while True:
            run(api, handler)
    except ConnectionLost:
        return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of the function must not keep the process.
    os._exit(code)
