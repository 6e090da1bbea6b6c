"""Logs runs, exports them as a file store, and compares it with the server, both read by MLflow's own client.

    python exported.py ADDRESS SLIPWAY FOLDER

Every run, param, tag, point, dataset and artifact of the experiment on the server must be in the folder.
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

NAME = "exported/vision"


def fill(address):
    mlflow.set_tracking_uri(address)
    mlflow.set_experiment(NAME)
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
    MlflowClient().set_terminated(parent.info.run_id, "FAILED")


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


def main():
    address, slipway, folder = sys.argv[1:]
    fill(address)
    subprocess.run([slipway, "run", "export", folder, "--as", "mlflow", "--experiment", NAME], check=True)
    served, stored = MlflowClient(address), MlflowClient(f"file:{folder}")
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
    print(f"{len(own)} runs, {points} points and {artifacts} artifacts are the same")


if __name__ == "__main__":
    main()
