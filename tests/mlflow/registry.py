"""The model registry: models, versions, stages, aliases, tags, search."""

import json
import os
import time

import mlflow
from mlflow.tracking import MlflowClient
from sklearn.linear_model import LogisticRegression

from checks import fresh


def registered(word, versions=0, source=None):
    """A fresh registered model with so many versions; client, name."""
    client = MlflowClient()
    name = fresh(word)
    client.create_registered_model(name)
    for version in range(versions):
        client.create_model_version(name, source or f"s3://bucket/{name}/{version}", await_creation_for=None)
    return client, name


def registered_models(check):
    client = MlflowClient()
    name = fresh("ü model")
    made = client.create_registered_model(name, tags={"a": "1", "b/c": "✓"}, description="# told")
    facts = made.name, made.description, made.tags, made.aliases, made.latest_versions
    check.equal("create", facts, (name, "# told", {"a": "1", "b/c": "✓"}, {}, []))
    check.true("created now", abs(made.creation_timestamp - time.time() * 1000) < 60_000, made.creation_timestamp)
    check.code("create twice", lambda: client.create_registered_model(name), "RESOURCE_ALREADY_EXISTS")
    for wrong in ("a/b", "a:b", "", "  "):
        check.code(
            f"a name {wrong!r}", lambda wrong=wrong: client.create_registered_model(wrong), "INVALID_PARAMETER_VALUE"
        )
    changed = client.update_registered_model(name, description="new")
    check.equal(
        "update", (changed.description, changed.last_updated_timestamp >= made.last_updated_timestamp), ("new", True)
    )
    check.code("get of none", lambda: client.get_registered_model(fresh("none")), "RESOURCE_DOES_NOT_EXIST")
    check.code(
        "update of none",
        lambda: client.update_registered_model(fresh("none"), description="x"),
        "RESOURCE_DOES_NOT_EXIST",
    )
    client.set_registered_model_tag(name, "a", "2")
    client.set_registered_model_tag(name, "long", "v" * 5000)
    client.delete_registered_model_tag(name, "b/c")
    tags = client.get_registered_model(name).tags
    check.equal("tags", (tags["a"], len(tags["long"]), len(tags)), ("2", 5000, 2))
    check.equal("delete tag of none", client.delete_registered_model_tag(name, "b/c"), None)
    client.create_model_version(name, "s3://b/x", await_creation_for=None)
    client.set_registered_model_alias(name, "champion", "1")
    renamed = fresh("renamed")
    client.rename_registered_model(name, renamed)
    moved = client.get_registered_model(renamed)
    check.equal("rename", (moved.name, [v.version for v in moved.latest_versions]), (renamed, ["1"]))
    check.code("… frees the old name", lambda: client.get_registered_model(name), "RESOURCE_DOES_NOT_EXIST")
    check.equal("… keeps aliases", client.get_model_version_by_alias(renamed, "champion").name, renamed)
    check.equal("… keeps tags", client.get_registered_model(renamed).tags["a"], "2")
    client.create_registered_model(name)
    check.code(
        "rename to a name that is taken",
        lambda: client.rename_registered_model(name, renamed),
        "RESOURCE_ALREADY_EXISTS",
    )
    client.delete_registered_model(renamed)
    check.code("delete", lambda: client.get_registered_model(renamed), "RESOURCE_DOES_NOT_EXIST")
    check.code("… its versions, too", lambda: client.get_model_version(renamed, "1"), "RESOURCE_DOES_NOT_EXIST")
    check.code("delete twice", lambda: client.delete_registered_model(renamed), "RESOURCE_DOES_NOT_EXIST")


