"""Raw calls: the shapes of answers, both bases, and wrong requests with their status and error code."""

import json

from checks import KEPT, WHOLE, fresh, parsed

MISSING = 404, "RESOURCE_DOES_NOT_EXIST"
BULK = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
DATASETS = "/ajax-api/2.0/mlflow/experiments/search-datasets"
PROXY = "/api/2.0/mlflow-artifacts/"


def not_taken(check, name, method, path, body=None, *expected):
    """Refused here with its status and code; MLflow's server refuses it as well, or breaks on it."""
    if not check.mlflow:
        check.refused(name, method, path, body, *expected)
        return
    status = check.ask(method, path, body).status_code
    check.true(name, status >= 400, status)


def shapes(check):
    experiment = check.ask("POST", "experiments/create", {"name": fresh("shapes")}).json()
    check.equal("experiments/create", list(experiment), ["experiment_id"])
    experiment = experiment["experiment_id"]
    got = check.ask("GET", "experiments/get", {"experiment_id": experiment}).json()["experiment"]
    fields = {"experiment_id", "name", "artifact_location", "lifecycle_stage", "last_update_time", "creation_time"}
    check.equal("experiments/get: fields", set(got) - {"workspace"}, fields)
    check.true("int64 is a number", isinstance(got["creation_time"], int), got)
    body = {"experiment_id": experiment, "start_time": "12", "run_name": "r", "user_id": "me"}
    run = check.ask("POST", "runs/create", body).json()["run"]
    uuid = run["info"]["run_id"]
    info = {
        "run_uuid": uuid,
        "experiment_id": experiment,
        "run_name": "r",
        "user_id": "me",
        "status": "RUNNING",
        "start_time": 12,
        "artifact_uri": f"mlflow-artifacts:/{experiment}/{uuid}/artifacts",
        "lifecycle_stage": "active",
        "run_id": uuid,
    }
    check.equal("runs/create: info, int64 as text", run["info"], info)
    check.equal("runs/create: data", run["data"], {"tags": [{"key": "mlflow.runName", "value": "r"}]})
    for value, step in [("NaN", "-3"), ("2.5", "7")]:
        body = {"run_id": uuid, "key": "m", "value": value, "timestamp": "5", "step": step}
        check.answered(f"log-metric of {value}", "POST", "runs/log-metric", body, {})
    got = check.ask("GET", "runs/get", {"run_id": uuid}).json()["run"]
    check.equal("runs/get: metrics", got["data"]["metrics"], [{"key": "m", "value": 2.5, "timestamp": 5, "step": 7}])
    check.equal(
        "runs/get by run_uuid", check.ask("GET", "runs/get", {"run_uuid": uuid}).json()["run"]["info"]["run_id"], uuid
    )
    history = check.ask("GET", "metrics/get-history", {"run_id": uuid, "metric_key": "m"}).json()
    nan = {"key": "m", "value": "NaN", "timestamp": 5, "step": -3}
    check.equal(
        "get-history: NaN is text", history, {"metrics": [nan, {"key": "m", "value": 2.5, "timestamp": 5, "step": 7}]}
    )
    ended = check.ask("POST", "runs/update", {"run_id": uuid, "status": "FINISHED", "end_time": 99}).json()
    check.equal("runs/update", ended, {"run_info": info | {"status": "FINISHED", "end_time": 99}})
    check.equal(
        "a search of none",
        check.ask("POST", "runs/search", {"experiment_ids": ["0"], "filter": "run_name = '~'"}).json(),
        {},
    )
    check.equal("a search of nothing", check.ask("POST", "runs/search", {}).json(), {})
    got = check.ask("GET", "experiments/search", {"max_results": 1}).json()
    check.equal("a search by GET", (len(got["experiments"]), "next_page_token" in got), (1, True))
    name = fresh("shape")
    model = check.ask("POST", "registered-models/create", {"name": name}).json()["registered_model"]
    check.equal("registered model", set(model), {"name", "creation_timestamp", "last_updated_timestamp"})
    version = check.ask("POST", "model-versions/create", {"name": name, "source": "s3://b/x"}).json()["model_version"]
    wanted = {"name": name, "version": "1", "current_stage": "None", "source": "s3://b/x", "status": "READY"}
    check.equal("model version", {key: version.get(key) for key in wanted}, wanted)
    error = check.ask("GET", "runs/get", {"run_id": "0" * 32})
    kind = error.headers["Content-Type"].split(";")[0]
    check.equal("an error is JSON", (kind, {"error_code", "message"} <= set(parsed(error))), ("application/json", True))


