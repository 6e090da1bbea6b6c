"""64 clients log at once, then the host is killed in the middle: no error, no lost point.

    python track_crowd.py --slipway PROGRAM [--seconds 60] [--peer-seconds 15]

Eight processes: four drive MLflow's unchanged client in eight threads each, four send bare requests on eight kept
connections each. Each client knows what was acknowledged; afterwards the server must have exactly that, and after
kill -9 at least that (a request that was under way may or may not have come through). In between the same clients log
to MLflow's server, for a shorter time; how many points a second came there is said, and judged by nothing.
"""

import argparse
import json
import multiprocessing
import os
import queue
import shutil
import signal
import sys
import tempfile
import threading
import time

from track import Raw, client_of, mlflow_server, slipway

T0 = 1_700_000_000_000
THREADS = 8
# How long a client may take for the request that was under way when its time was over.
PATIENCE_S = 120
SILENT = f"said nothing {PATIENCE_S} s after its time was over"
# A child has mlflow as its parent has: to import it would take much of a short time.
FORK = multiprocessing.get_context("fork")


def by_client(address, experiment, until, told):
    from mlflow.entities import Metric

    class Served:
        pass

    served = Served()
    served.address = address
    client = client_of(served)

    def log():
        run, step = client.create_run(experiment).info.run_id, 0
        try:
            while time.time() < until:
                client.log_batch(run, metrics=[Metric("loss", 1 / (1 + i), T0 + i, i) for i in range(step, step + 100)])
                step += 100
            told.put((run, step, None))
        except Exception as error:
            told.put((run, step, f"{type(error).__name__}: {error}"[:300]))

    together(log)


def by_request(address, experiment, until, told):
    def log():
        raw, run, step = Raw(address), None, 0
        try:
            made = raw.ask("POST", "/api/2.0/mlflow/runs/create", json.dumps({"experiment_id": experiment}))
            run = json.loads(made)["run"]["info"]["run_id"]
            while time.time() < until:
                metrics = [
                    {"key": "loss", "value": 1 / (1 + i), "timestamp": T0 + i, "step": i} for i in range(step, step + 100)
                ]
                raw.ask("POST", "/api/2.0/mlflow/runs/log-batch", json.dumps({"run_id": run, "metrics": metrics}))
                step += 100
            told.put((run, step, None))
        except (Exception, SystemExit) as error:
            told.put((run, step, f"{type(error).__name__}: {error}"[:300]))

    together(log)


def together(work):
    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]


def crowd(served, seconds, kill_after=None, retries=0):
    """What each client was acknowledged: run, points, error. Without `retries` what MLflow's client would get past by a second
    attempt is an error, too."""
    experiment = client_of(served).create_experiment(f"crowd-{time.time()}")
    told, until = FORK.Queue(), time.time() + seconds
    os.environ.update(MLFLOW_HTTP_REQUEST_MAX_RETRIES=str(retries))
    work = [by_client] * 4 + [by_request] * 4
    all_of = [FORK.Process(target=one, args=(served.address, experiment, until, told)) for one in work]
    [process.start() for process in all_of]
    if kill_after:
        time.sleep(kill_after)
        os.kill(served.process.pid, signal.SIGKILL)
        served.process.wait()
    last, results = until + PATIENCE_S, []
    try:
        for _ in range(THREADS * len(work)):
            results.append(told.get(timeout=max(last - time.time(), 1)))
    except queue.Empty:
        results += [(None, 0, SILENT)] * (THREADS * len(work) - len(results))
    for process in all_of:
        process.join(timeout=max(last - time.time(), 1))
        if process.is_alive():
            process.kill()
            process.join()
    return results


def beside_mlflow(folder, seconds, own):
    """The same clients with MLflow's server; `own` is how many points a second came to ours."""
    theirs = mlflow_server(folder, "mlflow.db")
    try:
        results = crowd(theirs, seconds, retries=3)
    finally:
        theirs.stop()
    peer = sum(count for _, count, _ in results) / seconds
    errors = sum(error is not None for _, _, error in results)
    ratio = f"{own / peer:.1f}×" if peer else "none came there"
    print(
        f"beside MLflow's server, which {len(results)} clients had for {seconds:.0f} s: {own:,.0f} to {peer:,.0f} points/s,"
        f" {ratio}; {errors} errors there",
        flush=True,
    )


def stored(served, run):
    raw = Raw(served.address)
    content = json.loads(raw.ask("GET", f"/api/2.0/mlflow/metrics/get-history?run_id={run}&metric_key=loss"))
    return [metric["step"] for metric in content.get("metrics", [])]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--slipway", required=True)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--peer-seconds", type=float, default=15)
    asked = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="crowd-")
    home, failed, served = os.path.join(folder, "home"), [], None
    try:
        served = slipway(asked.slipway, folder, home)
        before = served.cpu()
        results = crowd(served, asked.seconds)
        cpu, memory = served.cpu() - before, served.memory_mb()
        failed += [error for _, _, error in results if error]
        points = sum(count for _, count, _ in results)
        for run, count, error in results:
            steps = stored(served, run) if run else []
            if not error and steps != list(range(count)):
                failed.append(f"{run}: {count} points were acknowledged, {len(steps)} are there")
        print(
            f"{len(results)} clients, {points:,} points in {asked.seconds:.0f} s, {len(failed)} errors;"
            f" the host: {cpu:.1f} s of CPU, {memory:.0f} MB",
            flush=True,
        )
        beside_mlflow(folder, asked.peer_seconds, points / asked.seconds)

        results = crowd(served, asked.seconds / 4 + 5, kill_after=asked.seconds / 8 + 2)
        failed += [error for _, _, error in results if error == SILENT]
        served = slipway(asked.slipway, folder, home)
        acknowledged, lost = 0, 0
        for run, count, _ in results:
            if run is None:
                continue
            steps = set(stored(served, run))
            acknowledged += count
            lost += len(set(range(count)) - steps)
        print(f"killed in the middle: of {acknowledged:,} acknowledged points {lost} are lost", flush=True)
        if lost or not acknowledged:
            failed.append("points are lost")
    finally:
        if served:
            served.stop()
        shutil.rmtree(folder, ignore_errors=True)
    for one in failed[:20]:
        print(f"FAILED {one}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