def model_versions(check):
    client, name = registered("versions")
    run = client.create_run(client.create_experiment(fresh("versions"))).info.run_id
    made = client.create_model_version(
        name,
        "s3://b/x",
        run_id=run,
        tags={"a": "1"},
        description="told",
        run_link="https://x.org",
        await_creation_for=None,
    )
    facts = (
        made.version,
        made.current_stage,
        made.status,
        made.source,
        made.run_id,
        made.run_link,
        made.description,
        made.tags,
    )
    check.equal("create", facts, ("1", "None", "READY", "s3://b/x", run, "https://x.org", "told", {"a": "1"}))
    second = client.create_model_version(name, "s3://b/y", await_creation_for=None)
    check.equal("a second", (second.version, second.run_id), ("2", ""), ("2", None))
    check.equal("update", client.update_model_version(name, "1", description="new").description, "new")
    client.set_model_version_tag(name, "1", "b", "2")
    client.delete_model_version_tag(name, "1", "a")
    check.equal("tags", client.get_model_version(name, "1").tags, {"b": "2"})
    check.equal("delete tag of none", client.delete_model_version_tag(name, "1", "a"), None)
    check.equal("download uri", client.get_model_version_download_uri(name, "1"), "s3://b/x")
    check.code("get of none", lambda: client.get_model_version(name, "9"), "RESOURCE_DOES_NOT_EXIST")
    check.code("of no model", lambda: client.create_model_version(fresh("none"), "s3://b/x"), "RESOURCE_DOES_NOT_EXIST")
    check.code(
        "download uri of none", lambda: client.get_model_version_download_uri(name, "9"), "RESOURCE_DOES_NOT_EXIST"
    )
    client.create_model_version(name, "s3://b/z", await_creation_for=None)
    since = client.get_registered_model(name).last_updated_timestamp
    time.sleep(0.005)
    client.delete_model_version(name, "3")
    changed = client.get_registered_model(name).last_updated_timestamp
    check.true("the model changes with a deletion", changed > since, (since, changed))
    check.code("delete", lambda: client.get_model_version(name, "3"), "RESOURCE_DOES_NOT_EXIST")
    check.code("delete twice", lambda: client.delete_model_version(name, "3"), "RESOURCE_DOES_NOT_EXIST")
    again = client.create_model_version(name, "s3://b/z", await_creation_for=None).version
    check.equal("the number after a deleted last one", again, "3", "4")
    for wrong in ("/etc/passwd", "file:///etc", "mlflow-artifacts:/0/../../x", "mlflow-artifacts:/0/%2e%2e/x", "../x"):
        body = {"name": name, "source": wrong}
        check.refused(f"the source {wrong}", "POST", "model-versions/create", body)
    for wrong in ("model", "./model", f"runs:/{run}/model", f"mlflow-artifacts:/0/{run}/artifacts/model"):
        body = {"name": name, "source": wrong}
        check.refused(f"the source {wrong.replace(run, 'RUN')} without its run", "POST", "model-versions/create", body)
    elsewhere = client.create_model_version(name, "s3://b/x", run_id="of another server", await_creation_for=None)
    check.equal("a run of another server", elsewhere.run_id, "of another server")
    check.equal("… is found by it", len(client.search_model_versions("run_id = 'of another server'")) > 0, True)


def stages(check):
    client, name = registered("stages", versions=4)
    since = client.get_registered_model(name).last_updated_timestamp
    time.sleep(0.005)
    got = client.transition_model_version_stage(name, "1", "Staging")
    check.equal("transition", got.current_stage, "Staging")
    changed = client.get_registered_model(name).last_updated_timestamp
    check.true("the model changed with it", changed > since, (since, changed))
    check.equal(
        "a stage in small letters",
        client.transition_model_version_stage(name, "1", "production").current_stage,
        "Production",
    )
    check.code("no stage", lambda: client.transition_model_version_stage(name, "1", "Bogus"), "INVALID_PARAMETER_VALUE")
    client.transition_model_version_stage(name, "2", "Production")
    check.equal("two in a stage", client.get_model_version(name, "1").current_stage, "Production")
    client.transition_model_version_stage(name, "3", "Production", archive_existing_versions=True)
    shown = [client.get_model_version(name, str(i)).current_stage for i in range(1, 5)]
    check.equal("archive existing", shown, ["Archived", "Archived", "Production", "None"])
    latest = {v.current_stage: v.version for v in client.get_latest_versions(name)}
    check.equal("latest versions", latest, {"Archived": "2", "Production": "3", "None": "4"})
    order = [v.version for v in client.get_latest_versions(name)]
    check.equal("latest versions: the stage of the oldest first", order, ["2", "3", "4"])
    check.equal("latest of a stage", [v.version for v in client.get_latest_versions(name, ["Archived"])], ["2"])
    check.equal("latest of an empty stage", client.get_latest_versions(name, ["Staging"]), [])
    check.code("latest of no stage", lambda: client.get_latest_versions(name, ["Bogus"]), "INVALID_PARAMETER_VALUE")
    listed = {v.version for v in client.get_registered_model(name).latest_versions}
    check.equal("latest versions of the model", listed, {"2", "3", "4"})
    got = check.answered(
        "latest by GET", "GET", "registered-models/get-latest-versions", {"name": name, "stages": ["Production"]}
    )
    check.equal("… is it", [v["version"] for v in got["model_versions"]], ["3"])


