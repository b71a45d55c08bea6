"""The instruction set of the loops: chosen, forced, refused, recorded, and without effect on the bits.

usage: isa_test.py ICL
"""

import os
import sys
from pathlib import Path

import h5py

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from program import TINY, ProgramTest, main  # noqa: E402

SETTINGS = TINY.format(epochs=3, steps_per_epoch=7)


def environment(isa):
    return os.environ | {"ICL_ISA": isa}


class Isa(ProgramTest):
    def run_with(self, isa, name, *more):
        self.icl("train", "run.toml", "--out", name, "--quiet", *more, env=environment(isa))
        with h5py.File(self.cwd / name) as file:
            return file["provenance/stretches"]["compiler_flags"][-1].decode().split("loops: ")[1]

    def test_a_name_that_is_none_is_refused_at_the_start(self):
        refused = self.icl("--version", status=64, env=environment("sse2"))
        self.assertIn("ICL_ISA=sse2: the instruction sets are avx2 and avx512", refused.stderr)

    def test_the_widest_is_chosen_and_the_version_says_which(self):
        free = {name: value for name, value in os.environ.items() if name != "ICL_ISA"}
        flags = next(line for line in open("/proc/cpuinfo") if line.startswith("flags")).split()
        widest = "avx512" if {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"} <= set(flags) else "avx2"
        self.assertIn(f"loops: {widest}", self.icl("--version", env=free).stdout)
        self.assertIn("loops: avx2", self.icl("--version", env=environment("avx2")).stdout)

    def test_bits_do_not_depend_on_it(self):
        (self.cwd / "run.toml").write_text(SETTINGS)
        try:
            self.icl("--version", env=environment("avx512"))
        except AssertionError:
            self.skipTest("this CPU has no AVX-512")
        for more in ([], ["--set", "data.K=inf", "--set", "data.noise=0.1"], ["--set", "model.system=minimal"],
                     ["--set", "model.system=multi_layer", "--set", "data.K=inf"], ["--set", "model.system=scalar_beta"]):
            with self.subTest(more):
                for isa in ("avx2", "avx512"):
                    self.assertEqual(self.run_with(isa, f"{isa}.h5", *more, "--force"), isa)
                self.icl("compare", "avx2.h5", "avx512.h5")  # status 0: equal
                self.icl("verify", "avx2.h5", "--quiet", env=environment("avx512"))


if __name__ == "__main__":
    main()