def bases(check):
    check.equal("health", (check.ask("GET", "/health").status_code, check.ask("GET", "/health").text), (200, "OK"))
    version = check.ask("GET", "/version")
    check.true("version", version.status_code == 200 and version.text[0].isdigit(), version.text)
    body = {"experiment_id": "0"}
    for base in ("/api/2.0/mlflow/", "/ajax-api/2.0/mlflow/"):
        got = check.answered(f"{base}experiments/get", "GET", base + "experiments/get", body)
        check.equal("… is it", got["experiment"]["name"], "Default")
        got = check.answered(
            f"{base}runs/search", "POST", base + "runs/search", {"experiment_ids": ["0"], "max_results": 1}
        )
    check.equal("no such route", check.ask("GET", "nothing/here").status_code, 404)
    check.equal("a wrong method", check.ask("GET", "runs/create").status_code, 405)
    wrong = check.ask("POST", "runs/search", b"{}", headers={"Content-Type": "text/plain"})
    check.equal(
        "a wrong content type", (wrong.status_code, parsed(wrong).get("error_code")), (400, "INVALID_PARAMETER_VALUE")
    )


def fields(check):
    """Missing fields and wrong types, of every route."""
    experiment = check.ask("POST", "experiments/create", {"name": fresh("fields")}).json()["experiment_id"]
    run = check.ask("POST", "runs/create", {"experiment_id": experiment}).json()["run"]["info"]["run_id"]
    model = fresh("fields")
    check.ask("POST", "registered-models/create", {"name": model})
    check.ask("POST", "model-versions/create", {"name": model, "source": "s3://b/x"})
    whole = [
        ("POST", "experiments/create", {"name": "x"}, ["name"]),
        ("GET", "experiments/get", {"experiment_id": experiment}, ["experiment_id"]),
        ("GET", "experiments/get-by-name", {"experiment_name": "x"}, ["experiment_name"]),
        ("POST", "experiments/update", {"experiment_id": experiment, "new_name": "x"}, ["experiment_id", "new_name"]),
        ("POST", "experiments/delete", {"experiment_id": experiment}, ["experiment_id"]),
        ("POST", "experiments/restore", {"experiment_id": experiment}, ["experiment_id"]),
        (
            "POST",
            "experiments/set-experiment-tag",
            {"experiment_id": experiment, "key": "k", "value": "v"},
            ["experiment_id", "key"],
        ),
        (
            "POST",
            "experiments/delete-experiment-tag",
            {"experiment_id": experiment, "key": "k"},
            ["experiment_id", "key"],
        ),
        ("GET", "runs/get", {"run_id": run}, ["run_id"]),
        ("POST", "runs/update", {"run_id": run}, ["run_id"]),
        ("POST", "runs/delete", {"run_id": run}, ["run_id"]),
        ("POST", "runs/restore", {"run_id": run}, ["run_id"]),
        ("POST", "runs/set-tag", {"run_id": run, "key": "k", "value": "v"}, ["key"]),
        ("POST", "runs/delete-tag", {"run_id": run, "key": "k"}, ["run_id", "key"]),
        ("POST", "runs/log-parameter", {"run_id": run, "key": "k", "value": "v"}, ["key"]),
        (
            "POST",
            "runs/log-metric",
            {"run_id": run, "key": "k", "value": 1, "timestamp": 1},
            ["key", "value", "timestamp"],
        ),
        ("POST", "runs/log-batch", {"run_id": run}, ["run_id"]),
        ("POST", "runs/log-inputs", {"run_id": run}, ["run_id"]),
        ("POST", "runs/log-model", {"run_id": run, "model_json": "{}"}, ["run_id", "model_json"]),
        ("GET", "metrics/get-history", {"run_id": run, "metric_key": "k"}, ["run_id", "metric_key"]),
        ("GET", "artifacts/list", {"run_id": run}, ["run_id"]),
        ("POST", "registered-models/create", {"name": "x"}, ["name"]),
        ("GET", "registered-models/get", {"name": model}, ["name"]),
        ("POST", "registered-models/rename", {"name": model, "new_name": "x"}, ["name", "new_name"]),
        ("PATCH", "registered-models/update", {"name": model}, ["name"]),
        ("DELETE", "registered-models/delete", {"name": model}, ["name"]),
        ("POST", "registered-models/set-tag", {"name": model, "key": "k", "value": "v"}, ["name", "key"]),
        ("DELETE", "registered-models/delete-tag", {"name": model, "key": "k"}, ["name", "key"]),
        (
            "POST",
            "registered-models/alias",
            {"name": model, "alias": "a", "version": "1"},
            ["name", "alias", "version"],
        ),
        ("POST", "registered-models/get-latest-versions", {"name": model}, ["name"]),
        ("POST", "model-versions/create", {"name": model, "source": "s3://b/x"}, ["name", "source"]),
        ("GET", "model-versions/get", {"name": model, "version": "1"}, ["name", "version"]),
        ("PATCH", "model-versions/update", {"name": model, "version": "1"}, ["name", "version"]),
        (
            "POST",
            "model-versions/transition-stage",
            {"name": model, "version": "1", "stage": "None"},
            ["name", "version", "stage"],
        ),
        ("GET", "model-versions/get-download-uri", {"name": model, "version": "1"}, ["name", "version"]),
        ("DELETE", "model-versions/delete", {"name": model, "version": "1"}, ["name", "version"]),
        (
            "POST",
            "model-versions/set-tag",
            {"name": model, "version": "1", "key": "k", "value": "v"},
            ["name", "version", "key"],
        ),
        ("POST", "logged-models", {"experiment_id": experiment}, ["experiment_id"]),
        ("POST", "runs/outputs", {"run_id": run, "models": []}, ["run_id", "models"]),
        ("POST", "logged-models/search", {"experiment_ids": [experiment]}, ["experiment_ids"]),
        ("POST", DATASETS, {"experiment_ids": [experiment]}, ["experiment_ids"]),
        ("GET", BULK, {"run_id": [run], "metric_key": "k"}, ["run_id", "metric_key"]),
        (
            "GET",
            "metrics/get-history-bulk-interval",
            {"run_ids": [run], "metric_key": "k"},
            ["run_ids", "metric_key"],
        ),
    ]
    for method, path, body, needed in whole:
        for field in needed:
            check.refused(
                f"{method} {path} without {field}", method, path, {k: v for k, v in body.items() if k != field}
            )
            if method != "GET" and isinstance(body[field], str):
                check.refused(f"{method} {path} with a number as {field}", method, path, {**body, field: 5})
                for kind, value in [("an object", {}), ("an array", []), ("a bool", True)]:
                    not_taken(check, f"{method} {path} with {kind} as {field}", method, path, {**body, field: value})


