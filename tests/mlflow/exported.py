"""Logs runs, exports them as a file store, and compares it with the server, both read by MLflow's own client.

    python exported.py ADDRESS SLIPWAY FOLDER

The experiment with its tags, its note and its age, every run, param, tag, point, dataset, artifact and logged model of it
on the server, and every registered version that points to one of them, must be in the folder.
"""

import math
import os
import subprocess
import sys
import tempfile

os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true", MLFLOW_ALLOW_FILE_STORE="true")

import mlflow  # noqa: E402
import numpy  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import LoggedModelInput, LoggedModelOutput, Metric  # noqa: E402

MODEL = "exported-forest"
NAME = "exported/vision"


def fill(address):
    mlflow.set_tracking_uri(address)
    mlflow.set_experiment(NAME)
    mlflow.set_experiment_tags({"mlflow.note.content": "Why *these* runs.", "team": "größe"})
    with mlflow.start_run(run_name="parent: größe/1") as parent:
        mlflow.log_params({"lr": 0.01, "deep/er": "a\nb", "empty": ""})
        mlflow.set_tags({"team": "größe", "note with: space": "x"})
        for step, value in enumerate([0.5, math.nan, math.inf, -math.inf, 1e-300, 0.1 + 0.2]):
            mlflow.log_metric("train/loss", value, step=step)
        mlflow.log_input(mlflow.data.from_numpy(numpy.arange(6.0), name="rows"), context="training")
        mlflow.log_text("a text", "notes/größe.md")
        mlflow.log_dict({"a": [1, 2]}, "a.json")
        for child in range(2):
            with mlflow.start_run(run_name=f"child-{child}", nested=True):
                for step in range(50):
                    mlflow.log_metric("loss", 1 / (1 + step + child), step=step)
                last = mlflow.active_run().info.run_id
        fill_models(MlflowClient(), parent.info.run_id, last)
    MlflowClient().set_terminated(parent.info.run_id, "FAILED")


def fill_models(client, run, other):
    experiment = client.get_run(run).info.experiment_id
    forest = client.create_logged_model(experiment, "forest", run, {"kind": "trees"}, {"trees": "100"}, "sklearn").model_id
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "data"))
        for name in ["MLmodel", "data/größe.bin"]:
            with open(os.path.join(folder, name), "w") as file:
                file.write(f"the file {name}")
        client.log_model_artifacts(forest, folder)
    client.finalize_logged_model(forest, "READY")
    client.log_batch(run, metrics=[Metric("accuracy", 0.9, 1700000000002, 2, forest)])
    on = {"dataset_name": "rows", "dataset_digest": "d1"}
    client.log_batch(run, metrics=[Metric("auc", 0.75, 1700000000003, 3, forest, run_id=run, **on)])
    client.log_outputs(run, [LoggedModelOutput(forest, 2)])
    client.log_inputs(other, models=[LoggedModelInput(forest)])
    pending = client.create_logged_model(experiment, "pending", other).model_id
    client.create_registered_model(MODEL, tags={"owner": "ada"}, description="Größe.")
    client.create_model_version(MODEL, f"models:/{forest}", run_id=run, model_id=forest, tags={"number": "one"})
    client.create_model_version(MODEL, f"runs:/{run}/notes", run_id=run, description="The notes.")
    client.create_model_version(MODEL, "s3://elsewhere/model")
    client.set_registered_model_alias(MODEL, "champion", "1")
    client.transition_model_version_stage(MODEL, "2", "Staging")
    return forest, pending


def bits(value):
    return "nan" if math.isnan(value) else repr(value)


def runs(client, name):
    experiment = client.get_experiment_by_name(name)
    found, token = [], None
    while True:
        page = client.search_runs([experiment.experiment_id], max_results=100, page_token=token)
        found += page
        token = page.token
        if not token:
            return {run.info.run_id: run for run in found}


def files(client, run, path=""):
    found = {}
    for entry in client.list_artifacts(run, path or None):
        if entry.is_dir:
            found.update(files(client, run, entry.path))
        else:
            found[entry.path] = entry.file_size
    return found


def texts(folder):
    found = {}
    for root, _, names in os.walk(folder):
        # What MLflow adds itself to what it downloads by a model's name.
        for name in filter(lambda name: name != "registered_model_meta", names):
            path = os.path.join(root, name)
            with open(path) as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


