"""Models of scikit-learn and PyTorch, autolog, and the logged models of MLflow 3."""

import importlib.util
import json

import mlflow
import numpy
from mlflow.entities import LoggedModelStatus
from mlflow.tracking import MlflowClient
from sklearn.linear_model import LogisticRegression

from checks import fresh


def fitted():
    """A fitted classifier of eight samples, its data and labels."""
    data = numpy.array([[i, i % 2] for i in range(8)], dtype=float)
    labels = [int(i > 3) for i in range(8)]
    return LogisticRegression().fit(data, numpy.array(labels)), data, labels


def sklearn(check):
    client = MlflowClient()
    experiment = mlflow.set_experiment(fresh("sklearn")).experiment_id
    model, data, labels = fitted()
    signature = mlflow.models.infer_signature(data, model.predict(data))
    options = {"signature": signature, "input_example": data[:2], "pip_requirements": ["scikit-learn"]}
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(model, name="classifier", **options)
    check.true("log_model: the model's uri", info.model_uri == f"models:/{info.model_id}", info.model_uri)
    for name, uri in [("its uri", info.model_uri), ("runs:/", f"runs:/{run.info.run_id}/classifier")]:
        check.equal(f"load_model by {name}", mlflow.sklearn.load_model(uri).predict(data).tolist(), labels)
    loaded = mlflow.pyfunc.load_model(info.model_uri)
    check.equal("pyfunc predicts", loaded.predict(data).tolist(), labels)
    check.equal(
        "pyfunc: run, model", (loaded.metadata.run_id, loaded.metadata.model_id), (run.info.run_id, info.model_id)
    )
    check.equal("signature", mlflow.models.get_model_info(info.model_uri).signature, signature)
    got = client.get_logged_model(info.model_id)
    facts = got.name, got.experiment_id, got.source_run_id, got.status
    check.equal("its logged model", facts, ("classifier", experiment, run.info.run_id, LoggedModelStatus.READY))
    check.equal("its place", got.artifact_location, f"mlflow-artifacts:/{experiment}/models/{info.model_id}/artifacts")
    files = sorted(f.path for f in client.list_logged_model_artifacts(info.model_id))
    check.true(
        "its files",
        {"MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt", "input_example.json"} <= set(files),
        files,
    )
    outputs = client.get_run(run.info.run_id).outputs.model_outputs
    check.equal("the run's outputs", [(o.model_id, o.step) for o in outputs], [(info.model_id, 0)])
    with mlflow.start_run() as saved:
        mlflow.sklearn.log_model(
            model, name="again", registered_model_name=fresh("sk"), pip_requirements=["scikit-learn"]
        )
    check.equal("another run's outputs", len(client.get_run(saved.info.run_id).outputs.model_outputs), 1)
    with mlflow.start_run() as using:
        mlflow.log_outputs(models=[mlflow.entities.LoggedModelOutput(info.model_id, step=7)])
        mlflow.log_input(model=mlflow.entities.LoggedModelInput(info.model_id))
    got = client.get_run(using.info.run_id)
    check.equal("log_outputs", [(o.model_id, o.step) for o in got.outputs.model_outputs], [(info.model_id, 7)])
    check.equal("log_input of a model", [i.model_id for i in got.inputs.model_inputs], [info.model_id])


def pytorch(check):
    if importlib.util.find_spec("torch") is None:
        check.skipped("torch is not installed")
        return
    import torch

    mlflow.set_experiment(fresh("torch"))
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    data = torch.ones(2, 3)
    with mlflow.start_run():
        info = mlflow.pytorch.log_model(model, name="net", pip_requirements=["torch"], serialization_format="pickle")
    check.true("load_model", torch.equal(mlflow.pytorch.load_model(info.model_uri)(data), model(data)))


def autolog(check):
    client = MlflowClient()
    experiment = mlflow.set_experiment(fresh("autolog")).experiment_id
    _, data, labels = fitted()
    mlflow.sklearn.autolog(silent=True, log_input_examples=False)
    try:
        with mlflow.start_run() as run:
            model = LogisticRegression(C=0.5, max_iter=77).fit(data, numpy.array(labels))
            model.score(data, numpy.array(labels))
    finally:
        mlflow.sklearn.autolog(disable=True)
    got = client.get_run(run.info.run_id)
    check.equal("params", (got.data.params["C"], got.data.params["max_iter"]), ("0.5", "77"))
    check.equal(
        "metrics", (got.data.metrics["training_accuracy_score"], got.data.metrics["training_score"]), (1.0, 1.0)
    )
    check.true(
        "metrics after the fit",
        any(k.startswith("LogisticRegression_score") for k in got.data.metrics),
        got.data.metrics,
    )
    check.equal("tags", got.data.tags["estimator_name"], "LogisticRegression")
    check.equal(
        "its dataset", [len(got.inputs.dataset_inputs), got.inputs.dataset_inputs[0].tags[0].value], [1, "train"]
    )
    found = mlflow.search_logged_models([experiment], output_format="list")
    check.equal("its model", [m.source_run_id for m in found], [run.info.run_id])
    loaded = mlflow.sklearn.load_model(found[0].model_uri)
    check.equal("… loads", (loaded.C, loaded.predict(data).tolist()), (0.5, labels))
    files = [f.path for f in client.list_artifacts(run.info.run_id)]
    check.true("artifacts", "estimator.html" in files, files)


