"""Two public rankings of passwords, the most common first: {"packages": FOLDER} gives two lists."""

import gzip
import pathlib
import sys

import tooling


def main(request):
    packages = pathlib.Path(request["packages"])
    sys.path.insert(0, str(packages))
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    with gzip.open(packages / "django/contrib/auth/common-passwords.txt.gz", "rt", encoding="utf-8") as file:
        django = [line.rstrip("\n") for line in file]
    return {"Django": django, "zxcvbn": list(FREQUENCY_LISTS["passwords"])}


tooling.run(main)
