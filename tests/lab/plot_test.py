"""icl plot: a picture of each kind of file, equal bytes for equal data, facts in the metadata of each format, and what is refused.

usage: plot_test.py ICL
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from icl_lab import plot as pictures
from icl_lab import single_sweep, singles
from icl_lab.read import Export

ICL = None
RUN = """
[model]
system = "minimal"
beta0 = 0.0
hidden = 16
[data]
K = 64
N = 8
[train]
epochs = 3
steps_per_epoch = 20
[eval]
sequences = 40
[probe]
sequences = 20
"""
AXES = """
[sweep]
seeds = 2
[sweep.axes]
data.K = [16, 64, 256]
"""


class PlotTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="icl-plot-")
        cls.cwd = Path(cls.folder.name)
        (cls.cwd / "run.toml").write_text(RUN)
        (cls.cwd / "sweep.toml").write_text(RUN + AXES)
        (cls.cwd / "alone.toml").write_text(RUN + "[sweep]\nseeds = 2\n")
        for command in ("train run.toml --out run.h5 --quiet", "export run.h5 --evaluation 40 --out data.h5",
                        "theory landscape --N 8 --w -1 5 20 --beta -2 5 20 --out landscape.h5",
                        "sweep sweep.toml --out sweep --quiet", "merge sweep --out sweep.h5",
                        "sweep alone.toml --out alone --quiet", "merge alone --out alone.h5",
                        "merge alone --series icl_accuracy --out series.h5"):
            done = cls.icl(*command.split())
            assert done.returncode == 0, (command, done.stderr)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def icl(cls, *arguments):
        return subprocess.run([ICL, *map(str, arguments)], cwd=cls.cwd, capture_output=True, text=True, timeout=120, check=False,
                              env=os.environ | {"ICL_PYTHON": "/usr/bin/python3"})

    def test_an_export_is_coloured_by_what_its_sequences_carry(self):
        (self.cwd / "blocks.toml").write_text(RUN.replace('"minimal"\nbeta0 = 0.0', '"blocks"').replace("N = 8", "N = 6"))
        for name, settings, expected in (("labels", ("--set", "data.label_count=5"), ("viridis", (1, 5))),
                                         ("numbers", ("--set", 'data.task="regression"'), ("PuOr", None)),
                                         ("symbols", ("--set", 'data.task="chains"', "--set", "data.D=6"), ("viridis", (0, 5))),
                                         ("signs", (), (pictures.LABEL_MAP, (-1, 1)))):
            with self.subTest(name):
                for command in (("train", "blocks.toml", "--out", f"{name}.h5", "--quiet", *settings),
                                ("export", f"{name}.h5", "--evaluation", "0", "--out", f"{name}_data.h5")):
                    done = self.icl(*command)
                    self.assertEqual(done.returncode, 0, done.stderr)
                export = Export(self.cwd / f"{name}_data.h5")
                shown, asked, colours, limits, _ = singles.shades(export, "icl_evaluation")
                seen = 6 if name == "symbols" else 5  # what is asked for comes behind all six; otherwise it is the sixth's
                self.assertEqual((colours, shown.shape, asked.shape), (expected[0], (24, seen), (24,)))
                if expected[1]:
                    self.assertEqual(limits, expected[1])
                else:
                    self.assertEqual(limits[1], -limits[0])
                    np.testing.assert_array_equal(asked, export.dataset("icl_evaluation/y")[0][:24, -1])
                self.assertEqual(self.icl("plot", f"{name}_data.h5", "--out", f"{name}.png").returncode, 0)

    def swept(self, name, axes, *settings):
        """A merged sweep of blocks over these axes, and its picture."""
        run = RUN.replace('"minimal"\nbeta0 = 0.0', '"blocks"').replace("N = 8", "N = 6")
        (self.cwd / f"{name}.toml").write_text(run + "[sweep]\nseeds = 1\n[sweep.axes]\n" + axes)
        for command in (("sweep", f"{name}.toml", "--out", name, "--quiet", *(word for one in settings for word in ("--set", one))),
                        ("merge", name, "--out", f"{name}.h5"), ("plot", f"{name}.h5")):
            done = self.icl(*command)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        return single_sweep.draw_sweep(self.cwd / f"{name}.h5")

    def test_runs_that_lack_what_is_shown_are_counted(self):
        for name, axes in (("mixed", 'model.system = ["memoriser", "one_layer"]\ndata.K = [16, 64]\n'),
                           ("mixed_two", 'model.system = ["memoriser", "one_layer"]\ndata.K = [16, 64, 256]\nmodel.hidden = [4, 8, 16]\n')):
            figure, title, sweep = self.swept(name, axes)
            self.assertIn(f"{len(sweep)} runs, {len(sweep) // 2} of them not drawn", title)
            found = single_sweep.outcome(sweep)
            self.assertEqual(found.series, "icl_accuracy")
            np.testing.assert_array_equal(found.there, sweep.runs["model.system"] == "one_layer")
            self.assertEqual(len(figure.axes), 1 + (name == "mixed_two"))  # the heat map's bar

    def test_tasks_without_labels_show_losses(self):
        for task, more in (("regression", ()), ("chains", ("data.D=6",))):
            figure, title, _ = self.swept(task, "data.K = [2, 4, 8]\n", f'data.task="{task}"', *more)
            self.assertEqual(title, "3 runs")
            self.assertEqual(figure.axes[0].get_ylabel(), "loss at the end of a run")
            self.assertEqual(len(figure.axes[0].lines[1].get_xdata()), 3)

    def test_infinity_has_a_place_apart(self):
        figure, _, _ = self.swept("infinite", "data.K = [16, 64, inf]\n")
        axes = figure.axes[0]
        self.assertEqual([tick.get_text() for tick in axes.get_xticklabels()], ["16", "64", "inf"])
        self.assertIn(256, axes.lines[0].get_xdata())

    def test_chance_is_that_of_the_labels(self):
        figure, _, sweep = self.swept("five", "data.K = [16, 64]\n", "data.label_count=5")
        self.assertEqual(sweep.chance, 0.2)
        axes = figure.axes[0]
        self.assertLess(axes.get_ylim()[0], min(0.2, axes.dataLim.y0))
        self.assertIn([0.2, 0.2], [list(line.get_ydata()) for line in axes.lines])

    def test_a_matplotlibrc_changes_nothing(self):
        self.assertEqual(self.icl("plot", "run.h5", "-o", "before.png").returncode, 0)
        (self.cwd / "matplotlibrc").write_bytes(b"text.usetex: True\nfigure.facecolor: black\n# \xff\n")
        with unittest.mock.patch.dict(os.environ, {"MPLBACKEND": "nonsense"}):
            done = self.icl("plot", "run.h5", "-o", "after.png")
        (self.cwd / "matplotlibrc").unlink()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual((self.cwd / "before.png").read_bytes(), (self.cwd / "after.png").read_bytes())

    def test_the_file_itself_is_no_output(self):
        shutil.copy(self.cwd / "run.h5", self.cwd / "own.png")
        os.link(self.cwd / "own.png", self.cwd / "hard.svg")
        (self.cwd / "soft.pdf").symlink_to("own.png")
        before = (self.cwd / "own.png").read_bytes()
        for more in ((), ("--out", "hard.svg"), ("--out", "soft.pdf")):
            self.refused(64, "this is the file that is to be drawn", "own.png", *more)
        self.assertEqual((self.cwd / "own.png").read_bytes(), before)

    def test_a_tick_of_an_axis_is_the_number(self):
        self.assertEqual([pictures.grouped(n) for n in (0.03, 1.5, 10.2, 12.5, 12345)], ["0.03", "1.5", "10.2", "12.5", "12\u2009345"])

    def refused(self, code, part, *arguments):
        before = sorted(self.cwd.iterdir())
        done = self.icl("plot", *arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(part, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertEqual(sorted(self.cwd.iterdir()), before)

    def test_each_kind_of_file_has_a_picture(self):
        for name in ("run", "data", "landscape", "sweep", "alone", "series"):
            with self.subTest(name):
                done = self.icl("plot", f"{name}.h5")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(done.stdout, f"picture: {name}.png\n")
                with Image.open(self.cwd / f"{name}.png") as picture:
                    self.assertIn(picture.width, (748, 1540))  # 3.4 and 7.0 inches at 220 dpi

    def test_facts_are_in_the_metadata_and_bytes_are_equal(self):
        for kind in ("png", "pdf", "svg"):
            with self.subTest(kind):
                for name in ("a", "b"):
                    self.assertEqual(self.icl("plot", "sweep.h5", "--out", f"{name}.{kind}").returncode, 0)
                content = (self.cwd / f"a.{kind}").read_bytes()
                self.assertEqual(content, (self.cwd / f"b.{kind}").read_bytes())
                block = (self.cwd / "sweep.h5").read_bytes()[-512:].decode()
                sweep = next(line.split()[1] for line in block.splitlines() if line.startswith("config_xxh128"))
                self.assertIn(sweep.encode(), content)
                if kind == "pdf":
                    self.assertNotIn(b"/Type3", content)

    def test_bad_files_are_refused_in_a_sentence(self):
        whole = (self.cwd / "run.h5").read_bytes()
        bad = {"cut.h5": whole[: len(whole) // 2], "longer.h5": whole + b"x", "text.h5": b"text"}
        for name, content in bad.items():
            (self.cwd / name).write_bytes(content)
        with h5py.File(self.cwd / "foreign.h5", "w") as file:
            file["x"] = 1
        shutil.copy(self.cwd / "run.h5", self.cwd / "old.h5")
        with h5py.File(self.cwd / "old.h5", "r+") as file:
            file.attrs["format_version"] = 2
        for name, part in (("cut.h5", "cut short"), ("longer.h5", "damaged: "), ("text.h5", "not an icl run file"), ("foreign.h5", "not written by icl"),
                           ("old.h5", "changed by another program"), ("none.h5", "No such file"), (".", "Is a directory")):
            with self.subTest(name):
                self.refused(65, part, name)

    def test_names_of_any_bytes(self):
        """They are drawn, and no control character or line break in them reaches the terminal as such."""
        for name in ("-x", "x\x1b[31m\nicl: $done^", "\udcff\udcfe", "é" * 123):
            with self.subTest(name):
                shutil.copy(self.cwd / "run.h5", self.cwd / f"{name}.h5")
                done = self.icl("plot", "--", f"{name}.h5")
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertRegex(done.stdout, r"\Apicture: [^\x00-\x1f\x7f-\x9f]*\.png\n\Z")
                self.assertTrue((self.cwd / f"{name}.png").is_file())

    def test_links_and_rights_stay(self):
        (self.cwd / "there.png").write_bytes(b"old")
        (self.cwd / "there.png").chmod(0o640)
        (self.cwd / "link.png").symlink_to("there.png")
        self.assertEqual(self.icl("plot", "run.h5", "-o", "link.png").returncode, 0)
        self.assertTrue((self.cwd / "link.png").is_symlink())
        self.assertEqual((self.cwd / "there.png").stat().st_mode & 0o777, 0o640)
        self.assertGreater((self.cwd / "there.png").stat().st_size, 1000)

    def test_an_output_that_cannot_be(self):
        self.refused(64, "a picture ends in .png, .pdf or .svg", "run.h5", "--out", "x.gif")
        self.refused(73, "'no/x.png' cannot be written", "run.h5", "--out", "no/x.png")


if __name__ == "__main__":
    ICL = str(Path(sys.argv.pop(1)).resolve())
    unittest.main()
