"""Records what an MLflow server answers to a fixed set of searches, or compares a server with such a recording.

    python search.py URI --record search.json     # against MLflow's own server
    python search.py URI --compare search.json    # against the server under test

The answers are lists of names in order (or pages of them), or the HTTP status and error code. Everything is
created under a fresh prefix, so that a server may be asked repeatedly. See README.md.
"""

import argparse
import json
import sys
import time
import uuid
from urllib.parse import quote

import requests

from searches import EXPERIMENTS, LOGGED_MODELS, MODEL_VERSIONS, OTHERWISE, REFUSED, REGISTERED_MODELS, RUNS

START = 1_700_000_000_000
STATUSES = ["FINISHED", "FAILED", "RUNNING", "SCHEDULED", "KILLED"]
# Values of `params.path`, by run: backslashes, and quotes that stand once and twice.
PATHS = {
    7: "C:\\tmp",
    8: "x\\",
    9: "a''b",
    13: 'a""b',
    14: "a'b",
    15: "50\\%",
    16: "50\\x",
    17: "a\\\\b",
    18: "a\\'b",
    19: "50%",
    20: "ab",
}
MODELS = ["CNN", "cnn", "RNN", "100%", "under_score", "underXscore", "it's", 'say "hi"']


class Server:
    """Raw calls of the tracking API under one base address."""

    def __init__(self, uri):
        self.base = uri.rstrip("/") + "/api/2.0/mlflow/"
        self.session = requests.Session()

    def ask(self, method, path, body=None):
        """Sends one call: a query for GET, otherwise a JSON body."""
        if method == "GET":
            return self.session.get(self.base + path, params=body, timeout=60)
        return self.session.request(method, self.base + path, json=body, timeout=60)

    def do(self, method, path, body=None):
        """Sends one call that must succeed; its JSON."""
        answer = self.ask(method, path, body)
        if answer.status_code != 200:
            raise RuntimeError(f"{method} {path} {body}: {answer.status_code} {answer.text}")
        return answer.json()


def next_millisecond():
    """Waits until the clock has moved on, so that the order of creation times is the order of calls."""
    start = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 < start + 2:
        pass


def run_data(i):
    """Metrics, params and tags of run `i`."""
    stamp = START + i
    metrics = []
    if i % 7:
        value = {5: "NaN", 11: "Infinity", 12: "-Infinity", 33: "NaN"}.get(i, i / 40)
        metrics.append({"key": "acc", "value": value, "timestamp": stamp, "step": 0})
    if i % 4 == 0:
        for step, value in [(10, 1.0 + i), (2, 500.0), (-3, 900.0), (10, 0.5 + i)]:
            metrics.append({"key": "loss", "value": value, "timestamp": stamp, "step": step})
    if i % 3 == 0:
        metrics.append({"key": "val/f1 score", "value": -float(i), "timestamp": stamp, "step": 0})
    metrics.append({"key": "tie", "value": float(i % 2), "timestamp": stamp, "step": 0})
    params = [{"key": "lr", "value": ["0.1", "0.01", "1e-3", "0.10"][i % 4]}]
    if i % 9:
        params.append({"key": "model", "value": MODELS[i % len(MODELS)]})
    if i % 5 == 0:
        params += [{"key": "a.b", "value": str(i)}, {"key": "with space", "value": f"v {i}"}]
    if i in PATHS:
        params.append({"key": "path", "value": PATHS[i]})
    if i == 3:
        params.append({"key": "empty", "value": ""})
    if i == 4:
        params.append({"key": "größe", "value": "groß"})
    tags = []
    if i % 6:
        tags.append({"key": "team", "value": ["blue", "Blue", "red", "rot"][i % 4]})
    if i % 8 == 0:
        tags.append({"key": "special key", "value": f"s{i}"})
        tags.append({"key": "a/b.c-d", "value": "x"})
    if i % 10 == 0:
        tags.append({"key": "mlflow.note.content", "value": f"note {i} and more"})
    return metrics, params, tags


