"""Experiments, runs, metrics and datasets."""

import math
import re
import time

import mlflow
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.tracking import MlflowClient

from checks import KEPT, WHOLE, fresh, parsed

MAX = 1.7976931348623157e308


def experiments(check):
    client = MlflowClient()
    default = client.get_experiment("0")
    check.equal("experiment 0 is Default", (default.name, default.lifecycle_stage), ("Default", "active"))
    name = fresh("ünï/é")
    made = client.create_experiment(name, tags={"a": "1", "with space/ü": "x"})
    check.true("an experiment's id is text of digits", made.isdigit(), made)
    got = client.get_experiment(made)
    check.equal("get: name, stage", (got.name, got.lifecycle_stage), (name, "active"))
    check.equal("get: tags", got.tags, {"a": "1", "with space/ü": "x"})
    check.equal("get: artifact location", got.artifact_location, f"mlflow-artifacts:/{made}")
    now = time.time() * 1000
    check.true("get: created now", abs(got.creation_time - now) < 60_000, got.creation_time)
    check.equal("get: updated when created", got.last_update_time, got.creation_time)
    check.equal("get-by-name", client.get_experiment_by_name(name).experiment_id, made)
    check.equal("get-by-name of none", client.get_experiment_by_name(fresh("none")), None)
    check.code("create twice", lambda: client.create_experiment(name), "RESOURCE_ALREADY_EXISTS")
    check.code("get of none", lambda: client.get_experiment("999999999"), "RESOURCE_DOES_NOT_EXIST")
    client.set_experiment_tag(made, "a", "2")
    client.set_experiment_tag(made, "b", "x" * 20000)
    tags = client.get_experiment(made).tags
    check.equal("set tag, again", (tags["a"], len(tags["b"])), ("2", 20000))
    client.delete_experiment_tag(made, "b")
    check.equal("delete tag", sorted(client.get_experiment(made).tags), ["a", "with space/ü"])
    check.code("delete tag of none", lambda: client.delete_experiment_tag(made, "b"), "RESOURCE_DOES_NOT_EXIST")
    for key in ("a//b", "/a", "..", "a#b", 'a"b', "a\n"):
        wrong = "INVALID_PARAMETER_VALUE"
        check.code(f"a tag called {key!r}", lambda key=key: client.set_experiment_tag(made, key, "x"), wrong)
    since = client.get_experiment(made).last_update_time
    client.set_experiment_tag(made, "later", "told")
    check.equal("a tag is no update", client.get_experiment(made).last_update_time, since)
    renamed = fresh("renamed")
    client.rename_experiment(made, renamed)
    check.equal("rename", client.get_experiment(made).name, renamed)
    check.equal("the old name is free", client.get_experiment_by_name(name), None)
    other = client.create_experiment(name)
    check.true(
        "rename to a name that is taken",
        check.ask("POST", "experiments/update", {"experiment_id": other, "new_name": renamed}).status_code == 400,
    )
    check.refused("a name of spaces alone", "POST", "experiments/create", {"name": "  "})
    spaced = f" {fresh('spaced')} "
    for time_of in ("first", "second"):
        check.equal(f"a name with spaces around it, the {time_of} time", mlflow.set_experiment(spaced).name, spaced)
    location = client.create_experiment(fresh("placed"), artifact_location="mlflow-artifacts:/placed/here")
    check.equal(
        "an artifact location of one's own",
        client.get_experiment(location).artifact_location,
        "mlflow-artifacts:/placed/here",
    )


