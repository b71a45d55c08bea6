"""An item of experiments/ at smoke scale: icl reproduce takes it from nothing to its picture and verdicts, and once more to the same bytes.

usage: item_test.py ICL PROJECT ITEM
"""

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path


def main(icl, project, name):
    item = Path(project) / "experiments" / name
    document = tomllib.loads((item / "experiment.toml").read_text())
    with tempfile.TemporaryDirectory(prefix="icl-item-") as folder:
        command = [icl, "reproduce", name, "--scale", "smoke", "--out", folder, "--experiments", str(item.parent), "--quiet"]
        variables = os.environ | {"ICL_PYTHON": "/usr/bin/python3"}
        out = Path(folder) / name / "smoke"
        before = None
        for _ in range(2):
            done = subprocess.run(command, capture_output=True, text=True, timeout=1200, env=variables, check=False)
            if done.returncode not in (0, 1) or "Traceback" in done.stderr or "Warning" in done.stderr:
                sys.exit(f"{name}: status {done.returncode}\n{done.stdout}{done.stderr}")
            files = {kind: (out / f"figure.{kind}").read_bytes() for kind in ("png", "pdf", "svg")}
            files["results"] = (out / "results.json").read_bytes()
            if before is not None and files != before:
                sys.exit(f"{name}: made again, {[kind for kind in files if files[kind] != before[kind]]} differ")
            before = files
        results = json.loads(files["results"])
    for key in ("title", "question"):
        if not document.get("item", {}).get(key):
            sys.exit(f"{name}: experiment.toml has no [item] with a {key}")
    if not (item / "README.md").is_file():
        sys.exit(f"{name}: no README.md")
    judged = [check["name"] for check in document["check"] if "smoke" in check.get("scales", ["smoke"])]
    if [check["name"] for check in results["checks"]] != judged:
        sys.exit(f"{name}: {results['checks']} were judged, not {judged}")
    # A quantity that no scale computes would fail every check of it for a reason of ours.
    source = (item / "figure.py").read_text() + "".join(path.read_text() for path in (Path(project) / "src/python/icl_lab").glob("*.py"))
    unknown = [check["quantity"] for check in document["check"]
               if check["quantity"] not in results["quantities"] and check["quantity"] not in source]
    if unknown:
        sys.exit(f"{name}: figure.py does not compute {', '.join(unknown)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
