#!/usr/bin/python3
"""Every block of the documentation runs as it stands there, and its results are compared with numbers known otherwise.

A page is read from top to bottom, in one folder: a TOML block that begins with "# NAME.toml" is written to that file, another
one must be TOML; a shell block is run by bash; a Python block is run, and what it prints goes to its check below. A block
behind <!-- not run: WHY --> is left out.

usage: pages_test.py ICL PROJECT PAGE...
"""

import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

BLOCK = re.compile(r"(<!-- not run: [^>]+ -->\n)?```(\w+)\n(.*?)```", re.DOTALL)


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+\.\d+(?:e-?\d+)?", text)]


class Page:
    """A page, its folder, and the program."""

    def __init__(self, icl, project, name, folder):
        self.icl, self.name, self.folder = icl, name, Path(folder)
        self.text = (project / name).read_text(encoding="utf-8")
        self.environment = os.environ | {"PATH": f"{Path(icl).parent}:/usr/bin:/bin", "MPLBACKEND": "Agg",
                                         "PYTHONPATH": str(project / "src/python")}
        for shared in ("experiments", "data"):
            (self.folder / shared).symlink_to(project / shared)

    def run(self, *command):
        done = subprocess.run([str(word) for word in command], cwd=self.folder, env=self.environment, capture_output=True,
                              text=True, timeout=300, check=False)
        if done.returncode != 0:
            sys.exit(f"{self.name}: status {done.returncode} of\n{command[-1]}\n{done.stdout}{done.stderr}")
        return done.stdout

    def info(self, file):
        return json.loads(self.run(self.icl, "info", file, "--json"))

    def close(self, found, expected, what, within=1e-12):
        if len(found) != len(expected) or any(abs(a - b) > within for a, b in zip(found, expected)):
            sys.exit(f"{self.name}: {what}: {found} printed, {expected} expected")

    def execute(self, checks):
        waiting = list(checks)
        for match in BLOCK.finditer(self.text):
            skipped, language, block = match.groups()
            if skipped:
                continue
            if language == "toml":
                tomllib.loads(block)
                file = re.match(r"# (\w+\.toml)", block)
                if file:
                    (self.folder / file.group(1)).write_text(block, encoding="utf-8")
            elif language == "sh":
                self.run("bash", "-euo", "pipefail", "-c", block)
            elif language == "python":
                if not waiting:
                    sys.exit(f"{self.name}: no check for\n{block}")
                waiting.pop(0)(self, self.run("/usr/bin/python3", "-c", block))
        if waiting:
            sys.exit(f"{self.name}: {len(waiting)} checks without a block")


def final_accuracies(page, said):
    """Printed at the last step: what `icl info` has as final values."""
    final = page.info("run.h5")["final"]
    page.close(numbers(said), [final["icl_accuracy"], final["iwl_accuracy"]], "accuracies")


def means_of_a_sweep(page, said):
    """Means over seeds: the same from the CSV file, by this test's own arithmetic."""
    page.run(page.icl, "merge", "results", "--out", "sweep.csv")
    groups = {}
    with open(page.folder / "sweep.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            groups.setdefault(float(row["data.K"]), []).append(float(row["final_icl_accuracy"]))
    expected = [sum(values) / len(values) for _, values in sorted(groups.items())]
    found = [numbers(line)[-1] for line in said.splitlines() if re.match(r"\s*(\d|inf)", line)]
    page.close(found, expected, "means of ICL accuracy", 1e-6)


def done_runs_and_their_mean(page, said):
    """Of all runs of grid.toml: 3 K, 2 N, 2 decays, 2 seeds. The mean, from the CSV file: all end at step 40."""
    with open(page.folder / "grid.csv", newline="", encoding="utf-8") as file:
        final = [float(row["final_icl_accuracy"]) for row in csv.DictReader(file)]
    page.close(numbers(said), [24.0, sum(final) / len(final)], "runs done, and mean of ICL accuracy")


def parts_of_a_sweep(page, said):
    """Of the runs with K = infinity and N = 8, from the CSV file: their mean, to the digits that are printed, and that none acquired ICL."""
    with open(page.folder / "grid.csv", newline="", encoding="utf-8") as file:
        final = [float(row["final_icl_accuracy"]) for row in csv.DictReader(file) if float(row["data.K"]) == float("inf") and row["data.N"] == "8"]
    page.close(numbers(said)[:1], [sum(final) / len(final)], "mean ICL accuracy", 5e-4)
    if f"{len(final)}" != "4" or "acquired ICL: 0 (0 to 0." not in said:
        sys.exit(f"{page.name}: {len(final)} runs, {said}")


def accuracy_by_hand(page, said):
    """A forward pass in numpy against what was recorded: a logit closer to zero than rounding may fall on either side."""
    found, recorded = numbers(said)
    page.close([found], [recorded], "IWL accuracy", 1 / 500)
    page.close([recorded], [page.info("run.h5")["final"]["iwl_accuracy"]], "recorded IWL accuracy")


def a_run_from_inside(page, said):
    """Losses as recorded; without attention, what the run's own lesion found on the same 256 sequences (one logit near zero may differ)."""
    final = page.info("run.h5")["final"]
    lines = said.splitlines()
    expected = [final["icl_loss"]] * 2 + [final["iwl_loss"]] * 2
    page.close([n for line in lines[-4:-2] for n in numbers(line)], expected, "losses at the last snapshot", 1e-5)
    page.close(numbers(lines[-1]), [final["no_attention_iwl_accuracy"]], "IWL accuracy without attention", 1 / 256)


CHECKS = {
    "README.md": [final_accuracies, means_of_a_sweep],
    "experiments/README.md": [done_runs_and_their_mean, parts_of_a_sweep],
    "data/README.md": [accuracy_by_hand, a_run_from_inside],
}


def main(icl, project, *names):
    for name in names:
        with tempfile.TemporaryDirectory(prefix="icl-pages-") as folder:
            Page(os.path.abspath(icl), Path(project).resolve(), name, folder).execute(CHECKS.get(name, []))
            print(f"{name}: every block runs")


if __name__ == "__main__":
    main(*sys.argv[1:])
