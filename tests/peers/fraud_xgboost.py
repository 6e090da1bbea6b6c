"""The judge of the fraud bar: XGBoost on the same rows and the same parts.

Usage: python fraud_xgboost.py RUN_FOLDER
Reads RUN_FOLDER/plan.json (Parquet form, one byte a row: 0 training, 1 validation, 2 test), trains XGBoost with learning
rate 0.05, 200 rounds, depth 5, L2 5 on the training part, and prints {"average_precision": …} on the test part.

Set-up: python3 -m venv VENV && VENV/bin/pip install xgboost==3.2.0 pyarrow pandas scikit-learn
"""

import json
import sys

import numpy
import pandas
import pyarrow.parquet
import xgboost
from sklearn.metrics import average_precision_score

plan = json.load(open(f"{sys.argv[1]}/plan.json"))
table = pyarrow.parquet.read_table(plan["data"]["parquet"]).to_pandas()
parts = numpy.frombuffer(open(plan["data"]["parts"], "rb").read(), dtype=numpy.uint8)
assert len(parts) == len(table), (len(parts), len(table))
features = [column["name"] for column in plan["columns"] if column["role"] == "feature" and column["kind"] != "text"]
frame = table[features].copy()
for name in features:
    if frame[name].dtype == object or str(frame[name].dtype) in ("category", "string", "str"):
        frame[name] = frame[name].astype("category")
    elif str(frame[name].dtype).startswith("datetime"):
        frame[name] = frame[name].astype("int64")
target = table[plan["target"]]
target = target.astype(str).str.lower().isin(["1", "1.0", "true"]).to_numpy()
train, test = parts == 0, parts == 2
model = xgboost.XGBClassifier(
    n_estimators=200, learning_rate=0.05, max_depth=5, reg_lambda=5, tree_method="hist", enable_categorical=True, n_jobs=2
)
model.fit(frame[train], target[train])
score = average_precision_score(target[test], model.predict_proba(frame[test])[:, 1])
print(json.dumps({"average_precision": float(score), "positives": int(target[test].sum()), "rows": int(test.sum())}))