def found_by(client, experiment, text):
    """The names of the experiment's logged models that a filter finds."""
    return [model.name for model in client.search_logged_models([experiment], filter_string=text)]


def logged_models(check):
    client = MlflowClient()
    experiment = client.create_experiment(fresh("logged"))
    run = client.create_run(experiment).info.run_id
    made = client.create_logged_model(
        experiment, name="m", source_run_id=run, tags={"a": "1"}, params={"p": "2"}, model_type="Agent"
    )
    model = made.model_id
    check.true("an id", model.startswith("m-") and len(model) == 34, model)
    facts = made.name, made.status, made.model_type, made.source_run_id, made.tags, made.params
    check.equal("create", facts, ("m", LoggedModelStatus.PENDING, "Agent", run, {"a": "1"}, {"p": "2"}))
    check.equal("get", client.get_logged_model(model).to_dictionary() == made.to_dictionary(), True)
    done = client.finalize_logged_model(model, LoggedModelStatus.READY)
    check.equal("finalize", done.status, LoggedModelStatus.READY)
    client.set_logged_model_tags(model, {"a": "3", "größe/x": "✓"})
    client.delete_logged_model_tag(model, "a")
    check.equal("tags", client.get_logged_model(model).tags, {"größe/x": "✓"})
    check.code("delete tag of none", lambda: client.delete_logged_model_tag(model, "a"), "RESOURCE_DOES_NOT_EXIST")
    client.log_model_params(model, {"q": "4"})
    check.equal("params", client.get_logged_model(model).params, {"p": "2", "q": "4"})
    client.log_metric(run, "acc", 0.5, step=1, timestamp=10, model_id=model, dataset_name="d", dataset_digest="g")
    client.log_metric(run, "acc", 0.75, step=2, timestamp=11, model_id=model)
    got = client.get_logged_model(model).metrics
    points = sorted(
        (m.key, m.value, m.step, m.timestamp, m.dataset_name, m.dataset_digest, m.run_id) for m in got if m.dataset_name
    )
    check.equal("a metric with its dataset", points, [("acc", 0.5, 1, 10, "d", "g", run)])
    check.equal("a metric without", sorted((m.value, m.step) for m in got if not m.dataset_name), [(0.75, 2)])
    check.equal("… in the run too", client.get_run(run).data.metrics, {"acc": 0.75})
    for text, found in [
        ("metrics.acc > 0.6", ["m"]),
        ("metrics.acc < 0.6", []),
        ("status = 'READY'", ["m"]),
        ("status IN ('PENDING', 'FAILED')", []),
        ("status NOT IN ('PENDING', 'FAILED')", ["m"]),
        ("status = 'UNSPECIFIED'", []),
    ]:
        check.equal(f"search by {text}", found_by(client, experiment, text), found)
    for text in ("status = 'UPLOAD_FAILED'", "status != 'ready'", "status IN ('READY', 'DONE')"):
        check.code(f"… by {text}", lambda text=text: found_by(client, experiment, text), "INVALID_PARAMETER_VALUE")
    for step in range(3):
        client.log_metric(run, "loss", step + 0.5, step=step, timestamp=20 + step, model_id=model)
    kept = [(m.step, m.value) for m in client.get_logged_model(model).metrics if m.key == "loss"]
    check.equal("every point of a metric", sorted(kept), [(0, 0.5), (1, 1.5), (2, 2.5)])
    body = {"model_id": model, "params": [{"key": "q", "value": "5"}]}
    refused = check.ask("POST", f"logged-models/{model}/params", body)
    check.equal("a param logged again with another value", refused.status_code, 400)
    check.equal("… is kept", client.get_logged_model(model).params["q"], "4")
    point = {"key": "loss", "value": 1, "timestamp": 30, "step": 9, "model_id": "m-" + "0" * 32}
    unknown = check.ask("POST", "runs/log-batch", {"run_id": run, "metrics": [point]})
    why = "the model that a point names is not there"
    check.ours("a metric of no model", unknown.status_code, 404, 400, why)
    other = client.create_logged_model(experiment, name="n").model_id
    client.finalize_logged_model(other, "FAILED")
    check.equal("finalize as failed", client.get_logged_model(other).status, LoggedModelStatus.FAILED)

    def found(**options):
        return [m.name for m in client.search_logged_models([experiment], **options)]

    check.equal("search", sorted(found()), ["m", "n"])
    check.equal("search by name", found(filter_string="name = 'm'"), ["m"])
    check.equal("search by param", found(filter_string="params.p = '2'"), ["m"])
    check.equal("search by metric", found(filter_string="metrics.acc >= 0.75"), ["m"])
    by_data = {"filter_string": "metrics.acc < 0.6", "datasets": [{"dataset_name": "d", "dataset_digest": "g"}]}
    check.equal("search by a dataset's metric", found(**by_data), ["m"])
    check.equal("search, ordered", found(order_by=[{"field_name": "name", "ascending": False}]), ["n", "m"])
    page = client.search_logged_models([experiment], max_results=1, order_by=[{"field_name": "name"}])
    rest = client.search_logged_models(
        [experiment], max_results=1, order_by=[{"field_name": "name"}], page_token=page.token
    )
    check.equal("search in pages", ([m.name for m in page], [m.name for m in rest], rest.token), (["m"], ["n"], None))
    check.code("a wrong filter", lambda: found(filter_string="name >"), "INVALID_PARAMETER_VALUE")
    client.delete_logged_model(other)
    check.code("delete", lambda: client.get_logged_model(other), "RESOURCE_DOES_NOT_EXIST")
    check.equal("a deleted one isn't found", found(), ["m"])
    hidden = check.answered("get of a deleted one", "GET", f"logged-models/{other}", {"allow_deleted": "true"})
    check.equal("… is it", hidden["model"]["info"]["name"], "n")
    gone = "RESOURCE_DOES_NOT_EXIST"
    check.refused("… without its files", "GET", f"logged-models/{other}/artifacts/directories", None, 404, gone)
    check.code("get of none", lambda: client.get_logged_model("m-" + "0" * 32), "RESOURCE_DOES_NOT_EXIST")
    check.code(
        "a name with a slash", lambda: client.create_logged_model(experiment, name="a/b"), "INVALID_PARAMETER_VALUE"
    )
    check.code("in no experiment", lambda: client.create_logged_model("999999999"), "RESOURCE_DOES_NOT_EXIST")
    unnamed = client.create_logged_model(experiment)
    check.true("a model without a name gets one", unnamed.name.count("-") in (1, 2), unnamed.name)
    location = f"mlflow-artifacts:/{experiment}/models/{model}/artifacts"
    shown = check.answered("directories", "GET", f"logged-models/{model}/artifacts/directories")
    check.equal("… of none", shown, {"root_uri": location})