def kinds(check):
    """Lists, numbers and words of another kind, of the routes that take them."""
    if check.mlflow:
        check.skipped("what MLflow's own server makes of them is not recorded")
        return
    experiment = check.ask("POST", "experiments/create", {"name": fresh("kinds")}).json()["experiment_id"]
    run = check.ask("POST", "runs/create", {"experiment_id": experiment}).json()["run"]["info"]["run_id"]
    made = check.ask("POST", "logged-models", {"experiment_id": experiment}).json()["model"]["info"]["model_id"]
    logged = "logged-models/" + made
    no_lists = [5, "x", {}, True]
    no_pairs = [*no_lists, [5], ["x"], [{"value": "v"}], [{"key": 5, "value": "v"}], [{"key": "k", "value": []}]]
    for method, path, body, field, values in [
        ("POST", "runs/outputs", {"run_id": run}, "models", [*no_lists, [5], [{}], [{"model_id": 5}]]),
        ("POST", "runs/outputs", {"run_id": run}, "models", [[{"model_id": made, "step": "x"}]]),
        ("POST", "runs/log-inputs", {"run_id": run}, "datasets", [*no_lists, [5], [{}], [{"dataset": 5}]]),
        ("POST", DATASETS, {}, "experiment_ids", [5, {}, True, [5], [[]]]),
        ("GET", BULK, {"run_id": [run], "metric_key": "k"}, "max_results", ["many", "1.5"]),
        ("PATCH", logged, {}, "status", [None, "", "READY", 9, {}, [], True]),
        ("PATCH", logged + "/tags", {}, "tags", no_pairs),
        ("POST", logged + "/params", {}, "params", no_pairs),
        ("POST", "logged-models", {"experiment_id": experiment}, "params", no_pairs),
        ("POST", "runs/log-batch", {"run_id": run}, "tags", no_pairs),
    ]:
        for value in values:
            shown = path.replace(made, "MODEL").rpartition("mlflow/")[2]
            check.refused(f"{method} {shown} with {field} of {value!r}", method, path, {**body, field: value})
    upload = f"{PROXY}mpu/create/{experiment}/{run}/artifacts"
    whole = {"path": "x.bin", "num_parts": 1}
    for name, body in [
        ("no path", {"num_parts": 1}),
        ("no number of parts", {"path": "x.bin"}),
        ("a word as the number", whole | {"num_parts": "x"}),
        ("a list as the number", whole | {"num_parts": []}),
        ("no parts", whole | {"num_parts": 0}),
        ("a number as the path", whole | {"path": 5}),
    ]:
        check.refused(f"mpu/create with {name}", "POST", upload, body)
    got = check.ask("GET", "runs/get", {"run_id": run}).json()["run"]["data"]
    wrote = {pair["key"] for field in ("params", "tags") for pair in got.get(field, [])} & {"k", "5"}
    check.equal("nothing of it was written", wrote, set())


