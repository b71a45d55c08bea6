"""The README's example of reading a run file in Python does what it says.

usage: readme_test.py ICL README
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

RUN = """
[model]
hidden = 32
[data]
K = 64
N = 12
[train]
epochs = 20
steps_per_epoch = 20
batch_size = 32
learning_rate = 0.1
[eval]
sequences = 500
"""


def main(icl, readme):
    icl = os.path.abspath(icl)
    example = re.search(r"```python\n(.*?)```", Path(readme).read_text(encoding="utf-8"), re.DOTALL).group(1)
    with tempfile.TemporaryDirectory(prefix="icl-readme-") as folder:
        (Path(folder) / "run.toml").write_text(RUN)
        for command in (["train", "run.toml", "--quiet"], ["export", "run.h5", "--evaluation", "400", "--out", "data.h5"]):
            subprocess.run([icl, *command], cwd=folder, check=True)
        said = subprocess.run([sys.executable, "-c", example], cwd=folder, check=True, capture_output=True, text=True).stdout
    found, recorded = (float(number) for number in re.findall(r"\d+\.\d+", said))
    # A logit closer to zero than rounding may fall on either side.
    if abs(found - recorded) > 1 / 500 or found < 0.6:
        sys.exit(f"the README's example says: {said}")
    print(said, end="")


if __name__ == "__main__":
    main(*sys.argv[1:])
