"""Registers a model, and tells what its client sees of it: `registered.py ADDRESS register EXPERIMENT NAME`,
`registered.py ADDRESS log EXPERIMENT NAME` (logs a model that is not registered, and prints its run),
`registered.py ADDRESS alias NAME ALIAS`, `registered.py ADDRESS versions NAME`, `registered.py ADDRESS prompt NAME`."""

import sys

import mlflow
import numpy

address, what, *rest = sys.argv[1:]
mlflow.set_tracking_uri(address)
client = mlflow.MlflowClient()
if what in ("register", "log"):
    from mlflow.models import infer_signature
    from sklearn.linear_model import LogisticRegression

    experiment, name = rest
    mlflow.set_experiment(experiment)
    inputs = numpy.array([[0.0], [1.0], [2.0], [3.0]])
    model = LogisticRegression().fit(inputs, [0, 0, 1, 1])
    signature = infer_signature(inputs, model.predict(inputs))
    if what == "register":
        with mlflow.start_run(run_name="from python"):
            mlflow.sklearn.log_model(model, name="model", signature=signature, registered_model_name=name)
        print("registered")
    else:
        with mlflow.start_run() as run:
            mlflow.sklearn.log_model(model, name=name, signature=signature)
        print(run.info.run_id)
elif what == "alias":
    name, alias = rest
    version = client.get_model_version_by_alias(name, alias)
    model = mlflow.pyfunc.load_model(f"models:/{name}@{alias}")
    answers = model.predict(numpy.array([[0.0], [3.0]]))
    print(version.version, version.current_stage, version.tags, [int(one) for one in answers])
elif what == "prompt":
    client.register_prompt(rest[0], "Hello {{who}}")
    print("registered")
else:
    versions = client.search_model_versions(f"name = '{rest[0]}'")
    print(sorted(int(version.version) for version in versions))
