"""Judges a server of MLflow's protocol with the unchanged `mlflow` client and raw calls.

    python judge.py URI [--only NAME] [--mlflow] [--beside FOLDER]

Prints a line a check (`ok …`, `FAILED …: what was expected, what came`); the exit code is 1 if any failed.
Everything is created under fresh names, so that a server may be judged repeatedly. See README.md.
"""

import argparse
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
# Small limits, so that a file of a few hundred kilobytes goes up in parts.
os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD"] = "true"
os.environ["MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE"] = "200000"
os.environ["MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE"] = "65536"

import mlflow

import artifacts
import models
import registry
import tracking
import wrong
from checks import Checks

SUBJECTS = [*tracking.SUBJECTS, *artifacts.SUBJECTS, *models.SUBJECTS, *registry.SUBJECTS, *wrong.SUBJECTS]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("uri")
    parser.add_argument("--only", metavar="NAME", help="one of: " + ", ".join(s.__name__ for s in SUBJECTS))
    parser.add_argument("--mlflow", action="store_true", help="the server is MLflow's own: accept where we differ")
    parser.add_argument("--beside", metavar="FOLDER", help="where the server's folder stands")
    options = parser.parse_args()
    chosen = [subject for subject in SUBJECTS if options.only in (None, subject.__name__)]
    if not chosen:
        parser.error(f"no subject is named {options.only}")
    warnings.simplefilter("ignore")
    mlflow.set_tracking_uri(options.uri)
    mlflow.set_registry_uri(options.uri)
    checks = Checks(options.uri, options.mlflow, options.beside and Path(options.beside).resolve())
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for subject in chosen:
            checks.subject = subject.__name__
            began = time.monotonic()
            try:
                subject(checks)
            except Exception as error:  # noqa: BLE001  a subject that breaks must not end the others
                checks.crashed(error)
            while mlflow.active_run():
                mlflow.end_run()
            print(f"   {subject.__name__} took {time.monotonic() - began:.1f} s")
        os.chdir("/")
    took = time.monotonic() - start
    print(f"{checks.passed} ok, {len(checks.failed)} failed in {took:.1f} s, mlflow {mlflow.__version__}")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