def experiments_deleted(check):
    client = MlflowClient()
    name = fresh("deleted")
    made = client.create_experiment(name)
    run = client.create_run(made).info.run_id
    gone = client.create_run(made).info.run_id
    client.delete_run(gone)
    client.delete_experiment(made)
    check.equal("delete", client.get_experiment(made).lifecycle_stage, "deleted")
    check.equal("get-by-name finds the deleted one", client.get_experiment_by_name(name).experiment_id, made)
    check.equal("its runs are deleted", client.get_run(run).info.lifecycle_stage, "deleted")
    check.code("its name stays taken", lambda: client.create_experiment(name), "RESOURCE_ALREADY_EXISTS")
    check.code("no run in it", lambda: client.create_run(made), "INVALID_PARAMETER_VALUE")
    check.code("delete twice", lambda: client.delete_experiment(made), "RESOURCE_DOES_NOT_EXIST")
    renamed = check.ask("POST", "experiments/update", {"experiment_id": made, "new_name": fresh("x")})
    check.ours(
        "no rename",
        (renamed.status_code, parsed(renamed).get("error_code")),
        (400, "INVALID_PARAMETER_VALUE"),
        (500, "INVALID_STATE"),
        "the client tries again for minutes after a 500",
    )
    active = client.search_experiments(view_type=ViewType.ACTIVE_ONLY, filter_string=f"name = '{name}'")
    deleted = client.search_experiments(view_type=ViewType.DELETED_ONLY, filter_string=f"name = '{name}'")
    both = client.search_experiments(view_type=ViewType.ALL, filter_string=f"name = '{name}'")
    check.equal("search by view", (len(active), len(deleted), len(both)), (0, 1, 1))
    check.equal("a search finds no active run", client.search_runs([made]), [])
    client.restore_experiment(made)
    check.equal("restore", client.get_experiment(made).lifecycle_stage, "active")
    check.equal("its runs are restored", client.get_run(run).info.lifecycle_stage, "active")
    check.equal("also one that was deleted before", client.get_run(gone).info.lifecycle_stage, "active")
    check.code("restore twice", lambda: client.restore_experiment(made), "RESOURCE_DOES_NOT_EXIST")


def experiments_search(check):
    client = MlflowClient()
    prefix = fresh("s")
    names = [f"{prefix}/{i}" for i in range(5)]
    for i, name in enumerate(names):
        client.create_experiment(name, tags={"odd": str(i % 2)})
    mine = f"name LIKE '{prefix}/%'"

    def found(**options):
        return [got.name for got in client.search_experiments(**{"filter_string": mine, **options})]

    check.equal("order by name", found(order_by=["name ASC"]), names)
    check.equal("order by name, descending", found(order_by=["name DESC"]), names[::-1])
    check.equal("by tag", found(filter_string=mine + " AND tags.odd = '1'", order_by=["name"]), names[1::2])
    check.equal("ILIKE", found(filter_string=mine.upper().replace("NAME LIKE", "name ILIKE"), order_by=["name"]), names)
    page = client.search_experiments(filter_string=mine, max_results=2, order_by=["name"])
    pages = [[got.name for got in page]]
    while page.token:
        page = client.search_experiments(filter_string=mine, max_results=2, order_by=["name"], page_token=page.token)
        pages.append([got.name for got in page])
    check.equal("pages", pages, [names[:2], names[2:4], names[4:]])
    check.code("a wrong filter", lambda: found(filter_string="nothing = 'x'"), "INVALID_PARAMETER_VALUE")