def aliases(check):
    client, name = registered("aliases", versions=2)
    client.set_registered_model_alias(name, "champion", "1")
    client.set_registered_model_alias(name, "other_one-2", "1")
    check.equal("get by alias", client.get_model_version_by_alias(name, "champion").version, "1")
    check.equal("a version's aliases", sorted(client.get_model_version(name, "1").aliases), ["champion", "other_one-2"])
    client.set_registered_model_alias(name, "champion", "2")
    check.equal("moved", client.get_model_version_by_alias(name, "champion").version, "2")
    check.equal("the model's aliases", client.get_registered_model(name).aliases, {"champion": "2", "other_one-2": "1"})
    found = client.search_registered_models(f"name = '{name}'")[0]
    check.equal("… in a search", found.aliases, {"champion": "2", "other_one-2": "1"})
    client.delete_registered_model_alias(name, "other_one-2")
    check.code("deleted", lambda: client.get_model_version_by_alias(name, "other_one-2"), "INVALID_PARAMETER_VALUE")
    check.equal("deleted twice", client.delete_registered_model_alias(name, "other_one-2"), None)
    check.equal("deleting one that none can have", client.delete_registered_model_alias(name, "latest"), None)
    newest = max(int(version.version) for version in client.search_model_versions(f"name = '{name}'"))
    for alias in ("latest", "Latest"):
        check.equal(f"by {alias}", int(client.get_model_version_by_alias(name, alias).version), newest)
    for wrong in ("latest", "Latest", "v1", "V22", "a b", "a/b", "x" * 256):
        body = {"name": name, "alias": wrong, "version": "1"}
        check.refused(f"the alias {wrong[:20]!r}", "POST", "registered-models/alias", body)
    check.code("of no version", lambda: client.set_registered_model_alias(name, "x", "9"), "RESOURCE_DOES_NOT_EXIST")
    check.code(
        "of no model", lambda: client.set_registered_model_alias(fresh("none"), "x", "1"), "RESOURCE_DOES_NOT_EXIST"
    )
    client.delete_model_version(name, "2")
    check.equal("gone with its version", client.get_registered_model(name).aliases, {})


def registry_search(check):
    client = MlflowClient()
    prefix = fresh("find")
    for i in range(5):
        client.create_registered_model(f"{prefix}-{i}", tags={"odd": str(i % 2)})
        for version in range(i):
            tags = {"last": "yes"} if version == i - 1 else {}
            client.create_model_version(
                f"{prefix}-{i}", f"s3://b/{prefix}/{version}", tags=tags, await_creation_for=None
            )
    mine = f"name LIKE '{prefix}-%'"
    names = [f"{prefix}-{i}" for i in range(5)]

    def found(filter_string=mine, **options):
        return [m.name for m in client.search_registered_models(filter_string, **options)]

    check.equal("by name", found(), names)
    check.equal("descending", found(order_by=["name DESC"]), names[::-1])
    check.equal("by tag", found(mine + " AND tags.odd = '1'"), names[1::2])
    page = client.search_registered_models(mine, max_results=2)
    pages = [[m.name for m in page]]
    while page.token:
        page = client.search_registered_models(mine, max_results=2, page_token=page.token)
        pages.append([m.name for m in page])
    check.equal("pages", pages, [names[:2], names[2:4], names[4:]])
    check.code("a wrong filter", lambda: found("name >> 'x'"), "INVALID_PARAMETER_VALUE")

    def versions(filter_string=mine, **options):
        return [(v.name[-1], v.version) for v in client.search_model_versions(filter_string, **options)]

    check.equal(
        "versions of a model",
        versions(f"name = '{names[3]}'", order_by=["version_number ASC"]),
        [("3", "1"), ("3", "2"), ("3", "3")],
    )
    check.equal(
        "versions by tag",
        versions(mine + " AND tags.last = 'yes'", order_by=["name ASC"]),
        [("1", "1"), ("2", "2"), ("3", "3"), ("4", "4")],
    )
    check.equal("versions by source", versions(f"source_path = 's3://b/{prefix}/3'"), [("4", "4")])
    page = client.search_model_versions(mine, max_results=6, order_by=["name ASC", "version_number DESC"])
    rest = client.search_model_versions(
        mine, max_results=6, order_by=["name ASC", "version_number DESC"], page_token=page.token
    )
    got = [[(v.name[-1], v.version) for v in part] for part in (page, rest)]
    order = [(str(i), str(v)) for i in range(5) for v in range(i, 0, -1)]
    check.equal("versions in pages", got, [order[:6], order[6:]])
    check.code("a wrong filter of versions", lambda: versions("nothing = 'x'"), "INVALID_PARAMETER_VALUE")


