"""What the subjects of the judge share: checks that print a line each, raw calls, and fresh names."""

import json
import math
import uuid
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import urlsplit

import requests

# Why a long param or tag reads back otherwise than from MLflow's server.
WHOLE = "kept whole up to 64 KiB, and cut there"
KEPT = 65_536


class Checks:
    """Counts and prints checks against the server at `uri`; `mlflow` says that it is MLflow's own, `beside`
    in which folder its own stands, where that is known."""

    def __init__(self, uri, mlflow=False, beside=None):
        self.uri = uri.rstrip("/")
        self.mlflow = mlflow
        self.beside = beside
        self.failed = []
        self.passed = 0
        self.session = requests.Session()
        self.subject = ""

    def equal(self, name, came, expected, also=None):
        """Checks a value; `also` is another one that clients can live with."""
        if same(came, expected) or (also is not None and same(came, also)):
            self._ok(name)
        else:
            wanted = f"{expected!r}" + (f" or {also!r}" if also is not None else "")
            self._failed(name, f"expected {wanted}, came {came!r}")

    def ours(self, name, came, expected, theirs, why):
        """Checks a value in which we differ from MLflow on purpose: its own server must answer `theirs`."""
        if not self.mlflow:
            self.equal(name, came, expected)
        elif same(came, theirs):
            self._ok(name if same(theirs, expected) else f"{name} (differs on purpose: {why})")
        else:
            self._failed(name, f"expected of MLflow {theirs!r}, came {came!r}")

    def true(self, name, holds, came=None):
        """Checks a condition; `came` is shown where it does not hold."""
        if holds:
            self._ok(name)
        else:
            self._failed(name, f"came {came!r}")

    def code(self, name, call, expected):
        """Checks that a call of the client raises an MlflowException with this error code."""
        from mlflow.exceptions import MlflowException

        try:
            answer = call()
        except MlflowException as error:
            self.equal(name, error.error_code, expected)
        else:
            self._failed(name, f"expected the error {expected}, came {answer!r}")

    def refused(self, name, method, path, body=None, status=400, code="INVALID_PARAMETER_VALUE"):
        """Checks the status and error code of a raw call; a message must be there."""
        answer = self.ask(method, path, body)
        error = parsed(answer)
        came = (answer.status_code, error.get("error_code"), bool(error.get("message")))
        self.equal(name, came, (status, code, True))

    def answered(self, name, method, path, body=None, expected=None):
        """Checks that a raw call succeeds, and its JSON if `expected` is given; returns the JSON."""
        answer = self.ask(method, path, body)
        came = parsed(answer)
        if answer.status_code != 200:
            self._failed(name, f"expected 200, came {answer.status_code} {answer.text[:300]}")
        elif expected is None:
            self._ok(name)
        else:
            self.equal(name, came, expected)
        return came

    def ask(self, method, path, body=None, headers=None):
        """One raw call: paths without a leading slash are below `/api/2.0/mlflow/`; `bytes` are sent as they are."""
        url = self.uri + path if path.startswith("/") else f"{self.uri}/api/2.0/mlflow/{path}"
        if method == "GET":
            return self.session.get(url, params=body, headers=headers, timeout=60)
        if isinstance(body, bytes):
            headers = {"Content-Type": "application/json", **(headers or {})}
            return self.session.request(method, url, data=body, headers=headers, timeout=60)
        return self.session.request(method, url, json=body, headers=headers, timeout=60)

    def exact(self, method, path, body=None, headers=None):
        """One call whose path is sent byte for byte, which `requests` would tidy; status, body."""
        parts = urlsplit(self.uri)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.hostname, parts.port, timeout=60)
        headers = dict(headers or {})
        if parts.username:
            basic = requests.auth._basic_auth_str(parts.username, parts.password or "")
            headers["Authorization"] = basic
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        came = answer.status, answer.read()
        connection.close()
        return came

    def crashed(self, error):
        """Notes a subject that ended with an exception."""
        self._failed("runs to its end", f"{type(error).__name__}: {error}")

    def skipped(self, why):
        print(f"skipped {self.subject}: {why}")

    def _ok(self, name):
        self.passed += 1
        print(f"ok {self.subject}: {name}")

    def _failed(self, name, why):
        self.failed.append(name)
        print(f"FAILED {self.subject}: {name}: {why}")


def same(came, expected):
    """Equality in which NaN equals NaN."""
    if isinstance(came, float) and isinstance(expected, float) and math.isnan(came):
        return math.isnan(expected)
    if isinstance(came, dict) and isinstance(expected, dict):
        return came.keys() == expected.keys() and all(same(came[key], expected[key]) for key in came)
    if isinstance(came, (list, tuple)) and type(came) is type(expected):
        return len(came) == len(expected) and all(map(same, came, expected))
    return came == expected


def parsed(answer):
    """The JSON object of an answer, or an empty one."""
    try:
        came = json.loads(answer.text)
    except ValueError:
        return {}
    return came if isinstance(came, dict) else {}


def fresh(word):
    """A name no earlier run of the judge has used."""
    return f"judge-{word}-{uuid.uuid4().hex[:8]}"