def runs(check):
    client = MlflowClient()
    experiment = client.create_experiment(fresh("runs"))
    made = client.create_run(experiment, start_time=1234, tags={"t": "v"}, run_name="first")
    run = made.info.run_id
    check.true("a run's id is 32 hex digits", re.fullmatch("[0-9a-f]{32}", run), run)
    check.equal(
        "create: status, start, end",
        (made.info.status, made.info.start_time, made.info.end_time),
        ("RUNNING", 1234, None),
    )
    check.equal("create: tags", made.data.tags, {"t": "v", "mlflow.runName": "first"})
    check.equal("create: artifact uri", made.info.artifact_uri, f"mlflow-artifacts:/{experiment}/{run}/artifacts")
    unnamed = client.create_run(experiment)
    check.true(
        "a run without a name gets one",
        re.fullmatch("[a-z]+-[a-z]+(-[0-9]+)?", unnamed.info.run_name),
        unnamed.info.run_name,
    )
    check.equal("… as its tag", unnamed.data.tags["mlflow.runName"], unnamed.info.run_name)
    tagged = client.create_run(experiment, tags={"mlflow.runName": "by tag"})
    check.equal("a name by tag", tagged.info.run_name, "by tag")
    check.refused(
        "two names that differ",
        "POST",
        "runs/create",
        {"experiment_id": experiment, "run_name": "a", "tags": [{"key": "mlflow.runName", "value": "b"}]},
    )
    client.update_run(run, status="FAILED", name="second")
    got = client.get_run(run)
    check.equal(
        "update", (got.info.status, got.info.run_name, got.data.tags["mlflow.runName"]), ("FAILED", "second", "second")
    )
    client.set_terminated(run, "FINISHED", end_time=5678)
    got = client.get_run(run).info
    check.equal("set terminated", (got.status, got.end_time, got.start_time), ("FINISHED", 5678, 1234))
    client.set_tag(run, "mlflow.runName", "third")
    check.equal("a new name by tag", client.get_run(run).info.run_name, "third")
    client.set_tag(run, "ключ/a b.c-d:e", "wert ✓ 😀")
    client.set_tag(run, "n", 5)
    client.set_tag(run, "empty", "")
    tags = client.get_run(run).data.tags
    check.equal(
        "tags: unicode, numbers, empty", (tags["ключ/a b.c-d:e"], tags["n"], tags["empty"]), ("wert ✓ 😀", "5", "")
    )
    client.delete_tag(run, "n")
    check.true("delete tag", "n" not in client.get_run(run).data.tags)
    check.code("delete tag of none", lambda: client.delete_tag(run, "n"), "RESOURCE_DOES_NOT_EXIST")
    client.delete_tag(run, "mlflow.runName")
    got = client.get_run(run)
    check.equal("delete the tag of the name", (got.info.run_name, got.data.tags.get("mlflow.runName")), ("third", None))
    check.code("… twice", lambda: client.delete_tag(run, "mlflow.runName"), "RESOURCE_DOES_NOT_EXIST")
    client.update_run(run, name="fourth")
    check.equal("… named anew", client.get_run(run).data.tags.get("mlflow.runName"), "fourth")
    note = "mlflow.note.content"
    check.code("delete notes of none", lambda: client.delete_tag(run, note), "RESOURCE_DOES_NOT_EXIST")
    client.set_tag(run, note, "")
    check.equal("empty notes", client.get_run(run).data.tags.get(note), "")
    client.delete_tag(run, note)
    check.equal("… deleted", client.get_run(run).data.tags.get(note), None)
    client.delete_run(run)
    check.equal("delete", client.get_run(run).info.lifecycle_stage, "deleted")
    check.equal("delete twice", client.delete_run(run), None)
    for name, call in [
        ("metric", lambda: client.log_metric(run, "m", 1)),
        ("param", lambda: client.log_param(run, "p", 1)),
        ("tag", lambda: client.set_tag(run, "t", 1)),
        ("update", lambda: client.update_run(run, name="x")),
        ("batch", lambda: client.log_batch(run, tags=[RunTag("a", "b")])),
    ]:
        check.code(f"a deleted run takes no {name}", call, "INVALID_PARAMETER_VALUE")
    found = [got.info.run_id for got in client.search_runs([experiment], run_view_type=ViewType.DELETED_ONLY)]
    check.equal("search of deleted runs", found, [run])
    check.equal("search of all runs", len(client.search_runs([experiment], run_view_type=ViewType.ALL)), 3)
    client.restore_run(run)
    check.equal("restore", client.get_run(run).info.lifecycle_stage, "active")
    check.equal("restore twice", client.restore_run(run), None)
    check.code("get of none", lambda: client.get_run("0" * 32), "RESOURCE_DOES_NOT_EXIST")
    check.code("delete of none", lambda: client.delete_run("0" * 32), "RESOURCE_DOES_NOT_EXIST")