def logged_models_raw(check):
    experiment = check.ask("POST", "experiments/create", {"name": fresh("logged")}).json()["experiment_id"]
    raw = check.ask("POST", "logged-models", {"experiment_id": experiment, "name": "raw"}).json()["model"]
    info = raw["info"]
    wanted = {
        "model_id",
        "experiment_id",
        "name",
        "creation_timestamp_ms",
        "last_updated_timestamp_ms",
        "artifact_uri",
        "status",
    }
    check.true("raw: its fields", wanted <= set(info) and info["status"] == "LOGGED_MODEL_PENDING", info)
    body = {"model_id": info["model_id"], "status": "LOGGED_MODEL_READY"}
    check.answered("raw: finalize", "PATCH", f"logged-models/{info['model_id']}", body)
    check.refused(
        "raw: finalize as nothing", "PATCH", f"logged-models/{info['model_id']}", {"model_id": info["model_id"]}
    )


def old_log_model(check):
    client = MlflowClient()
    run = client.create_run(client.create_experiment(fresh("history"))).info.run_id
    model = {
        "run_id": run,
        "artifact_path": "model",
        "utc_time_created": "2026-01-01 00:00:00",
        "flavors": {"python_function": {"loader_module": "x"}},
        "model_uuid": "u",
    }
    check.answered("log-model", "POST", "runs/log-model", {"run_id": run, "model_json": json.dumps(model)}, {})
    history = json.loads(client.get_run(run).data.tags["mlflow.log-model.history"])
    check.equal("its tag", [entry["artifact_path"] for entry in history], ["model"])
    check.answered("log-model again", "POST", "runs/log-model", {"run_id": run, "model_json": json.dumps(model)}, {})
    check.equal("its tag grows", len(json.loads(client.get_run(run).data.tags["mlflow.log-model.history"])), 2)
    for name, text in [("without fields", "{}"), ("not JSON", "nope")]:
        check.refused(f"log-model {name}", "POST", "runs/log-model", {"run_id": run, "model_json": text})
    check.refused("log-model of nothing", "POST", "runs/log-model", {"run_id": run})


SUBJECTS = [sklearn, pytorch, autolog, logged_models, logged_models_raw, old_log_model]
