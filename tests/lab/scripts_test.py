"""The scripts of experiments/lab on the runs of its runs.toml: each is under 30 lines of code, draws its picture, and says what it saw.

usage: scripts_test.py ICL PROJECT [PICTURES]      with src/python in PYTHONPATH; at full size, and with the pictures in that folder, if one is named
"""

import ast
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path


def code_lines(source):
    """Lines that hold code: neither empty, comment nor docstring."""
    tree = ast.parse(source)
    first = tree.body[0].end_lineno if ast.get_docstring(tree) else 0
    return sum(bool(line.split("#")[0].strip()) for line in source.splitlines()[first:])


def numbers(said, beginning):
    """Those of the line that begins so."""
    line, = (line for line in said.splitlines() if line.startswith(beginning))
    return [float(word) for word in re.findall(r"-?\d+\.\d+", line.removeprefix(beginning))]


def check_attention(said):
    for K, attends in (("few", False), ("many", True)):
        lines = [line for line in said.splitlines() if ("t_ICL None" in line) != attends]
        if len(lines) != 2:
            sys.exit(f"attention.py: two runs of {K} items were expected:\n{said}")
        for line in lines:
            end = float(line.split()[-1])
            if end > 0.6 if not attends else end < 0.6:
                sys.exit(f"attention.py: {line}")


def check_patching(said):
    """The pattern alone makes the difference: with the other's, the generaliser loses ICL and the memoriser has it."""
    for who, way in (("generaliser", -1), ("memoriser", 1)):
        alone, patched = numbers(said, f"ICL accuracy of the {who}")
        if way * (patched - alone) < 0.2:
            sys.exit(f"patching.py: {said}")
    if numbers(said, "IWL accuracy of the memoriser")[0] < 0.95:
        sys.exit(f"patching.py: {said}")


def check_paths(said):
    ends = [numbers(line, "K = ")[-2:] for line in said.splitlines()]
    apart = lambda a, b: sum((x - y) ** 2 for x, y in zip(a, b)) ** 0.5
    if not max(apart(ends[0], ends[1]), apart(ends[2], ends[3])) < min(apart(a, b) for a in ends[:2] for b in ends[2:]):
        sys.exit(f"paths.py: runs of equal K do not end together:\n{said}")


def check_spectrum(said):
    start, at, end = (numbers(said, f"{name}: ") for name in ("start", "t_ICL", "end"))
    if not (start[2] < 0.1 and at[2] > 0.4 and end[2] > 0.6 and end[0] < start[0]):
        sys.exit(f"spectrum.py: {said}")


def main(icl, project, pictures=None):
    folder = Path(project) / "experiments/lab"
    variables = os.environ | {"ICL_PROGRAM": os.path.abspath(icl), "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory(prefix="icl-scripts-") as work:
        size = ["--scale", "smoke"] if pictures is None else []
        subprocess.run([icl, "sweep", folder / "runs.toml", "--out", f"{work}/sweep", "--quiet", *size], check=True, capture_output=True)
        for name, check in (("attention", check_attention), ("patching", check_patching), ("paths", check_paths), ("spectrum", check_spectrum)):
            script = folder / f"{name}.py"
            if (lines := code_lines(script.read_text())) >= 30:
                sys.exit(f"{script}: {lines} lines of code")
            picture = Path(pictures or work) / f"{name}.png"
            done = subprocess.run(["/usr/bin/python3", script, f"{work}/sweep", picture], capture_output=True, text=True, env=variables, check=False)
            if done.returncode or done.stderr:
                sys.exit(f"{script}: status {done.returncode}\n{done.stdout}{done.stderr}")
            print(done.stdout, end="", flush=True)
            check(done.stdout)
            if not picture.read_bytes().startswith(b"\x89PNG"):
                sys.exit(f"{picture} is no PNG")


if __name__ == "__main__":
    main(*sys.argv[1:])