def fill_runs(server, prefix):
    """Creates the experiments `runs` and `other` with their runs, and `models`; the names by run id."""
    main = server.do("POST", "experiments/create", {"name": prefix + "/runs"})["experiment_id"]
    other = server.do("POST", "experiments/create", {"name": prefix + "/other"})["experiment_id"]
    names = {}
    for i in range(44):
        metrics, params, tags = run_data(i)
        body = {
            "experiment_id": main if i < 40 else other,
            "start_time": START + (i * 17 % 44) * 1000,
            "run_name": f"r{i:02}" if i != 20 else "Run Twenty",
            "user_id": ["ann", "bob", "Ann"][i % 3],
            "tags": tags,
        }
        run = server.do("POST", "runs/create", body)["run"]["info"]["run_id"]
        names[run] = f"r{i:02}"
        server.do("POST", "runs/log-batch", {"run_id": run, "metrics": metrics, "params": params})
        if i % 5 == 1:
            dataset = {"name": f"data{i % 3}", "digest": f"d{i % 2}", "source_type": "local", "source": "{}"}
            context = [{"key": "mlflow.data.context", "value": "training" if i % 2 else "Eval"}]
            server.do("POST", "runs/log-inputs", {"run_id": run, "datasets": [{"dataset": dataset, "tags": context}]})
        update = {"run_id": run, "status": STATUSES[i % 5]}
        if i % 5 < 2:
            update["end_time"] = START + 100_000 + i * 10
        server.do("POST", "runs/update", update)
        if 36 <= i < 40:
            server.do("POST", "runs/delete", {"run_id": run})
    models = server.do("POST", "experiments/create", {"name": prefix + "/models"})["experiment_id"]
    return names, {"main": main, "other": other, "models": models}


def fill_experiments(server, prefix):
    """Creates six experiments, one of them deleted."""
    for name, tags in [
        ("alpha", {"kind": "a", "x y": "1"}),
        ("Beta", {"kind": "b"}),
        ("gamma", {}),
        ("delta_1", {"kind": "A"}),
        ("delta%2", {"kind": "a/b"}),
        ("gone", {"kind": "a"}),
    ]:
        next_millisecond()
        body = {"name": f"{prefix}/e/{name}", "tags": [{"key": k, "value": v} for k, v in tags.items()]}
        made = server.do("POST", "experiments/create", body)["experiment_id"]
        if name == "gone":
            server.do("POST", "experiments/delete", {"experiment_id": made})


def fill_registry(server, prefix, runs):
    """Creates six registered models with up to three versions."""
    run = next(run for run, name in runs.items() if name == "r01")
    for number, name in enumerate(["alpha", "beta", "Gamma", "under_score", "underXscore", "zeta"]):
        next_millisecond()
        full = f"{prefix}-{name}"
        tags = [{"key": "kind", "value": ["a", "b", "A"][number % 3]}] if number != 5 else []
        server.do("POST", "registered-models/create", {"name": full, "tags": tags, "description": name})
        for version in range(number % 4):
            next_millisecond()
            body = {"name": full, "source": f"s3://bucket/{prefix}/{name}/{version}"}
            if version == 1:
                body["run_id"] = run
            if version == 0:
                body["tags"] = [{"key": "stage of", "value": name}, {"key": "ok", "value": "yes"}]
            server.do("POST", "model-versions/create", body)
    server.do("POST", "registered-models/alias", {"name": f"{prefix}-Gamma", "alias": "champion", "version": "1"})


def fill_logged_models(server, prefix, experiments):
    """Creates seven logged models, one failed, one pending and one deleted; their names by id."""
    names = {}
    for i in range(7):
        next_millisecond()
        body = {
            "experiment_id": experiments["models"],
            "name": f"m{i}",
            "model_type": ["Agent", "Classifier"][i % 2],
            "params": [{"key": "depth", "value": str(i)}],
            "tags": [{"key": "kind", "value": ["a", "b", "A"][i % 3]}],
        }
        run = server.do("POST", "runs/create", {"experiment_id": experiments["models"], "start_time": START - i})
        run = run["run"]["info"]["run_id"]
        body["source_run_id"] = run
        made = server.do("POST", "logged-models", body)["model"]["info"]["model_id"]
        names[made] = f"m{i}"
        if i != 3:
            status = "LOGGED_MODEL_UPLOAD_FAILED" if i == 4 else "LOGGED_MODEL_READY"
            server.do("PATCH", f"logged-models/{made}", {"model_id": made, "status": status})
        if i != 2:
            metric = {"key": "acc", "value": (i * 3 % 7) / 10, "timestamp": START, "step": i, "model_id": made}
            if i % 2:
                metric |= {"dataset_name": "train", "dataset_digest": "d1"}
            server.do("POST", "runs/log-metric", metric | {"run_id": run})
        # The value of the greatest step is neither the latest in time nor the last that was logged.
        for step, value, minutes, dataset in [(7, i, 0, "late"), (3, 10 + i, 1, "early"), (1, 20 + i, 2, "early")]:
            if i % 3 != 1:
                stamp = START + minutes * 60_000
                metric = {"key": "loss", "value": value, "timestamp": stamp, "step": step, "model_id": made}
                metric |= {"dataset_name": dataset, "dataset_digest": "d2"}
                server.do("POST", "runs/log-metric", metric | {"run_id": run})
        if i == 6:
            server.do("DELETE", f"logged-models/{quote(made)}")
    return names


