"""Artifacts through the proxy: the client's calls, multipart, raw routes, and paths that try to leave."""

import importlib.util
import json
import os
import random
from pathlib import Path

import mlflow
import requests
from mlflow.tracking import MlflowClient

from checks import fresh, parsed

PROXY = "/api/2.0/mlflow-artifacts/"

# Every path leaves the root or names a file outside it; MLflow answers 400 "Invalid path" to each (it redirects a
# DELETE that begins with a slash to the path without it, and that is not asked).
LEAVING = [
    "../x",
    "..%2fx",
    "..%2Fx",
    "%2e%2e/x",
    "%2E%2E/x",
    "%2e%2e%2fx",
    ".%2e/x",
    "%252e%252e/x",
    "%252e%252e%252fx",
    "..%252f..%252fx",
    "d/../../x",
    "d/%2e%2e/%2e%2e/x",
    "..",
    "%2e%2e",
    "d/..",
    "c:/x",
    "C:%5cx",
    "file:%2f%2f%2fetc/passwd",
    "%2f%2fetc/passwd",
]
# MLflow takes these as plain names on this system: refusing them and keeping them inside are both right.
ODD = ["..%5cx", "%2e%2e%5cx", "d/%00x", "%c0%ae%c0%ae/x", "%ef%bc%8e%ef%bc%8e/x", "~root/x", "./x", "d//x", "%00"]


def run_in(word):
    """A fresh experiment and a run in it; client, experiment, run."""
    client = MlflowClient()
    experiment = client.create_experiment(fresh(word))
    return client, experiment, client.create_run(experiment).info.run_id


def listing(client, run, path=None):
    return [(f.path, f.is_dir, f.file_size) for f in client.list_artifacts(run, path)]


def artifacts(check):
    client, experiment, run = run_in("artifacts")
    check.equal("list of none", listing(client, run), [])
    folder = Path("logged")
    (folder / "sub" / "deep").mkdir(parents=True, exist_ok=True)
    (folder / "a.txt").write_text("ä")
    (folder / "sub" / "b.bin").write_bytes(bytes(range(256)))
    (folder / "sub" / "deep" / "empty").write_bytes(b"")
    (folder / "sub" / "name with % and ü.txt").write_text("odd")
    client.log_artifacts(run, str(folder), "all")
    client.log_artifact(run, str(folder / "a.txt"))
    check.equal("list of the root", listing(client, run), [("a.txt", False, 2), ("all", True, None)])
    check.equal("list of a folder", listing(client, run, "all"), [("all/a.txt", False, 2), ("all/sub", True, None)])
    below = [("all/sub/b.bin", False, 256), ("all/sub/deep", True, None), ("all/sub/name with % and ü.txt", False, 3)]
    check.equal("list of a sub folder", listing(client, run, "all/sub"), below)
    check.equal("list of a file", listing(client, run, "a.txt"), [])
    check.equal("list of what is not there", listing(client, run, "nothing"), [])
    Path("down").mkdir()
    got = Path(client.download_artifacts(run, "all", "down"))
    files = {str(p.relative_to(got)): p.read_bytes() for p in got.rglob("*") if p.is_file()}
    wanted = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    check.equal("a folder downloaded", files, wanted)
    one = mlflow.artifacts.download_artifacts(run_id=run, artifact_path="all/sub/b.bin")
    check.equal("a file downloaded", Path(one).read_bytes(), bytes(range(256)))
    uri = f"mlflow-artifacts:/{experiment}/{run}/artifacts/a.txt"
    check.equal("load_text by its uri", mlflow.artifacts.load_text(uri), "ä")
    try:
        client.download_artifacts(run, "nothing")
        check.true("download of none fails", False)
    except Exception as error:  # noqa: BLE001  the client raises one of several kinds
        check.true("download of none fails", True, error)
    (folder / "a.txt").write_text("other")
    client.log_artifact(run, str(folder / "a.txt"))
    check.equal("a file logged again", mlflow.artifacts.load_text(uri), "other")
    repo = mlflow.store.artifact.artifact_repository_registry.get_artifact_repository(
        client.get_run(run).info.artifact_uri
    )
    repo.delete_artifacts("all/sub")
    check.equal("a folder deleted", listing(client, run, "all"), [("all/a.txt", False, 2)])
    repo.delete_artifacts("a.txt")
    check.equal("a file deleted", listing(client, run), [("all", True, None)])
    check.equal("deleted twice", repo.delete_artifacts("a.txt"), None)
    if os.name == "posix":
        for name in ("2026-11-29T11:22:33.log", "a:b/c:d.txt", "back\\slash.txt", "dot.", "space ", 'a|b<c>d*e".txt'):
            client.log_text(run, name, name)
            check.equal(f"the name {name!r}", mlflow.artifacts.load_text(f"runs:/{run}/{name}"), name)
            folder, _, last = name.rpartition("/")
            names = [Path(path).name for path, *_ in listing(client, run, folder or None)]
            check.true(f"… is listed: {name!r}", last in names, names)
    # MLflow decodes a name as often as it is encoded, so that both of these are one file.
    client.log_text(run, "first", "a b.txt")
    client.log_text(run, "second", "a%20b.txt")
    check.equal("a name that is encoded", mlflow.artifacts.load_text(f"runs:/{run}/a b.txt"), "second")


