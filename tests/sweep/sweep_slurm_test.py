"""The batch script of a sweep. (On a Slurm that runs: slurm_cluster_test.py.)

usage: sweep_slurm_test.py ICL
"""

import os
import subprocess

from sweeping import SweepingTest, main


class SweepSlurmTest(SweepingTest):
    def test_slurm_script(self):
        out = self.ok("sweep", "sweep.toml", "--out", "a folder's", "--slurm", "--tasks", "3", "--jobs", "2",
                      "--sbatch=--time=02:00:00").stdout.strip()
        script = self.cwd / out
        subprocess.run(["bash", "-n", script], check=True)
        text = script.read_text()
        for line in "#SBATCH --array=0-2", "#SBATCH --cpus-per-task=2", "#SBATCH --time=02:00:00", "#SBATCH --requeue":
            self.assertIn(line + "\n", text)
        self.assertEqual(list(self.cwd.glob("*/runs")), [], "nothing is trained")

    def test_slurm_script_asks_for_what_it_needs(self):
        (self.cwd / "modules.sh").write_text("module load gcc\nexport A='b c'")
        result = self.ok("sweep", "sweep.toml", "--out", "out", "--slurm", "--prologue", "modules.sh")
        text = (self.cwd / "out/sweep.sbatch").read_text()
        self.assertRegex(text, r"\n#SBATCH --time=00:1[0-9]:00\n")
        self.assertRegex(text, r"\n#SBATCH --mem=[0-9]+M\n")
        self.assertIn(f"\n#SBATCH --chdir='{self.cwd}'\n", text)
        self.assertIn("\nmodule load gcc\nexport A='b c'\nsrun ", text)
        self.assertRegex(result.stderr, r"6 runs in 1 tasks of 16 CPUs: about .* a task")
        self.fails(65, "cannot read 'no.sh'", "sweep", "sweep.toml", "--out", "new", "--slurm", "--prologue", "no.sh")
        for text, part in ((b"a\n\tmodule load gcc\r\n", "line 2 holds the control character \\x0d, as lines end on Windows"),
                           (b"echo '\x1b[31m'\n", "line 1 holds the control character \\x1b;"), (b"a\0b", "control character \\x00;")):
            (self.cwd / "bad.sh").write_bytes(text)
            self.fails(65, part, "sweep", "sweep.toml", "--out", "new", "--slurm", "--prologue", "bad.sh")
        for text in ("cat <<EOF\nhello\n", "module load 'gcc\n", "if true; then\n", "A=$(ls\n", "true &&\n"):
            (self.cwd / "open.sh").write_text(text)
            self.fails(65, "leaves something open", "sweep", "sweep.toml", "--out", "new", "--slurm", "--prologue", "open.sh")
        for end in ("", "\n"):
            (self.cwd / "modules.sh").write_text("module load \\" + end)
            self.ok("sweep", "sweep.toml", "--out", "out", "--slurm", "--prologue", "modules.sh")
            self.assertIn("\nmodule load \\\n\nsrun ", (self.cwd / "out/sweep.sbatch").read_text())
        self.fails(64, "--tasks sets the array", "sweep", "sweep.toml", "--out", "new", "--slurm", "--sbatch=--arr=0-9")

    def test_a_failed_sbatch_is_one_message(self):
        bin = self.cwd / "bin"
        bin.mkdir()
        submit = ["sweep", "sweep.toml", "--out", "out", "--slurm", "--submit", "--kernels", "avx2"]

        def said(script):
            if script:
                (bin / "sbatch").write_text("#!/bin/bash\n" + script)
                (bin / "sbatch").chmod(0o755)
            result = self.icl(*submit, env=os.environ | {"PATH": f"{bin}:/usr/bin:/bin" if script else str(bin)})
            lines = [line for line in result.stderr.splitlines() if "runs in" not in line]
            return result.returncode, result.stdout, lines

        script = "out/sweep.sbatch"
        self.assertEqual(said(None), (69, "", [f"icl: cannot run 'sbatch': No such file or directory; the script is '{script}'"]))
        self.assertEqual(said("echo sbatch: error: a >&2; echo b >&2; exit 3"),
                         (69, "", [f"icl: sbatch refused the script '{script}' (exit status 3): sbatch: error: a;b"]))
        self.assertEqual(said("echo Submitted batch job 7; [[ $1 == out/sweep.sbatch ]]"), (0, "Submitted batch job 7\n", []))


if __name__ == "__main__":
    main()