def filters(check):
    """A wrong filter is told where it is wrong and what was expected there."""
    if check.mlflow:
        check.skipped("MLflow's server says it in words of its own, and takes some of them")
        return
    for method, path, text, column, expected in [
        ("POST", "runs/search", "metrics.loss >", 15, "a value was expected"),
        ("POST", "runs/search", "metrics.loss 0.5", 14, ">="),
        ("POST", "runs/search", "metrics.loss > 1 and", 21, 'a condition after "and" was expected'),
        ("POST", "runs/search", "(metrics.loss > 1", 18, '")" was expected'),
        ("POST", "runs/search", "params.lr = '0.1", 13, "the quote is not closed"),
        ("POST", "runs/search", "size = 3", 1, 'there is no field "size"'),
        ("POST", "experiments/search", "(name = 'a'", 12, '")" was expected'),
        ("POST", "logged-models/search", "(name = 'a'", 12, '")" was expected'),
        ("GET", "registered-models/search", "(name = 'a'", 12, '")" was expected'),
        ("GET", "model-versions/search", "(name = 'a'", 12, '")" was expected'),
    ]:
        answer = check.ask(method, path, {"experiment_ids": ["0"], "max_results": 10, "filter": text})
        error = parsed(answer)
        name, message = f"{path} by {text}", error.get("message", "")
        check.equal(name, (answer.status_code, error.get("error_code")), (400, "INVALID_PARAMETER_VALUE"))
        check.true("… says where and what", f"column {column}:" in message and expected in message, message)


