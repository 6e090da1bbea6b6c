"""Writes the data of the sample projects from the packages that carry it.

    python3 -m venv VENV && VENV/bin/pip install scikit-learn pillow palmerpenguins
    VENV/bin/python sample-projects/export.py

Recorded with scikit-learn 1.9.1, pillow 13.0.0 and palmerpenguins 0.1.6; the results lie in the tree, so that nobody
needs Python to open a sample.
"""

import csv
from importlib import resources
from pathlib import Path

from PIL import Image
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

HERE = Path(__file__).parent


def rows_to(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def digits():
    data = load_digits()
    for number, (pixels, label) in enumerate(zip(data.images, data.target)):
        folder = HERE / "digits" / "images" / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        # 17 levels, 0 to 16, spread over 0 to 255.
        levels = (pixels * 255 / 16).round().astype("uint8")
        Image.fromarray(levels).save(folder / f"{number:04}.png", optimize=True)


def penguins():
    source = resources.files("palmerpenguins") / "data" / "penguins.csv"
    path = HERE / "penguins" / "penguins.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source.read_text(encoding="utf-8").replace("\r\n", "\n"), encoding="utf-8", newline="\n")


def breast_cancer():
    data = load_breast_cancer()
    header = [name.replace(" ", "_") for name in data.feature_names] + ["diagnosis"]
    rows = [[repr(float(cell)) for cell in row] + [data.target_names[label]] for row, label in zip(data.data, data.target)]
    rows_to(HERE / "breast-cancer" / "breast-cancer.csv", header, rows)


def diabetes():
    data = load_diabetes(scaled=False)
    header = list(data.feature_names) + ["progression"]
    rows = [[f"{cell:g}" for cell in row] + [f"{target:g}"] for row, target in zip(data.data, data.target)]
    rows_to(HERE / "diabetes" / "diabetes.csv", header, rows)


if __name__ == "__main__":
    digits()
    penguins()
    breast_cancer()
    diabetes()
