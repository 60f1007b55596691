"""Starts the AWS emulator with five adjustments to the pinned version.

1. Nagle's algorithm is off in its Lambda Runtime API: it writes headers and body apart, and the
   second write would wait 40 ms for an acknowledgement, on every request.
2. What functions print goes to the file FUNCTIONS_LOG at once, one JSON object a line. The
   emulator itself keeps it until an invocation ends and shows nothing of a failed start.
3. A request's source address is where its connection comes from, as on AWS. The emulator itself
   believes what the client writes into X-Forwarded-For.
4. Text messages are also kept as files, next to the mails of the local mail server. The emulator itself
   keeps them in its memory, without their time.
5. Alarms look at the metrics of functions as soon as these are there, and only at those that have the
   dimensions of the alarm. The emulator itself looks at alarms only when somebody sends a metric, and mixes
   the metrics of all functions.
"""

import json
import logging
import os
import socketserver
import sys
import threading
import time
import types


class FunctionsLog:
    """Appends lines of functions to the file that `cargo xtask logs` reads."""

    def __init__(self, path):
        self._file = open(path, "a", buffering=1, encoding="utf-8")
        self._lock = threading.Lock()

    def write(self, function, line):
        entry = {"at": int(time.time() * 1000), "function": function, "line": line}
        with self._lock:
            self._file.write(json.dumps(entry) + "\n")


class Tee:
    """A process's output stream that is copied to the log while it is read."""

    def __init__(self, stream, function, log):
        self._stream, self._function, self._log = stream, function, log

    def readline(self):
        raw = self._stream.readline()
        if raw:
            self._log.write(self._function, raw.decode("utf-8", errors="replace").rstrip("\r\n"))
        return raw

    def close(self):
        self._stream.close()


class Failures(logging.Handler):
    """Timeouts and failed starts, which the emulator knows and the function does not."""

    def __init__(self, log):
        super().__init__(level=logging.WARNING)
        self._log = log

    def emit(self, record):
        # Both messages of interest begin with the function's name as an argument.
        function = record.args[0] if record.args and isinstance(record.args, tuple) else "emulator"
        self._log.write(str(function), f"{record.levelname}: {record.getMessage()}")


class Texts:
    """The text messages to one number: each is written to a file, and passed on to the emulator's list."""

    folder = None
    log_for = None
    _count = 0

    def __init__(self, number):
        self._number = number

    def append(self, record):
        Texts.log_for(self._number).append(record)
        Texts._count += 1
        os.makedirs(self.folder, exist_ok=True)
        name = f"{time.time_ns():020}-{Texts._count}.sms"
        partial = os.path.join(self.folder, f".{name}")
        with open(partial, "w", encoding="utf-8") as file:
            json.dump({"to": self._number, "text": record["Message"]}, file)
        # Readers of the folder see whole messages only.
        os.rename(partial, os.path.join(self.folder, name))


def main():
    Texts.folder = os.environ.pop("MAILBOX")
    log = FunctionsLog(os.environ.pop("FUNCTIONS_LOG"))
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True

    from ministack import app
    from ministack.core.lambda_runtime import ProvidedWorker
    from ministack.services import apigateway_v1, cloudwatch, sns

    Texts.log_for, sns._sms_log_for = sns._sms_log_for, Texts

    pump = ProvidedWorker._pump_output

    def pump_and_log(worker, stream, lines):
        pump(worker, Tee(stream, worker.func_name, log), lines)

    ProvidedWorker._pump_output = pump_and_log
    for name in ("lambda", "lambda_runtime"):
        logging.getLogger(name).addHandler(Failures(log))

    build_event = apigateway_v1._build_lambda_event_v1

    def build_event_of_this_machine(*arguments, **options):
        event = build_event(*arguments, **options)
        # It listens on the loopback address, which other machines cannot reach.
        event["requestContext"]["identity"]["sourceIp"] = "127.0.0.1"
        # The address of the local API has no stage in it.
        event["requestContext"]["path"] = event["path"]
        return event

    apigateway_v1._build_lambda_event_v1 = build_event_of_this_machine

    evaluate = cloudwatch._evaluate_alarm

    def evaluate_own(alarm):
        wanted = cloudwatch._dims_key(cloudwatch._dims_from_list(alarm.get("Dimensions", [])))
        own = {key: points for key, points in list(cloudwatch._metrics.items()) if key[2] == wanted}
        # The same code with other metrics: to exchange those of the module would disturb other threads.
        types.FunctionType(evaluate.__code__, {**vars(cloudwatch), "_metrics": own})(alarm)

    cloudwatch._evaluate_alarm = evaluate_own
    record_metric = cloudwatch.record_metric

    def record_and_look(*arguments, **options):
        record_metric(*arguments, **options)
        cloudwatch._evaluate_all_alarms()

    cloudwatch.record_metric = record_and_look

    sys.argv = ["ministack"]
    app.main()


if __name__ == "__main__":
    main()