def missing(check):
    """What is not there, of every route."""
    none = "0" * 32
    for method, path, body in [
        ("GET", "experiments/get", {"experiment_id": "999999999"}),
        ("GET", "experiments/get-by-name", {"experiment_name": fresh("none")}),
        ("POST", "experiments/update", {"experiment_id": "999999999", "new_name": fresh("none")}),
        ("POST", "runs/create", {"experiment_id": "999999999"}),
        ("GET", "runs/get", {"run_id": none}),
        ("POST", "runs/update", {"run_id": none}),
        ("POST", "runs/delete", {"run_id": none}),
        ("POST", "runs/restore", {"run_id": none}),
        ("POST", "runs/set-tag", {"run_id": none, "key": "k", "value": "v"}),
        ("POST", "runs/log-metric", {"run_id": none, "key": "k", "value": 1, "timestamp": 1}),
        ("POST", "runs/log-parameter", {"run_id": none, "key": "k", "value": "1"}),
        ("POST", "runs/log-batch", {"run_id": none}),
        ("POST", "runs/log-inputs", {"run_id": none}),
        ("POST", "runs/outputs", {"run_id": none, "models": []}),
        ("GET", "logged-models/m-" + none, None),
        ("DELETE", "logged-models/m-" + none, None),
    ]:
        check.refused(f"{method} {path} of none", method, path, body, *MISSING)
    name, version = fresh("none"), {"version": "1"}
    model = "logged-models/m-" + none
    tag = {"key": "k", "value": "v"}
    said = {"artifact_path": "m", "flavors": {}, "utc_time_created": "2026-11-29 11:22:33", "run_id": none}
    for method, path, body in [
        ("POST", "experiments/delete", {"experiment_id": "999999999"}),
        ("POST", "experiments/restore", {"experiment_id": "999999999"}),
        ("POST", "experiments/set-experiment-tag", {"experiment_id": "999999999", **tag}),
        ("POST", "experiments/delete-experiment-tag", {"experiment_id": "999999999", "key": "k"}),
        ("POST", "runs/delete-tag", {"run_id": none, "key": "k"}),
        ("POST", "runs/log-model", {"run_id": none, "model_json": json.dumps(said)}),
        ("GET", "artifacts/list", {"run_id": none}),
        ("GET", "/get-artifact", {"run_id": none, "path": "x"}),
        ("PATCH", model, {"status": "LOGGED_MODEL_READY"}),
        ("PATCH", model + "/tags", {"tags": [tag]}),
        ("DELETE", model + "/tags/k", None),
        ("POST", model + "/params", {"params": [tag]}),
        ("GET", model + "/artifacts/directories", None),
        ("GET", "registered-models/get", {"name": name}),
        ("POST", "registered-models/rename", {"name": name, "new_name": fresh("none")}),
        ("PATCH", "registered-models/update", {"name": name, "description": "x"}),
        ("DELETE", "registered-models/delete", {"name": name}),
        ("POST", "registered-models/get-latest-versions", {"name": name}),
        ("POST", "registered-models/set-tag", {"name": name, **tag}),
        ("DELETE", "registered-models/delete-tag", {"name": name, "key": "k"}),
        ("POST", "registered-models/alias", {"name": name, "alias": "a", **version}),
        ("DELETE", "registered-models/alias", {"name": name, "alias": "a"}),
        ("GET", "registered-models/alias", {"name": name, "alias": "a"}),
        ("POST", "model-versions/create", {"name": name, "source": "s3://b/x"}),
        ("GET", "model-versions/get", {"name": name, **version}),
        ("PATCH", "model-versions/update", {"name": name, "description": "x", **version}),
        ("POST", "model-versions/transition-stage", {"name": name, "stage": "Staging", **version}),
        ("GET", "model-versions/get-download-uri", {"name": name, **version}),
        ("POST", "model-versions/set-tag", {"name": name, **version, **tag}),
        ("DELETE", "model-versions/delete-tag", {"name": name, **version, "key": "k"}),
        ("DELETE", "model-versions/delete", {"name": name, **version}),
    ]:
        not_taken(check, f"{method} {path} of none", method, path, body, *MISSING)
    # Series of runs that are not there are empty, as those of keys that are not.
    for path, body in [
        ("metrics/get-history", {"run_id": none, "metric_key": "k"}),
        (BULK, {"run_id": [none], "metric_key": "k"}),
        ("metrics/get-history-bulk-interval", {"run_ids": [none], "metric_key": "k"}),
    ]:
        answer = check.ask("GET", path, body)
        came = answer.status_code, parsed(answer).get("metrics", [])
        check.true(f"{path} of no run is empty", check.mlflow or came == (200, []), came)
    file = f"{PROXY}artifacts/0/{none}/artifacts/x.txt"
    why = "a file belongs to a run that is there"
    for method, theirs in [("GET", 404), ("PUT", 200), ("DELETE", 200)]:
        status = check.exact(method, file, b"x" if method == "PUT" else None)[0]
        check.ours(f"{method} of a file of no run", status, 404, theirs, why)


