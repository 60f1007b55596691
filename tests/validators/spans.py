"""Prints the spans of datagrams as JSON, read by the messages that OpenTelemetry publishes for Python.

    python spans.py FOLDER

A datagram that is not exactly what these messages know is an error: another header, unknown fields, an id of another
length.
"""

import base64
import json
import pathlib
import sys

from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

HEADER = b'{"format":"json","version":1}\nT1S'
# The daemon reads no more at once.
MAX_BYTES = 65_536


def known(message):
    """Whether the message and all in it have only known fields."""
    if len(UnknownFieldSet(message)):
        return False
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            parts = value if field.is_repeated else [value]
            if not all(known(part) for part in parts):
                return False
    return True


def attributes(pairs):
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


def spans(datagram):
    assert datagram.startswith(HEADER), datagram[:40]
    assert len(datagram) < MAX_BYTES, len(datagram)
    request = ExportTraceServiceRequest()
    request.ParseFromString(base64.b64decode(datagram[len(HEADER):], validate=True))
    assert known(request), "unknown fields"
    for of_resource in request.resource_spans:
        resource = attributes(of_resource.resource.attributes)
        for scope in of_resource.scope_spans:
            for span in scope.spans:
                assert (len(span.trace_id), len(span.span_id)) == (16, 8), span
                assert len(span.parent_span_id) in (0, 8), span
                yield {
                    "trace": span.trace_id.hex(),
                    "id": span.span_id.hex(),
                    "parent": span.parent_span_id.hex(),
                    "function": resource["service.name"],
                    "name": span.name,
                    "kind": span.kind,
                    "start": span.start_time_unix_nano,
                    "end": span.end_time_unix_nano,
                    "attributes": attributes(span.attributes),
                    "failed": span.status.code == Status.STATUS_CODE_ERROR,
                }


files = sorted(pathlib.Path(sys.argv[1]).glob("*.udp"))
print(json.dumps([span for file in files for span in spans(file.read_bytes())]))