def artifacts_of_kinds(check):
    import numpy
    import pandas
    from PIL import Image

    client, experiment, run = run_in("kinds")
    mlflow.set_experiment(experiment_id=experiment)
    client.log_text(run, "Grüße\n", "texts/a.txt")
    client.log_dict(run, {"a": [1, None, "ü"]}, "d.json")
    client.log_dict(run, {"a": 1}, "d.yaml")
    image = numpy.arange(48, dtype="uint8").reshape(4, 4, 3)
    client.log_image(run, image, "image.png")
    client.log_image(run, Image.fromarray(image), key="seen/at", step=3)
    client.log_table(run, {"x": [1, 2], "y": ["a", "b"]}, "table.json")
    client.log_table(run, {"x": [3], "y": ["c"]}, "table.json")
    if importlib.util.find_spec("matplotlib"):
        from matplotlib.figure import Figure

        client.log_figure(run, Figure(), "figure.png")
        check.true("figure", "figure.png" in [name for name, _, _ in listing(client, run)])
    base = client.get_run(run).info.artifact_uri
    check.equal("text", mlflow.artifacts.load_text(base + "/texts/a.txt"), "Grüße\n")
    check.equal("dict as JSON", mlflow.artifacts.load_dict(base + "/d.json"), {"a": [1, None, "ü"]})
    check.equal("dict as YAML", mlflow.artifacts.load_text(base + "/d.yaml").strip(), "a: 1")
    check.equal("image", numpy.asarray(mlflow.artifacts.load_image(base + "/image.png")).tolist(), image.tolist())
    names = [name for name, _, _ in listing(client, run, "images")]
    check.true(
        "image by key and step",
        any(n.startswith("images/seen~at+step+3+") and n.endswith(".png") for n in names),
        names,
    )
    frame = mlflow.load_table("table.json", run_ids=[run])
    check.true("table, appended", frame.equals(pandas.DataFrame({"x": [1, 2, 3], "y": ["a", "b", "c"]})), frame)
    tags = json.loads(client.get_run(run).data.tags["mlflow.loggedArtifacts"])
    check.equal("the table's tag", tags, [{"path": "table.json", "type": "table"}])