def limits(check):
    experiment = check.ask("POST", "experiments/create", {"name": fresh("limits")}).json()["experiment_id"]
    run = check.ask("POST", "runs/create", {"experiment_id": experiment}).json()["run"]["info"]["run_id"]

    def metrics(count):
        return [{"key": "m", "value": i, "timestamp": i, "step": i} for i in range(count)]

    def pairs(count):
        return [{"key": f"k{i}", "value": "v"} for i in range(count)]

    def batch(name, **body):
        check.refused(name, "POST", "runs/log-batch", {"run_id": run, **body})

    batch("1001 metrics", metrics=metrics(1001))
    batch("101 params", params=pairs(101))
    batch("101 tags", tags=pairs(101))
    batch("1001 of all", metrics=metrics(901), params=pairs(100))
    check.answered(
        "1000 of all",
        "POST",
        "runs/log-batch",
        {"run_id": run, "metrics": metrics(800), "params": pairs(100), "tags": pairs(100)},
        {},
    )
    for key in ("k" * 251, "a//b", "/a", ".", "..", "a/../b", "a/", "a#b", "emoji😀", "a\nb", 'a"b', "a%b"):
        batch(f"a metric's key {key[:20]!r}", metrics=[{"key": key, "value": 1, "timestamp": 1}])
        batch(f"a param's key {key[:20]!r}", params=[{"key": key, "value": "1"}])
        if key not in ("a\nb",):
            batch(f"a tag's key {key[:20]!r}", tags=[{"key": key, "value": "1"}])
    batch(
        "one bad of many",
        metrics=[*metrics(10), {"key": "bad#", "value": 1, "timestamp": 1}],
        params=[{"key": "lost", "value": "1"}],
    )
    got = check.ask("GET", "runs/get", {"run_id": run}).json()["run"]["data"]
    check.true("… writes nothing", "lost" not in {p["key"] for p in got["params"]})
    batch("metrics as text", metrics="x")
    batch("params as an object", params={"a": 1})
    batch("a metric without its value", metrics=[{"key": "a", "timestamp": 1}])
    batch("a metric without its time", metrics=[{"key": "a", "value": 1}])
    batch("a param without its key", params=[{"value": "1"}])
    batch("a time below zero", metrics=[{"key": "a", "value": 1, "timestamp": -1}])
    for value in ("word", [], {}):
        body = {"run_id": run, "key": "m", "value": value, "timestamp": 1}
        status = check.ask("POST", "runs/log-metric", body).status_code
        theirs = 400 if isinstance(value, str) else 500
        check.ours(f"a metric's value {value!r}", status, 400, theirs, "MLflow's server breaks on it")
    check.refused("an experiment's name of 501", "POST", "experiments/create", {"name": "n" * 501})
    place = {"name": fresh("placed"), "artifact_location": "s3://bucket/".ljust(2049, "x")}
    check.refused("an artifact location of 2049", "POST", "experiments/create", place)
    tag = {"experiment_id": experiment, "key": "k", "value": "v"}
    check.refused("an experiment's tag key of 251", "POST", "experiments/set-experiment-tag", tag | {"key": "k" * 251})
    check.refused(
        "an experiment's tag of 20001", "POST", "experiments/set-experiment-tag", tag | {"value": "v" * 20001}
    )
    check.refused("a run's tag key of 251", "POST", "runs/set-tag", {"run_id": run, "key": "k" * 251, "value": "v"})
    for size in (8000, 8001):
        check.answered(
            f"a run's tag of {size}", "POST", "runs/set-tag", {"run_id": run, "key": "long", "value": "v" * size}, {}
        )
        tags = {
            t["key"]: t["value"] for t in check.ask("GET", "runs/get", {"run_id": run}).json()["run"]["data"]["tags"]
        }
        check.ours("… is kept", len(tags["long"]), size, 8000, WHOLE)