def runs_fluent(check):
    name = fresh("fluent")
    experiment = mlflow.set_experiment(name).experiment_id
    check.equal("set_experiment again", mlflow.set_experiment(name).experiment_id, experiment)
    with mlflow.start_run(run_name="parent", description="*note*", log_system_metrics=False) as parent:
        mlflow.log_params({"a": 1, "b": None, "c": [1, 2], "d/e": 0.1})
        mlflow.log_metrics({"x": 1.5, "y/z": 2}, step=3)
        mlflow.set_tags({"k": "v"})
        with mlflow.start_run(run_name="child", nested=True) as child:
            mlflow.log_param("inner", True)
    got = mlflow.get_run(parent.info.run_id)
    check.equal("params", got.data.params, {"a": "1", "b": "None", "c": "[1, 2]", "d/e": "0.1"})
    check.equal("metrics", got.data.metrics, {"x": 1.5, "y/z": 2.0})
    check.equal("description", got.data.tags["mlflow.note.content"], "*note*")
    check.equal("status", got.info.status, "FINISHED")
    inner = mlflow.get_run(child.info.run_id)
    check.equal("nested run", inner.data.tags["mlflow.parentRunId"], parent.info.run_id)
    check.equal("get_parent_run", mlflow.get_parent_run(child.info.run_id).info.run_id, parent.info.run_id)
    children = MlflowClient().search_runs([experiment], f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    check.equal("children by search", [found.info.run_name for found in children], ["child"])
    try:
        with mlflow.start_run(run_name="raises") as broken:
            raise ValueError("broken")
    except ValueError:
        check.equal("a run that raises", mlflow.get_run(broken.info.run_id).info.status, "FAILED")
    with mlflow.start_run(run_id=parent.info.run_id):
        mlflow.log_metric("x", 2.5, step=4)
    check.equal("a run taken up again", mlflow.get_run(parent.info.run_id).data.metrics["x"], 2.5)
    frame = mlflow.search_runs([experiment], order_by=["attributes.run_name DESC"])
    check.equal("search as a frame", list(frame["tags.mlflow.runName"])[-1], "child")
    check.equal("… its missing metric is NaN", math.isnan(frame["metrics.x"].iloc[-1]), True)


def params(check):
    client = MlflowClient()
    experiment = client.create_experiment(fresh("params"))
    run = client.create_run(experiment).info.run_id
    client.log_param(run, "a", 1)
    check.equal("the same value again", client.log_param(run, "a", "1"), "1")
    check.code("another value", lambda: client.log_param(run, "a", 2), "INVALID_PARAMETER_VALUE")
    check.equal("… keeps the first", client.get_run(run).data.params, {"a": "1"})
    client.log_param(run, "größe/x y.z-1:b", "wert ✓")
    client.log_param(run, "empty", "")
    client.log_param(run, "long", "v" * 6000)
    client.log_param(run, "longer", "v" * 6001)
    # A script may log its configuration again and again.
    for _ in range(2):
        client.log_param(run, "longest", "v" * 70_000)
        client.log_batch(run, params=[Param("longest in a batch", "v" * 70_000)])
    client.set_tag(run, "longest", "v" * 70_000)
    tags = client.get_run(run).data.tags
    got = client.get_run(run).data.params
    check.equal("unicode, slash, empty", (got["größe/x y.z-1:b"], got["empty"]), ("wert ✓", ""))
    check.equal("6000 characters", len(got["long"]), 6000)
    check.ours("6001 characters", len(got["longer"]), 6001, 6000, WHOLE)
    check.ours("70,000 characters are cut", len(got["longest"]), KEPT, 6000, WHOLE)
    check.ours("… in a batch", len(got["longest in a batch"]), KEPT, 6000, WHOLE)
    check.ours("… of a tag", len(tags["longest"]), KEPT, 8000, WHOLE)
    changed = "w" * 70_000
    check.code("another long value", lambda: client.log_param(run, "longest", changed), "INVALID_PARAMETER_VALUE")
    client.log_param(run, "k" * 250, "x")
    check.code("a key of 251", lambda: client.log_param(run, "k" * 251, "x"), "INVALID_PARAMETER_VALUE")
    client.log_batch(run, params=[Param(f"p{i}", str(i)) for i in range(100)])
    check.equal("a batch of 100", client.get_run(run).data.params["p99"], "99")
    client.log_batch(run, params=[Param("p1", "1"), Param("new", "1")])
    check.equal("a batch that repeats", client.get_run(run).data.params["new"], "1")
    bad = [Param("p1", "changed"), Param("newer", "1")]
    rest = {"tags": [RunTag("t", "x")], "metrics": [Metric("m", 1, 1, 1)]}
    check.code("a batch that changes one", lambda: client.log_batch(run, params=bad, **rest), "INVALID_PARAMETER_VALUE")
    after = client.get_run(run).data
    check.equal("… writes nothing", ("newer" in after.params, "t" in after.tags, after.metrics), (False, False, {}))
    doubled = [Param("twice", "1"), Param("twice", "2")]
    same = [Param("twice", "1"), Param("twice", "1")]
    check.code("a key twice with one value", lambda: client.log_batch(run, params=same), "INVALID_PARAMETER_VALUE")
    check.code("a key twice in a batch", lambda: client.log_batch(run, params=doubled), "INVALID_PARAMETER_VALUE")


def metrics(check):
    client = MlflowClient()
    experiment = client.create_experiment(fresh("metrics"))
    run = client.create_run(experiment).info.run_id
    client.log_metric(run, "a", 1.5)
    point = client.get_metric_history(run, "a")[0]
    check.equal("step is 0 where none is given", (point.step, point.value), (0, 1.5))
    check.true("the time is now", abs(point.timestamp - time.time() * 1000) < 60_000, point.timestamp)
    values = [(3, 10, 3.0), (1, 20, 1.0), (-5, 30, -5.0), (3, 11, 3.5), (3, 11, 3.25), (2, 40, 2.0)]
    client.log_batch(run, metrics=[Metric("m", value, stamp, step) for step, stamp, value in values])
    check.equal("latest is by step, time, value", client.get_run(run).data.metrics["m"], 3.5)

    def history(key):
        return [(point.step, point.timestamp, point.value) for point in client.get_metric_history(run, key)]

    check.equal("history is by time, step, value", history("m"), sorted(values, key=lambda v: (v[1], v[0], v[2])))
    client.log_batch(run, metrics=[Metric("m", 3.0, 10, 3), Metric("m", 9.0, 1, 4)])
    check.equal("a point logged twice stands once", len(history("m")), 7)
    check.equal("a greater step wins over time", client.get_run(run).data.metrics["m"], 9.0)
    for key, value, stored in [("nan", math.nan, math.nan), ("inf", math.inf, MAX), ("ninf", -math.inf, -MAX)]:
        client.log_metric(run, key, value, step=1, timestamp=5)
        why = "infinity is kept, where MLflow stores the greatest double"
        check.ours(f"{key} in runs/get", client.get_run(run).data.metrics[key], value, stored, why)
        check.ours(f"{key} in history", history(key), [(1, 5, value)], [(1, 5, stored)], why)
    client.log_batch(run, metrics=[Metric("tie", 1, 1, 1), Metric("tie", math.nan, 1, 1)])
    check.equal("a number wins over NaN in a tie", client.get_run(run).data.metrics["tie"], 1.0)
    client.log_batch(run, metrics=[Metric("below", -1, 1, 1), Metric("below", math.nan, 1, 1)])
    check.equal("NaN counts as 0 in a tie", client.get_run(run).data.metrics["below"], math.nan)
    client.log_batch(run, metrics=[Metric("thrice", 1, 1, 1)] * 3)
    check.equal("a point thrice in one batch stands once", len(history("thrice")), 1)
    client.log_batch(run, metrics=[Metric("late", 1, 1, 1), Metric("late", math.nan, 1, 2)])
    check.equal("NaN at a later step is latest", client.get_run(run).data.metrics["late"], math.nan)
    client.log_metric(run, "Ошибка/val f1.x-y:z", 1e-300)
    check.equal("unicode, slash, tiny", client.get_run(run).data.metrics["Ошибка/val f1.x-y:z"], 1e-300)
    client.log_metric(run, "steps", 1, step=2**63 - 1, timestamp=2**53)
    client.log_metric(run, "steps", 2, step=-(2**63), timestamp=0)
    check.equal("the greatest and least step", history("steps"), [(-(2**63), 0, 2.0), (2**63 - 1, 2**53, 1.0)])
    client.log_metric(run, "exact", 0.1 + 0.2)
    check.equal("every bit of a double", client.get_run(run).data.metrics["exact"], 0.1 + 0.2)
    check.code("time below zero", lambda: client.log_metric(run, "w", 1, timestamp=-1), "INVALID_PARAMETER_VALUE")
    check.equal("history of none", client.get_metric_history(run, "none"), [])


def metrics_again(check):
    client = MlflowClient()
    run = client.create_run(client.create_experiment(fresh("again"))).info.run_id
    points = [Metric("loss", step / 7, 1_000 + step, step) for step in range(5000)]
    for start in range(0, 5000, 1000):
        client.log_batch(run, metrics=points[start : start + 1000])
    for start in (0, 2000, 4500):
        client.log_batch(run, metrics=points[start : start + 1000])
    history = [(point.step, point.value) for point in client.get_metric_history(run, "loss")]
    check.equal("points that are sent again stand once", history, [(m.step, m.value) for m in points])


def metrics_many(check):
    client = MlflowClient()
    experiment = client.create_experiment(fresh("many"))
    run = client.create_run(experiment).info.run_id
    client.log_batch(run, metrics=[Metric("m", float(i), i, i) for i in range(1000)])
    got = client.get_metric_history(run, "m")
    check.equal("a batch of 1000", [point.value for point in got], [float(i) for i in range(1000)])
    pages, token = [], None
    while True:
        body = {"run_id": run, "metric_key": "m", "max_results": 300} | ({"page_token": token} if token else {})
        page = check.ask("GET", "metrics/get-history", body).json()
        pages.append([point["step"] for point in page["metrics"]])
        token = page.get("next_page_token")
        if not token:
            break
    check.equal("history in pages", pages, [list(range(i, min(i + 300, 1000))) for i in (0, 300, 600, 900)])
    other = client.create_run(experiment).info.run_id
    client.log_batch(other, metrics=[Metric("m", 7.0, 1, 1), Metric("m", math.nan, 2, 2)])
    answer = check.ask("GET", "/ajax-api/2.0/mlflow/metrics/get-history-bulk", {"run_id": [other], "metric_key": "m"})
    first = {"key": "m", "run_id": other, "step": 1, "timestamp": 1, "value": 7.0}
    check.equal("get-history-bulk", answer.json()["metrics"][0], first)
    answer = check.ask(
        "GET",
        "/ajax-api/2.0/mlflow/metrics/get-history-bulk",
        {"run_id": [run, other], "metric_key": "m", "max_results": 1001},
    )
    check.equal("get-history-bulk of two, cut", len(answer.json()["metrics"]), 1001)
    for base in ("", "/ajax-api/2.0/mlflow/"):
        path = base + "metrics/get-history-bulk-interval"
        got = check.ask(
            "GET", path, {"run_ids": [run, other], "metric_key": "m", "start_step": 10, "end_step": 19}
        ).json()
        check.equal(
            "interval: within steps " + base,
            [(m["run_id"], m["step"]) for m in got["metrics"]],
            [(run, i) for i in range(10, 20)],
        )
    got = check.ask(
        "GET", "metrics/get-history-bulk-interval", {"run_ids": [run], "metric_key": "m", "max_results": 10}
    ).json()
    steps = [point["step"] for point in got["metrics"]]
    check.equal(
        "interval: sampled, with first and last",
        (steps[0], steps[1], steps[-1], steps == sorted(set(steps)), len(steps)),
        (0, 100, 999, True, 10),
    )
    same = client.create_run(experiment).info.run_id
    client.log_batch(same, metrics=[Metric("m", float(at), at, 0) for at in range(1000)])
    for most, expected in ((4, [0.0, 250.0, 500.0, 999.0]), (1, [999.0])):
        asked = {"run_ids": [same], "metric_key": "m", "max_results": most}
        got = check.ask("GET", "metrics/get-history-bulk-interval", asked).json()
        check.equal(f"interval: {most} of points at one step", [m["value"] for m in got["metrics"]], expected)
    check.equal(
        "interval: of none",
        check.ask("GET", "metrics/get-history-bulk-interval", {"run_ids": [run], "metric_key": "no"}).json(),
        {},
    )


def logged_async(check):
    client = MlflowClient()
    experiment = client.create_experiment(fresh("async"))
    run = client.create_run(experiment).info.run_id
    for step in range(200):
        client.log_metric(run, "m", step / 2, step=step, timestamp=step, synchronous=False)
    waiting = [
        client.log_param(run, "p", "v", synchronous=False),
        client.set_tag(run, "t", "v", synchronous=False),
        client.log_batch(run, metrics=[Metric("b", 1.0, 1, 1)], params=[Param("q", "w")], synchronous=False),
    ]
    for operation in waiting:
        operation.wait()
    mlflow.flush_async_logging()
    got = client.get_run(run).data
    check.equal("params", got.params, {"p": "v", "q": "w"})
    check.equal("tag", got.tags["t"], "v")
    check.equal("latest", got.metrics, {"m": 99.5, "b": 1.0})
    check.equal(
        "every point", [point.value for point in client.get_metric_history(run, "m")], [step / 2 for step in range(200)]
    )


def datasets(check):
    import pandas

    client = MlflowClient()
    experiment = mlflow.set_experiment(fresh("datasets")).experiment_id
    frame = pandas.DataFrame({"x": [1.0, 2.0], "y": [0, 1]})
    data = mlflow.data.from_pandas(frame, source="https://example.org/d.csv", name="ü data", targets="y")
    with mlflow.start_run() as run:
        mlflow.log_input(data, context="training", tags={"extra": "1"})
        mlflow.log_input(data, context="again")
        mlflow.log_inputs([mlflow.data.from_pandas(frame[["x"]], name="second")], ["eval"], [None])
    inputs = client.get_run(run.info.run_id).inputs.dataset_inputs
    check.equal("two datasets, one logged twice", sorted(i.dataset.name for i in inputs), ["second", "ü data"])
    first = next(i for i in inputs if i.dataset.name == "ü data")
    check.equal("digest, source type", (first.dataset.digest, first.dataset.source_type), (data.digest, "http"))
    check.equal(
        "source, schema, profile",
        (first.dataset.source, first.dataset.schema, first.dataset.profile),
        tuple(data.to_dict()[k] for k in ("source", "schema", "profile")),
    )
    check.equal(
        "the first tags stay", {t.key: t.value for t in first.tags}, {"mlflow.data.context": "training", "extra": "1"}
    )
    source = mlflow.data.get_source(first)
    check.equal("get_source", source.url, "https://example.org/d.csv")
    found = client.search_runs([experiment], f"dataset.name = 'ü data' AND dataset.digest = '{data.digest}'")
    check.equal("search by dataset", [got.info.run_id for got in found], [run.info.run_id])
    check.equal("search carries inputs", len(found[0].inputs.dataset_inputs), 2)
    answer = check.ask("POST", "/ajax-api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": [experiment]})
    summaries = {
        (s["experiment_id"], s["name"], s["digest"], s.get("context")) for s in answer.json()["dataset_summaries"]
    }
    second = next(i for i in inputs if i.dataset.name == "second")
    wanted = {(experiment, "ü data", data.digest, "training"), (experiment, "second", second.dataset.digest, "eval")}
    check.equal("search-datasets", summaries, wanted)


