"""The data of a machine for tests: real where it is at hand, generated where it is not."""

import csv
import subprocess
import sys
from pathlib import Path

from benchmarks.real_data import data_file

ROOT = Path(__file__).parents[2]

_AS_IN_AI4I = {
    "quality": "Type",
    "air_temperature_k": "Air temperature [K]",
    "process_temperature_k": "Process temperature [K]",
    "rotational_speed_rpm": "Rotational speed [rpm]",
    "torque_nm": "Torque [Nm]",
    "tool_wear_min": "Tool wear [min]",
    "fault": "Machine failure",
}


def machine_data(folder: Path) -> Path:
    """Give AI4I 2020 as CSV, or 10,000 generated rows of the same columns; the file's name says which."""
    real = data_file("ai4i2020/ai4i2020.csv")
    if real is not None:
        return real
    generated, renamed = folder / "plain.csv", folder / "generated.csv"
    command = [sys.executable, str(ROOT / "examples" / "generate.py"), "--rows=10000", "--seed=1", f"--out={generated}"]
    subprocess.run(command, check=True, timeout=120)
    with generated.open(newline="") as source, renamed.open("w", newline="") as target:
        rows = csv.reader(source)
        writer = csv.writer(target)
        writer.writerow([_AS_IN_AI4I.get(name, name) for name in next(rows)])
        writer.writerows(rows)
    return renamed