def registered_from_runs(check):
    client = MlflowClient()
    mlflow.set_experiment(fresh("lineage"))
    name = fresh("lineage")
    data, labels = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]
    model = LogisticRegression(C=100).fit(data, labels)
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(model, name="line", pip_requirements=["scikit-learn"])
    made = mlflow.register_model(info.model_uri, name, await_registration_for=None, tags={"t": "1"})
    check.equal(
        "register_model: version, run, source",
        (made.version, made.run_id, made.source),
        ("1", run.info.run_id, info.model_uri),
    )
    left_out = made.model_id is None
    check.true("its logged model, which MLflow leaves out", left_out or made.model_id == info.model_id, made.model_id)
    tagged = json.loads(client.get_logged_model(info.model_id).tags["mlflow.modelVersions"])
    check.equal("the logged model names its version", {(v["name"], str(v["version"])) for v in tagged}, {(name, "1")})
    check.equal("its tags", made.tags, {"t": "1"})
    second = mlflow.register_model(f"runs:/{run.info.run_id}/line", name, await_registration_for=None)
    check.equal("by runs:/", (second.version, second.run_id), ("2", run.info.run_id))
    client.set_registered_model_alias(name, "champion", "1")
    client.transition_model_version_stage(name, "2", "Staging")
    for uri in (f"models:/{name}/1", f"models:/{name}@champion", f"models:/{name}/Staging", f"models:/{name}/latest"):
        check.equal(
            "load by " + uri.removeprefix("models:/").removeprefix(name),
            mlflow.sklearn.load_model(uri).predict(data).tolist(),
            labels,
        )
    copied = client.copy_model_version(f"models:/{name}/1", fresh("copy"))
    check.equal("copy_model_version", (copied.version, copied.run_id), ("1", run.info.run_id))
    check.equal("a copy loads", mlflow.sklearn.load_model(f"models:/{copied.name}/1").predict(data).tolist(), labels)
    source = fresh("source")
    client.create_registered_model(source)
    client.create_model_version(
        source, f"models:/{info.model_id}", run.info.run_id, model_id=info.model_id, await_creation_for=None
    )
    tagged = json.loads(client.get_logged_model(info.model_id).tags["mlflow.modelVersions"])
    named = [(v["name"], str(v["version"])) for v in tagged]
    check.true("the logged model names a version that was made without register_model", (source, "1") in named, named)
    outliving = client.copy_model_version(f"models:/{source}/1", fresh("outliving"))
    check.equal("a copy's source", outliving.source, f"models:/{source}/1")
    client.delete_registered_model(source)
    loaded = mlflow.sklearn.load_model(f"models:/{outliving.name}/1")
    check.equal("a copy outlives what it was copied from", loaded.predict(data).tolist(), labels)
    client.delete_registered_model(outliving.name)
    found = client.search_model_versions(f"run_id = '{run.info.run_id}'")
    check.equal(
        "versions of the run",
        sorted((v.name == name, v.version) for v in found),
        [(False, "1"), (True, "1"), (True, "2")],
    )
    local = client.get_model_version_download_uri(name, "1")
    check.true("download uri", local.startswith(("mlflow-artifacts:/", "models:/")), local)
    got = mlflow.artifacts.download_artifacts(f"models:/{name}/1")
    check.true("its files", "MLmodel" in os.listdir(got), os.listdir(got))


def prompts(check):
    """MLflow keeps prompts among the models; who asks for models does not see them."""
    client = MlflowClient()
    name = fresh("prompt")
    made = [
        client.register_prompt(name, text, commit_message=text, tags={"lang": "en"})
        for text in ("Hello {{who}}", "Good day {{who}}")
    ]
    check.equal("register", [str(one.version) for one in made], ["1", "2"])
    loaded = client.load_prompt(name, version=1, cache_ttl_seconds=0)
    check.equal("load by number", (loaded.template, loaded.commit_message), ("Hello {{who}}", "Hello {{who}}"))
    client.set_prompt_alias(name, "best", 2)
    loaded = client.load_prompt(f"prompts:/{name}@best", cache_ttl_seconds=0)
    check.equal("load by alias", loaded.template, "Good day {{who}}")
    client.delete_prompt_alias(name, "best")
    found = client.search_prompts(filter_string=f"name = '{name}'")
    check.equal("search", [(one.name, one.tags.get("lang")) for one in found], [(name, "en")])
    for kind in ("registered-models", "model-versions"):
        asked = {"filter": f"name = '{name}'", "max_results": 10}
        check.answered(f"no prompt among the {kind}", "GET", f"{kind}/search", asked, {})
        asked = {"filter": f"name = '{name}' AND tags.`mlflow.prompt.is_prompt` = 'true'", "max_results": 10}
        came = check.answered(f"{kind} that are prompts", "GET", f"{kind}/search", asked)
        listed = came.get(kind.replace("-", "_"), [])
        check.equal(f"… are the prompt's {kind}", len(listed), 1 if kind == "registered-models" else 2)
    _client, other = registered("no-prompt")
    check.code("of a model's name", lambda: client.register_prompt(other, "x"), "INVALID_PARAMETER_VALUE")


SUBJECTS = [registered_models, model_versions, stages, aliases, registry_search, registered_from_runs, prompts]
