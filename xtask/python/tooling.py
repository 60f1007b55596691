"""How the scripts speak with xtask: a JSON request on stdin, JSON lines on stdout.

{"step": "..."} names the current step, {"result": ...} ends a successful run,
{"error": "...", "hint": "..."} ends a failed one. Nothing else is printed, no traceback either.
"""

import json
import os
import sys
import traceback


class Failure(Exception):
    """Something the developer can mend: what happened, and what to do."""

    def __init__(self, message, hint):
        super().__init__(message)
        self.hint = hint


def pause():
    """Seconds between two looks at a change that AWS makes."""
    return 0.2 if os.environ.get("AWS_ENDPOINT_URL") else 3


def say(**line):
    print(json.dumps(line, default=str), flush=True)


def run(work):
    try:
        say(result=work(json.load(sys.stdin)))
    except Failure as failure:
        say(error=str(failure), hint=failure.hint)
        sys.exit(1)
    except Exception as error:  # a traceback helps nobody who called `cargo xtask`
        where = traceback.extract_tb(error.__traceback__)[-1]
        say(
            error=f"{type(error).__name__}: {error}",
            hint=f"raised in {where.name} ({where.filename}:{where.lineno})",
        )
        sys.exit(1)