def artifacts_multipart(check):
    client, _experiment, run = run_in("parts")
    data = random.Random(1).randbytes(300_001)
    Path("big.bin").write_bytes(data)
    client.log_artifact(run, "big.bin", "in")
    check.equal("listed with its size", listing(client, run, "in"), [("in/big.bin", False, 300_001)])
    check.true("comes back", Path(client.download_artifacts(run, "in/big.bin")).read_bytes() == data)
    check.equal("a second time", client.log_artifact(run, "big.bin", "in"), None)
    uri = client.get_run(run).info.artifact_uri.removeprefix("mlflow-artifacts:/")
    unsupported = 501, "NOT_IMPLEMENTED"
    # As the client asks: the folder in the address, the file's own path in the body.
    made = check.ask("POST", f"{PROXY}mpu/create/{uri}", {"path": "/somewhere/raw.bin", "num_parts": 2})
    if made.status_code == 501:
        check.equal("mpu/create", (501, parsed(made)["error_code"]), unsupported)
        for action in ("complete", "abort"):
            body = {"path": f"{uri}/raw.bin", "upload_id": "x", "parts": []}
            came = check.ask("POST", f"{PROXY}mpu/{action}/{uri}/raw.bin", body)
            check.equal("mpu/" + action, (came.status_code, parsed(came).get("error_code")), unsupported)
    else:
        upload_raw(check, made.json(), uri)
    check.refused("mpu leaves the root", "POST", f"{PROXY}mpu/create/..%2fx", {"path": "x", "num_parts": 1})
    check.refused("presigned upload", "POST", "artifacts/presigned-upload-url", {"run_id": run, "path": "x"})
    check.refused(
        "presigned download", "POST", "artifacts/presigned-download-url", {"run_id": run, "path": "in/big.bin"}
    )
    check.refused("presigned upload of nothing", "POST", "artifacts/presigned-upload-url", {})
    came = check.ask("GET", f"{PROXY}presigned/{uri}/in/big.bin")
    check.ours("presigned", came.status_code, 200, 501, "a part of a file is read where the whole is")
    if came.status_code == 200:
        told = came.json()
        check.equal("presigned: the size", told["file_size"], 300_001)
        part = requests.get(told["url"], headers={**told["headers"], "Range": "bytes=299990-300000"}, timeout=60)
        check.equal("presigned: a part", (part.status_code, part.content), (206, data[299_990:]))
    gone = check.ask("GET", f"{PROXY}presigned/{uri}/in/none.bin").status_code
    check.ours("presigned: of no file", gone, 404, 501, "a part of a file is read where the whole is")
    # The client that is told to reads in parts, or goes on without.
    wanted = {"MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "true", "MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE": "65536"}
    os.environ.update(wanted)
    try:
        Path("parts").mkdir()
        got = Path(client.download_artifacts(run, "in/big.bin", "parts"))
        check.true("comes back in parts", got.read_bytes() == data)
    finally:
        for name in wanted:
            del os.environ[name]


def upload_raw(check, made, uri):
    """Sends two parts where the server speaks multipart itself, completes them, and aborts another upload."""
    check.equal("mpu/create: two parts", [part["part_number"] for part in made["credentials"]], [1, 2])
    tags = []
    for part, data in zip(made["credentials"], (b"a" * 70_000, b"b" * 10), strict=True):
        sent = check.session.put(part["url"], data=data, headers=part.get("headers"), timeout=60)
        check.equal(f"part {part['part_number']}", sent.status_code, 200)
        tags.append({"part_number": part["part_number"], "etag": sent.headers.get("ETag", ""), "url": part["url"]})
    body = {"path": "/somewhere/raw.bin", "upload_id": made["upload_id"], "parts": tags}
    check.answered("mpu/complete", "POST", f"{PROXY}mpu/complete/{uri}", body, {})
    came = check.ask("GET", f"{PROXY}artifacts/{uri}/raw.bin")
    check.true("the parts in order", came.content == b"a" * 70_000 + b"b" * 10)
    other = check.ask("POST", f"{PROXY}mpu/create/{uri}", {"path": "no.bin", "num_parts": 1}).json()
    body = {"path": "no.bin", "upload_id": other["upload_id"]}
    check.answered("mpu/abort", "POST", f"{PROXY}mpu/abort/{uri}", body, {})
    check.equal("an aborted one is not there", check.ask("GET", f"{PROXY}artifacts/{uri}/no.bin").status_code, 404)


def artifacts_raw(check):
    client, _experiment, run = run_in("raw")
    uri = client.get_run(run).info.artifact_uri.removeprefix("mlflow-artifacts:/")
    base = f"{PROXY}artifacts/{uri}"
    check.equal("put", check.exact("PUT", base + "/d/x.txt", b"hello"), (200, b""))
    check.equal("put of unicode", check.exact("PUT", base + "/d/%C3%BC%20%25.txt", b"u")[0], 200)
    got = check.ask("GET", base + "/d/x.txt")
    kind = got.headers["Content-Type"].split(";")[0]
    check.equal("get: status, kind, bytes", (got.status_code, kind, got.content), (200, "text/plain", b"hello"))
    shown = got.headers.get("Content-Disposition", ""), got.headers.get("X-Content-Type-Options")
    check.equal(
        "get: never shown in a page",
        shown,
        ("attachment; filename=x.txt", "nosniff"),
        ('attachment; filename="x.txt"', "nosniff"),
    )
    ranged = check.ask("GET", base + "/d/x.txt", headers={"Range": "bytes=1-2"})
    check.equal("get of a range", (ranged.status_code, ranged.content), (206, b"el"))
    check.refused("get of none", "GET", base + "/nothing", None, 404, "RESOURCE_DOES_NOT_EXIST")
    check.equal("get of a folder", check.ask("GET", base + "/d").status_code, 400)
    listed = check.answered("list by the proxy", "GET", f"{PROXY}artifacts", {"path": uri + "/d"})
    wanted = [{"path": "x.txt", "is_dir": False, "file_size": 5}, {"path": "ü %.txt", "is_dir": False, "file_size": 1}]
    check.equal("… relative to the folder", listed["files"], wanted)
    whole = check.answered("artifacts/list", "GET", "artifacts/list", {"run_id": run})
    check.equal(
        "… with its root", whole, {"root_uri": "mlflow-artifacts:/" + uri, "files": [{"path": "d", "is_dir": True}]}
    )
    empty = check.answered("artifacts/list of none", "GET", "artifacts/list", {"run_id": run, "path": "nothing"})
    check.equal("… leaves files out", empty, {"root_uri": "mlflow-artifacts:/" + uri})
    check.refused(
        "artifacts/list of no run", "GET", "artifacts/list", {"run_id": "0" * 32}, 404, "RESOURCE_DOES_NOT_EXIST"
    )
    got = check.ask("GET", "/get-artifact", {"run_id": run, "path": "d/x.txt"})
    check.equal("get-artifact of the page", (got.status_code, got.content), (200, b"hello"))
    check.equal(
        "also under ajax-api", check.exact("GET", base.replace("/api/", "/ajax-api/") + "/d/x.txt"), (200, b"hello")
    )
    check.equal("delete", check.exact("DELETE", base + "/d/x.txt")[0], 200)
    check.equal("delete of none", check.exact("DELETE", base + "/d/x.txt")[0], 200)
    check.equal("… is gone", check.ask("GET", base + "/d/x.txt").status_code, 404)


def artifacts_leaving(check):
    client, experiment, run = run_in("leaving")
    uri = client.get_run(run).info.artifact_uri.removeprefix("mlflow-artifacts:/")
    client.log_text(run, "inside", "d/inside.txt")
    invalid = (400, "INVALID_PARAMETER_VALUE")
    # Stands where a path that leads out of the server's folder would: it is neither read, written nor deleted.
    guard = check.beside and check.beside / "x"
    if guard:
        guard.write_text("guard")

    made = check.ask("POST", "logged-models", {"experiment_id": experiment}).json()["model"]["info"]["model_id"]
    # No upload has this id: what is refused is the path, before anybody looks for one.
    upload = {"path": "x", "num_parts": 1, "upload_id": "0" * 32, "parts": [{"part_number": 1, "etag": ""}]}

    def came(method, path, body=None, headers=None):
        status, text = check.exact(method, path, body, headers)
        try:
            return status, json.loads(text).get("error_code")
        except ValueError:
            return status, None

    for path in LEAVING:
        for method in ("GET", "PUT") if path.startswith("%2f") else ("GET", "PUT", "DELETE"):
            check.equal(
                f"{method} of {path}",
                came(method, f"{PROXY}artifacts/{path}", b"x" if method == "PUT" else None),
                invalid,
            )
        check.equal(f"list of {path}", came("GET", f"{PROXY}artifacts?path={path}"), invalid)
        check.equal(
            f"artifacts/list of {path}",
            came("GET", f"/api/2.0/mlflow/artifacts/list?run_id={run}&path={path}"),
            invalid,
        )
        check.equal(f"get-artifact of {path}", came("GET", f"/get-artifact?run_id={run}&path={path}"), invalid)
        check.equal(
            f"a logged model's directories of {path}",
            came("GET", f"/api/2.0/mlflow/logged-models/{made}/artifacts/directories?artifact_directory_path={path}"),
            invalid,
        )
        # As with a DELETE: MLflow may send these elsewhere first.
        for action in () if check.mlflow and path.startswith("%2f") else ("create", "complete", "abort"):
            body, kind = json.dumps(upload).encode(), {"Content-Type": "application/json"}
            check.equal(f"mpu/{action} of {path}", came("POST", f"{PROXY}mpu/{action}/{path}", body, kind), invalid)
    deep = f"{uri}/d/../../../../../../../../etc/passwd"
    check.equal("from within a run", came("GET", f"{PROXY}artifacts/{deep}"), invalid)
    for path in ODD:
        odd = f"{PROXY}artifacts/{uri}/{path}"
        put, got = check.exact("PUT", odd, b"odd"), check.exact("GET", odd)
        inside = put[0] == 200 and got == (200, b"odd")
        check.true(f"{path} is kept inside or refused", inside or put[0] >= 400, (put, got))
    check.equal("nothing was lost", mlflow.artifacts.load_text(f"mlflow-artifacts:/{uri}/d/inside.txt"), "inside")
    outside = [Path(os.sep) / "x"]
    if guard:
        check.equal("nothing beside the server's folder was changed", guard.exists() and guard.read_text(), "guard")
        guard.unlink(missing_ok=True)
        # What is kept inside of a run is of its artifacts.
        found = (path for name in ("x", "passwd") for path in check.beside.rglob(name))
        outside += [path for path in found if "artifacts" not in path.parts]
    written = [path for path in outside if path.exists()]
    check.equal("nothing was written outside", written, [])


def artifacts_elsewhere(check):
    """An experiment that wants its artifacts in a folder of this machine: nothing there is readable."""
    folder = Path("elsewhere").resolve()
    made = check.ask("POST", "experiments/create", {"name": fresh("elsewhere"), "artifact_location": folder.as_uri()})
    if made.status_code != 200:
        check.equal("refused", (made.status_code, parsed(made).get("error_code")), (400, "INVALID_PARAMETER_VALUE"))
        return
    run = check.ask("POST", "runs/create", {"experiment_id": made.json()["experiment_id"]}).json()["run"]["info"][
        "run_id"
    ]
    (folder / run / "artifacts").mkdir(parents=True)
    (folder / run / "artifacts" / "secret").write_text("secret")
    why = "MLflow's server reads any folder of its machine that an experiment names"
    got = check.ask("GET", "/get-artifact", {"run_id": run, "path": "secret"})
    check.ours("get-artifact", "secret" in got.text and got.status_code == 200, False, True, why)
    listed = parsed(check.ask("GET", "artifacts/list", {"run_id": run}))
    check.ours("artifacts/list", "files" in listed, False, True, why)


def figures(check):
    if importlib.util.find_spec("matplotlib") is None:
        check.skipped("matplotlib is not installed")
        return
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    client, _experiment, run = run_in("figures")
    figure, axes = pyplot.subplots(figsize=(1, 1))
    axes.plot([0, 1])
    client.log_figure(run, figure, "plots/f.png")
    pyplot.close(figure)
    check.true("a figure", listing(client, run, "plots")[0][2] > 100)


SUBJECTS = [
    artifacts,
    artifacts_of_kinds,
    artifacts_multipart,
    artifacts_raw,
    artifacts_leaving,
    artifacts_elsewhere,
    figures,
]