def long_texts(check):
    """What is longer than is kept is cut, and the request is answered as any: a script goes on."""
    experiment = check.ask("POST", "experiments/create", {"name": fresh("long")}).json()["experiment_id"]
    long = "begins" + "v" * 70_000

    def pairs(key):
        return [{"key": key, "value": long}]

    body = {"experiment_id": experiment, "tags": pairs("new")}
    made = check.answered("a run with a tag", "POST", "runs/create", body)
    run = made["run"]["info"]["run_id"]
    for path, body in [
        ("runs/log-parameter", {"key": "single", "value": long}),
        ("runs/set-tag", {"key": "single", "value": long}),
        ("runs/log-batch", {"params": pairs("batch"), "tags": pairs("batch")}),
    ]:
        check.answered(path, "POST", path, {"run_id": run, **body}, {})
        check.answered(f"{path} again", "POST", path, {"run_id": run, **body}, {})
    data = check.ask("GET", "runs/get", {"run_id": run}).json()["run"]["data"]
    for kind, key, theirs in [
        ("params", "single", 6000),
        ("params", "batch", 6000),
        ("tags", "single", 8000),
        ("tags", "batch", 8000),
        # MLflow's server looks at nothing of these.
        ("tags", "new", len(long)),
    ]:
        kept = {pair["key"]: pair["value"] for pair in data[kind]}.get(key, "")
        check.ours(f"what is kept of {key} among the {kind}", len(kept), KEPT, theirs, WHOLE)
        check.true("… begins as it came", kept != "" and long.startswith(kept), kept[:20])
    # What is compared is what is kept.
    param = {"run_id": run, "key": "single"}
    check.answered("another end behind it", "POST", "runs/log-parameter", param | {"value": long + "!"}, {})
    check.refused("another value", "POST", "runs/log-parameter", param | {"value": "w" + long})
    changed = [{"key": "batch", "value": "w" + long}]
    check.refused("another value in a batch", "POST", "runs/log-batch", {"run_id": run, "params": changed})
    body = {"experiment_id": experiment, "name": "long", "params": pairs("new"), "tags": pairs("new")}
    made = check.answered("a logged model", "POST", "logged-models", body)
    model = made["model"]["info"]["model_id"]
    path = f"logged-models/{model}"
    check.answered("tags of a logged model", "PATCH", path + "/tags", {"tags": pairs("later")})
    check.answered("params of a logged model", "POST", path + "/params", {"model_id": model, "params": pairs("later")})
    got = check.ask("GET", path).json()["model"]
    for kind, list_of in [("params", got["data"]["params"]), ("tags", got["info"]["tags"])]:
        lengths = {pair["key"]: len(pair["value"]) for pair in list_of if pair["key"] in ("new", "later")}
        theirs = dict.fromkeys(("new", "later"), len(long))
        check.ours(f"{kind} of a logged model", lengths, dict.fromkeys(theirs, KEPT), theirs, "cut as a run's are")
    # What MLflow's server refuses.
    name = fresh("long")
    check.answered("a registered model", "POST", "registered-models/create", {"name": name})
    tag = {"name": name, "key": "k", "value": "v" * 100_001}
    check.refused("a registered model's tag of 100,001", "POST", "registered-models/set-tag", tag)


def limits_of_reads(check):
    experiment = check.ask("POST", "experiments/create", {"name": fresh("limits")}).json()["experiment_id"]
    run = check.ask("POST", "runs/create", {"experiment_id": experiment}).json()["run"]["info"]["run_id"]
    for count in (0, -1, 50001):
        check.refused(
            f"runs/search of {count}", "POST", "runs/search", {"experiment_ids": [experiment], "max_results": count}
        )
        check.refused(f"experiments/search of {count}", "POST", "experiments/search", {"max_results": count})
    many = [f"{i:032}" for i in range(101)]
    for count in (0, -1):
        asked = {"run_id": run, "metric_key": "m", "max_results": count}
        check.refused(f"get-history of {count}", "GET", "metrics/get-history", asked)
    for method, path, body in [
        ("GET", "experiments/get", {"experiment_id": "churn"}),
        ("POST", "experiments/delete", {"experiment_id": "churn"}),
        ("POST", "runs/create", {"experiment_id": "churn"}),
        ("POST", "runs/search", {"experiment_ids": ["churn"]}),
        ("POST", "logged-models/search", {"experiment_ids": ["churn"]}),
        ("POST", DATASETS, {"experiment_ids": ["churn"]}),
    ]:
        check.refused(f"{path} of an experiment that is no integer", method, path, body)
    check.refused("get-history-bulk of 101 runs", "GET", BULK, {"run_id": many, "metric_key": "m"})
    check.refused("get-history-bulk of none", "GET", BULK, {"metric_key": "m"})
    check.refused("get-history-bulk of no key", "GET", BULK, {"run_id": [run]})
    interval = "metrics/get-history-bulk-interval"
    for name, body in [
        ("101 runs", {"run_ids": many}),
        ("2501 results", {"run_ids": [run], "max_results": 2501}),
        ("0 results", {"run_ids": [run], "max_results": 0}),
        ("a start alone", {"run_ids": [run], "start_step": 1}),
        ("an end alone", {"run_ids": [run], "end_step": 1}),
        ("an end before the start", {"run_ids": [run], "start_step": 5, "end_step": 1}),
    ]:
        check.refused(f"interval of {name}", "GET", interval, {"metric_key": "m", **body})
    check.refused("search-datasets of none", "POST", DATASETS, {"experiment_ids": []})
    check.refused("search-datasets of 21", "POST", DATASETS, {"experiment_ids": many[:21]})