def search(check):
    client = MlflowClient()
    experiment = client.create_experiment(fresh("search"))
    made = []
    for i in range(12):
        run = client.create_run(
            experiment, start_time=1000 + i, run_name=f"r{i:02}", tags={"even": str(i % 2 == 0)}
        ).info.run_id
        client.log_batch(run, metrics=[Metric("acc", i / 10, 1, 0)], params=[Param("lr", str(i % 3))])
        made.append(run)

    def found(filter_string="", **options):
        return [got.info.run_name for got in client.search_runs([experiment], filter_string, **options)]

    check.equal("newest first", found(), [f"r{i:02}" for i in range(11, -1, -1)])
    check.equal("a filter", found("metrics.acc > 0.5 AND params.lr = '0' AND tags.even = 'True'"), ["r06"])
    check.equal(
        "an order", found(order_by=["params.lr DESC", "metrics.acc ASC"])[:5], ["r02", "r05", "r08", "r11", "r01"]
    )
    check.equal(
        "order by id",
        [r.info.run_id for r in client.search_runs([experiment], order_by=["run_id DESC"])],
        sorted(made, reverse=True),
    )
    page = client.search_runs([experiment], max_results=5, order_by=["attributes.start_time ASC"])
    pages = [[got.info.run_name for got in page]]
    while page.token:
        page = client.search_runs(
            [experiment], max_results=5, order_by=["attributes.start_time ASC"], page_token=page.token
        )
        pages.append([got.info.run_name for got in page])
    check.equal("pages", pages, [[f"r{i:02}" for i in r] for r in (range(5), range(5, 10), range(10, 12))])
    got = client.search_runs([experiment], "run_name = 'r04'")[0]
    check.equal(
        "a found run is whole",
        (got.data.metrics, got.data.params, got.data.tags["even"]),
        ({"acc": 0.4}, {"lr": "1"}, "True"),
    )
    check.code("a wrong filter", lambda: found("metrics.acc >> 1"), "INVALID_PARAMETER_VALUE")
    ids = ", ".join(f"'{run}'" for run in made[:3])
    check.equal("IN", sorted(found(f"run_id IN ({ids})")), ["r00", "r01", "r02"])


SUBJECTS = [
    experiments,
    experiments_deleted,
    experiments_search,
    runs,
    runs_fluent,
    params,
    metrics,
    metrics_again,
    metrics_many,
    logged_async,
    datasets,
    search,
]