def logged(uri, name):
    """What the store at an address tells of an experiment's logged models, with their files."""
    mlflow.set_tracking_uri(uri)
    client, found = MlflowClient(uri), {}
    experiment = client.get_experiment_by_name(name).experiment_id
    for model in client.search_logged_models([experiment]):
        figures = sorted(
            (one.key, one.value, one.step, one.timestamp, one.run_id, one.dataset_name, one.dataset_digest)
            for one in client.get_logged_model(model.model_id).metrics or []
        )
        with tempfile.TemporaryDirectory() as place:
            kept = {}
            if model.status == "READY":
                kept = texts(mlflow.artifacts.download_artifacts(model.artifact_location, dst_path=place))
        own = (model.name, model.params, model.tags, str(model.status), model.model_type or "", model.source_run_id)
        found[model.model_id] = (*own, model.creation_timestamp, figures, kept)
    return found


def versions(uri):
    """What the registry at an address tells of the model, with the files of its versions."""
    mlflow.set_tracking_uri(uri)
    client = MlflowClient(uri, registry_uri=uri)
    model = client.get_registered_model(MODEL)
    found = {}
    for version in client.search_model_versions(f"name = '{MODEL}'"):
        kept = None
        if not version.source.startswith("s3:"):
            with tempfile.TemporaryDirectory() as place:
                source = client.get_model_version_download_uri(MODEL, version.version)
                kept = texts(mlflow.artifacts.download_artifacts(source, dst_path=place))
        whole = client.get_model_version(MODEL, version.version)
        own = (whole.description or "", whole.current_stage, whole.tags, sorted(whole.aliases), whole.run_id or "")
        found[str(version.version)] = (*own, kept)
    return (model.description, model.tags, model.aliases), found


def check_models(address, folder):
    own, written = logged(address, NAME), logged(f"file:{folder}", NAME)
    assert len(own) == 2 and own == written, (own, written)
    (told, own), (other, written) = versions(address), versions(f"file:{folder}")
    elsewhere = own.pop("3")
    assert elsewhere[-1] is None and told == other, (told, other)
    assert len(own) == 2 and own == written, (own, written)
    assert own["1"][-1] == {"MLmodel": "the file MLmodel", "data/größe.bin": "the file data/größe.bin"}, own["1"]
    return len(written)


def main():
    address, slipway, folder = sys.argv[1:]
    fill(address)
    subprocess.run([slipway, "run", "export", folder, "--as", "mlflow", "--experiment", NAME, "--with-models"], check=True)
    served, stored = MlflowClient(address), MlflowClient(f"file:{folder}")
    about = [client.get_experiment_by_name(NAME) for client in (served, stored)]
    told, other = [(one.name, one.tags, one.creation_time) for one in about]
    assert len(told[1]) == 2 and told == other, (told, other)
    own, written = runs(served, NAME), runs(stored, NAME)
    assert len(own) == 3 and own.keys() == written.keys(), (sorted(own), sorted(written))
    points = artifacts = 0
    for id, run in own.items():
        other = written[id]
        assert run.data.params == other.data.params, (run.data.params, other.data.params)
        assert run.data.tags == other.data.tags, (run.data.tags, other.data.tags)
        assert (run.info.run_name, run.info.status, run.info.end_time) == (
            other.info.run_name,
            other.info.status,
            other.info.end_time,
        ), id
        for key in run.data.metrics:
            told = [
                sorted((point.step, point.timestamp, bits(point.value)) for point in client.get_metric_history(id, key))
                for client in (served, stored)
            ]
            assert told[0] == told[1], (id, key, told)
            points += len(told[0])
        kept = [files(client, id) for client in (served, stored)]
        assert kept[0] == kept[1], (id, kept)
        for path in kept[0]:
            with tempfile.TemporaryDirectory() as place:
                contents = []
                for at, client in enumerate((served, stored)):
                    os.mkdir(os.path.join(place, str(at)))
                    with open(client.download_artifacts(id, path, os.path.join(place, str(at))), "rb") as file:
                        contents.append(file.read())
                assert contents[0] == contents[1], (id, path)
            artifacts += 1
        inputs = [
            sorted((one.dataset.name, one.dataset.digest, one.dataset.source) for one in run.inputs.dataset_inputs)
            for run in (run, other)
        ]
        assert inputs[0] == inputs[1], (id, inputs)
        models = [
            (
                sorted(one.model_id for one in run.inputs.model_inputs),
                sorted((one.model_id, one.step) for one in run.outputs.model_outputs if run.outputs),
            )
            for run in (run, other)
        ]
        assert models[0] == models[1], (id, models)
    registered = check_models(address, folder)
    print(f"{len(own)} runs, {points} points, {artifacts} artifacts and {registered} versions are the same")


if __name__ == "__main__":
    main()
