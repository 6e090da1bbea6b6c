"""Tells a search's run and the trials below it, as MLflow's client sees them: `nested.py ADDRESS RUN`."""

import sys

import mlflow

mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
parent = client.get_run(sys.argv[2])
below = client.search_runs([parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{sys.argv[2]}'")
values = sorted(float(run.data.params["x"]) for run in below)
print(parent.info.status, parent.data.params["space.x"], parent.data.metrics["best/loss"], values)