def broken_bodies(check):
    """What is not a proper request: it is refused or does nothing, and the server lives on."""
    experiment = check.ask("POST", "experiments/create", {"name": fresh("broken")}).json()["experiment_id"]
    run = check.ask("POST", "runs/create", {"experiment_id": experiment}).json()["run"]["info"]["run_id"]
    deep = b"[" * 50_000 + b"]" * 50_000
    for name, body in [
        ("no JSON", b"nope"),
        ("half of JSON", b'{"run_id": "'),
        ("an array", b"[]"),
        ("a number", b"5"),
        ("null", b"null"),
        ("no bytes", b""),
        ("no UTF-8", b'{"run_id": "\xff\xfe"}'),
        ("deep JSON", deep),
    ]:
        for path in ("runs/create", "runs/log-batch", "runs/log-metric", "experiments/create"):
            status = check.ask("POST", path, body).status_code
            # MLflow's server breaks on some of them.
            refused = 400 <= status < 500 or (check.mlflow and status == 500)
            check.true(f"{name} to {path} is refused", refused, status)
    size = 10_000_000
    absurd = check.ask("POST", "runs/set-tag", {"run_id": run, "key": "absurd", "value": "v" * size})
    came = absurd.status_code, parsed(absurd).get("error_code")
    tags = {t["key"]: t["value"] for t in check.ask("GET", "runs/get", {"run_id": run}).json()["run"]["data"]["tags"]}
    kept = tags.get("absurd", "")
    if check.mlflow:
        check.true("a tag of 10 MB is cut, kept or refused", came[0] in (200, 400, 413), came)
        whole = len(kept) in (8000, size) if came[0] == 200 else "absurd" not in tags
        check.true("… and what is kept of it is its own", whole and kept == "v" * len(kept), (came, len(kept)))
    else:
        check.equal("a tag of 10 MB is cut", (*came, len(kept)), (200, None, KEPT))
        check.true("… and what is kept of it is its own", kept == "v" * len(kept), kept[:20])
    many = [{"key": "m", "value": 1, "timestamp": i} for i in range(100_000)]
    status = check.ask("POST", "runs/log-batch", {"run_id": run, "metrics": many}).status_code
    check.true("100,000 metrics in a batch are refused", status in (400, 413), status)
    check.equal("the server lives", check.ask("GET", "/health").text, "OK")
    got = check.ask("GET", "runs/get", {"run_id": run}).json()["run"]["data"]
    check.equal("nothing was written", got.get("metrics"), None)
    check.true(
        "an unknown field is left out",
        check.ask("POST", "runs/set-tag", {"run_id": run, "key": "a", "value": "b", "x": {"y": [1]}}).status_code
        == 200,
    )
    check.true(
        "… at any depth",
        check.ask(
            "POST", "runs/log-batch", json.dumps({"run_id": run, "tags": [{"key": "c", "value": "d", "z": 1}]}).encode()
        ).status_code
        == 200,
    )


SUBJECTS = [shapes, bases, fields, kinds, filters, missing, limits, long_texts, limits_of_reads, broken_bodies]
