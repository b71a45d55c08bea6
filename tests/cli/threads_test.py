#!/usr/bin/python3
"""How many threads a run has: what limits them, that they pay, and what happens where there are none.

usage: threads_test.py ICL [unittest arguments]
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ICL = None
CONFIG = """
[data]
K = 64
N = 8
[model]
hidden = 16
[train]
epochs = 2
steps_per_epoch = 20
"""
# A user of this test alone: a limit on processes counts what the user has everywhere, in other tests too.
SOMEBODY = 20000 + os.getpid() % 40000
LIMITS = ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "SLURM_CPUS_PER_TASK")


def environment(**variables):
    return {name: value for name, value in os.environ.items() if name not in LIMITS} | variables


class ThreadsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="icl_threads_")
        self.addCleanup(folder.cleanup)
        self.cwd = Path(folder.name)
        (self.cwd / "run.toml").write_text(CONFIG)

    def run_icl(self, *arguments, **options):
        return subprocess.run([options.pop("program", ICL), *map(str, arguments)], cwd=self.cwd, capture_output=True,
                              text=True, timeout=60, check=False, **options)

    def threads_of(self, *arguments, **variables):
        """The number of threads that a run was offered, and what was said of it."""
        done = self.run_icl("train", "run.toml", "--out", "run.h5", "--force", *arguments, env=environment(**variables))
        self.assertEqual(done.returncode, 0, done.stderr)
        info = json.loads(self.run_icl("info", "run.h5", "--json").stdout)
        provenance = info["provenance"]
        return (provenance[-1] if isinstance(provenance, list) else provenance)["threads"], done.stderr

    def test_the_default_is_the_least_limit_and_is_said(self):
        for name in LIMITS:
            threads, said = self.threads_of(**{name: "1"})
            self.assertEqual(threads, 1)
            self.assertRegex(said, r"steps/s on 1 thread ")
        self.assertLessEqual(self.threads_of()[0], len(os.sched_getaffinity(0)))
        self.assertEqual(self.threads_of(OMP_NUM_THREADS="nonsense")[0], self.threads_of()[0])

    def test_what_is_asked_for_wins(self):
        threads, said = self.threads_of("--threads", "3", OMP_NUM_THREADS="1", OMP_THREAD_LIMIT="2")
        self.assertEqual(threads, 3)
        self.assertRegex(said, r"steps/s on [123] threads? ")

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to become another user")
    def test_where_no_thread_can_be_started_one_sentence_says_so(self):
        # In a folder that the other user may reach.
        self.cwd.chmod(0o777)
        program = self.cwd / "icl"
        shutil.copy(ICL, program)

        def as_somebody():
            os.setgid(SOMEBODY)
            os.setuid(SOMEBODY)
            resource.setrlimit(resource.RLIMIT_NPROC, (2, 2))

        for command in (("train", "run.toml"), ("bench", "run.toml")):
            done = self.run_icl(*command, "--threads", "8", program=program, preexec_fn=as_somebody)
            self.assertEqual(done.returncode, 71, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)
            self.assertIn("ulimit -u", done.stderr)
        self.assertEqual([path.name for path in self.cwd.iterdir() if "run.h5" in path.name], [])
        # A sweep says it once: of the run that it tried, and that it tried no other.
        (self.cwd / "sweep.toml").write_text(CONFIG + "[sweep]\nseeds = 6\n")
        done = self.run_icl("sweep", "sweep.toml", "--out", "folder", "--quiet", program=program, preexec_fn=as_somebody)
        self.assertEqual(done.returncode, 71, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 2, done.stderr)
        self.assertIn("ulimit -u", done.stderr)
        self.assertIn("6 of 6 left", done.stderr)
        self.assertEqual([path.name for path in (self.cwd / "folder").rglob("*") if path.suffix in (".h5", ".lock")], [])


if __name__ == "__main__":
    ICL = Path(sys.argv.pop(1)).resolve()
    unittest.main()