def fill(body, marks):
    """The body with its marks (`{prefix}`, `{main}`, `{r05}`) replaced."""
    if isinstance(body, str):
        for mark, value in marks.items():
            body = body.replace("{" + mark + "}", value)
        return body
    if isinstance(body, list):
        return [fill(item, marks) for item in body]
    if isinstance(body, dict):
        return {key: fill(item, marks) for key, item in body.items()}
    return body


def answer_of(server, method, path, body, names):
    """The answer to one search: names in order, pages of names, or `STATUS CODE`."""
    body = dict(body)
    paged = body.pop("pages", False)
    pages = []
    while True:
        got = server.ask(method, path, body)
        if got.status_code != 200:
            try:
                return f"{got.status_code} {got.json().get('error_code')}"
            except ValueError:
                return f"{got.status_code} (not JSON)"
        got = got.json()
        items = next((value for value in got.values() if isinstance(value, list)), [])
        pages.append([names(item) for item in items])
        if not paged:
            return pages[0]
        if not got.get("next_page_token"):
            return pages
        body["page_token"] = got["next_page_token"]


def search(server):
    """Fills the server and asks every search; a list of `[kind, body, answer]`."""
    prefix = "judge-" + uuid.uuid4().hex[:8]
    runs, experiments = fill_runs(server, prefix)
    fill_experiments(server, prefix)
    fill_registry(server, prefix, runs)
    models = fill_logged_models(server, prefix, experiments)
    marks = {"prefix": prefix, **experiments, **{name: run for run, name in runs.items()}}

    def short(name):
        return name.removeprefix(prefix).lstrip("/-").removeprefix("e/")

    kinds = [
        ("runs/search", "POST", RUNS, lambda run: runs.get(run["info"]["run_id"], "?")),
        ("experiments/search", "POST", EXPERIMENTS, lambda item: short(item["name"])),
        ("registered-models/search", "GET", REGISTERED_MODELS, lambda item: short(item["name"])),
        ("model-versions/search", "GET", MODEL_VERSIONS, lambda item: f"{short(item['name'])} {item['version']}"),
        ("logged-models/search", "POST", LOGGED_MODELS, lambda item: models[item["info"]["model_id"]]),
    ]
    return [
        [path, body, answer_of(server, method, path, fill(body, marks), names)]
        for path, method, bodies, names in kinds
        for body in bodies
    ]


def agrees(path, body, expected, answer):
    """Whether an answer is as recorded, or differs on purpose: what MLflow accepts means the same, and what it
    refuses may mean something; what breaks its own server (500) is refused or answered."""
    if answer == expected or [path, body] in OTHERWISE:
        return True
    if str(expected).startswith("400 "):
        return isinstance(answer, list) and body.get("filter") not in REFUSED
    return str(expected).startswith("500 ")


def compare(recorded, came):
    """Prints each difference; how many there are."""
    expected = {json.dumps(entry[:2], sort_keys=True): entry[2] for entry in recorded}
    failed = 0
    for path, body, answer in came:
        key = json.dumps([path, body], sort_keys=True)
        if key not in expected:
            print(f"FAILED {path} {json.dumps(body)}: not in the recording, record it again")
            failed += 1
        elif not agrees(path, body, expected[key], answer):
            print(
                f"FAILED {path} {json.dumps(body, ensure_ascii=False)}\n  expected {expected[key]}\n  came     {answer}"
            )
            failed += 1
    print(f"{len(came) - failed} of {len(came)} searches answered as recorded")
    return failed


def write(came, version, file):
    """Writes the recording, one search a line."""
    lines = ",\n".join("    " + json.dumps(entry, ensure_ascii=False) for entry in came)
    with open(file, "w", encoding="utf-8") as out:
        out.write(f'{{\n  "mlflow": {json.dumps(version)},\n  "searches": [\n{lines}\n  ]\n}}\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("uri")
    parser.add_argument("--record", metavar="FILE")
    parser.add_argument("--compare", metavar="FILE")
    options = parser.parse_args()
    came = search(Server(options.uri))
    if options.record:
        version = requests.get(options.uri.rstrip("/") + "/version", timeout=60).text
        write(came, version, options.record)
    elif options.compare:
        with open(options.compare, encoding="utf-8") as recorded:
            return 1 if compare(json.load(recorded)["searches"], came) else 0
    else:
        for entry in came:
            print(json.dumps(entry, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
