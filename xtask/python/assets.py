"""Takes Swagger UI and ReDoc out of their package into functions/docs/assets/.

pip checks the package against the SHA-256 of requirements.txt. It is not installed: only the files
below are taken.
"""

import pathlib
import subprocess
import sys
import tempfile
import zipfile

import tooling
from tooling import Failure

STATIC = "drf_spectacular_sidecar/static/drf_spectacular_sidecar/"
FILES = [
    "swagger-ui-dist/swagger-ui.css",
    "swagger-ui-dist/swagger-ui-bundle.js",
    "swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt",
    "redoc/bundles/redoc.standalone.js",
    "redoc/bundles/redoc.standalone.js.LICENSE.txt",
]


def main(request):
    folder = pathlib.Path(request["folder"])
    requirements = folder / "requirements.txt"
    # Read first, so that the stamp is what was asked for at this moment.
    wanted = requirements.read_bytes()
    stamp = folder / "fetched.txt"
    stamp.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as download:
        fetch(requirements, download)
        wheels = list(pathlib.Path(download).glob("*.whl"))
        if len(wheels) != 1:
            raise Failure(f"pip downloaded {len(wheels)} packages instead of one", f"name exactly one in {requirements}")
        with zipfile.ZipFile(wheels[0]) as package:
            for name in FILES:
                try:
                    content = package.read(STATIC + name)
                except KeyError as error:
                    raise Failure(
                        f"the package has no {STATIC}{name}",
                        "another version may have it in another folder; correct FILES in xtask/python/assets.py",
                    ) from error
                (folder / name.rsplit("/", 1)[-1]).write_bytes(content)
    stamp.write_bytes(wanted)
    return {"files": len(FILES)}


def fetch(requirements, download):
    pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input"]
    pip += ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    pip += ["--requirement", str(requirements), "--dest", download]
    done = subprocess.run(pip, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(
            f"pip could not download the package of functions/docs/assets/requirements.txt:\n{done.stderr.strip()}",
            "check that a package index is reachable; pip's settings and proxies apply",
        )


tooling.run(main)
