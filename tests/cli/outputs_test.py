"""Where outputs lie: names of any bytes and length, links, rights, and what lies at the place of a lock.

usage: outputs_test.py ICL
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import h5py

ICL = os.path.abspath(sys.argv[1])
RUN = """
[model]
hidden = 8
[data]
K = 16
N = 4
D = 3
[train]
epochs = 1
steps_per_epoch = 3
batch_size = 4
[eval]
sequences = 8
[probe]
sequences = 0
[record]
snapshots = 0
"""
SWEEP = f"{RUN}\n[sweep]\nseeds = 2\n"


class OutputsTest(unittest.TestCase):
    def setUp(self):
        self.cwd = Path(tempfile.mkdtemp(prefix="icl-outputs-"))
        self.addCleanup(shutil.rmtree, self.cwd)
        (self.cwd / "run.toml").write_text(RUN)
        (self.cwd / "grid.toml").write_text(SWEEP)

    def icl(self, *args, status=0, **kwargs):
        done = subprocess.run([ICL, *args], cwd=self.cwd, capture_output=True, timeout=60, **kwargs)
        error = done.stderr.decode(errors="surrogateescape")
        self.assertEqual(done.returncode, status, error)
        return done.stdout.decode(errors="surrogateescape"), error

    def train(self, out, *args, **kwargs):
        return self.icl("train", "run.toml", "--quiet", "--threads", "1", b"--out=" + os.fsencode(out), *args, **kwargs)

    def names(self):
        return {p.name for p in self.cwd.iterdir()} - {"run.toml", "grid.toml"}

    def test_names_of_any_length_and_bytes(self):
        names = ["n" * length for length in (197, 198, 233, 250, 251, 255)]
        names += ["é" * 127, "日" * 85, "a b", "line\nbreak", "-x.h5", "--force", "'quoted\"", "$HOME;*", "~", os.fsdecode(b"\xff\xfe.h5")]
        for name in names:
            with self.subTest(name=name):
                self.train(name)
                self.assertEqual(self.names(), {name})
                self.train(name, status=73)
                self.train(name, "--force")
                self.train(name, "--resume")
                path = os.fsencode(self.cwd / name)
                self.assertEqual(json.loads(self.icl("info", path, "--json")[0])["status"], "done")
                self.icl("verify", path)
                (self.cwd / name).unlink()
        self.train("n" * 256, status=73)
        self.assertEqual(self.names(), set())

    def test_sweeps_in_folders_of_any_name(self):
        for name in ["-d", "a b\nc", "f" * 255, os.fsdecode(b"\xff"), "x/" * 400 + "end"]:
            with self.subTest(name=name):
                out = b"--out=" + os.fsencode(name)
                self.icl("sweep", "grid.toml", "--quiet", out)
                folder = os.fsencode(self.cwd / name)
                self.assertEqual(json.loads(self.icl("status", folder, "--json")[0])["counts"]["done"], 2)
                self.icl("merge", folder, "--out", "merged.h5", "--force")

    def test_links_lead_to_the_output_and_stay(self):
        (self.cwd / "d").mkdir()
        (self.cwd / "first").symlink_to("second")
        (self.cwd / "second").symlink_to("d/run.h5")
        self.train("first")
        self.train("first", status=73)
        self.train("second", "--force")
        self.train("first", "--resume")
        self.assertEqual(os.readlink(self.cwd / "first"), "second")
        self.assertEqual(os.readlink(self.cwd / "second"), "d/run.h5")
        self.assertFalse((self.cwd / "d" / "run.h5").is_symlink())
        (self.cwd / "circle").symlink_to("circle")
        self.assertIn("symbolic links", self.train("circle", status=73)[1])
        (self.cwd / "nowhere").symlink_to("none/run.h5")
        self.assertIn("'none' does not exist", self.train("nowhere", status=73)[1])
        with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
            (self.cwd / "far").symlink_to(Path(other) / "run.h5")
            self.train("far")
            self.assertEqual([p.name for p in Path(other).iterdir()], ["run.h5"])

    def test_rights_stay_as_they_were(self):
        run, group = self.cwd / "run.h5", 65534 if os.geteuid() == 0 else os.getegid()
        self.train("run.h5", preexec_fn=lambda: os.umask(0o027))
        self.assertEqual(run.stat().st_mode & 0o777, 0o640)
        for mode in 0o640, 0o600, 0o664, 0o604:
            run.chmod(mode)
            os.chown(run, -1, group)
            self.train("run.h5", "--force", preexec_fn=lambda: os.umask(0o077))
            self.assertEqual((run.stat().st_mode & 0o777, run.stat().st_gid), (mode, group))

    def test_a_file_that_nobody_may_write(self):
        self.train("run.h5")
        (self.cwd / "run.h5").chmod(0o444)
        before = (self.cwd / "run.h5").read_bytes()
        self.assertIn("nobody may write", self.train("run.h5", "--force", status=73)[1])
        self.train("run.h5", "--resume")  # done: nothing is to be written
        self.assertEqual((self.cwd / "run.h5").read_bytes(), before)

    def test_what_is_no_lock_is_said_at_once(self):
        lock = self.cwd / "run.h5.lock"

        def server():
            with socket.socket(socket.AF_UNIX) as s:
                s.bind(str(lock))

        kinds = {
            "a pipe": lambda: os.mkfifo(lock), "a folder": lock.mkdir, "a socket": server,
            "a symbolic link": lambda: lock.symlink_to("/dev/zero"), "a file of": lambda: lock.write_text("mine"),
        }
        if os.geteuid() == 0:
            kinds["a device"] = lambda: os.mknod(lock, 0o20666, os.makedev(1, 5))
        for what, make in kinds.items():
            with self.subTest(what=what):
                make()
                begin = time.monotonic()
                said = self.train("run.h5", status=73)[1]
                self.assertIn(f"'run.h5.lock' is no lock file of icl, but {what}", said)
                self.assertLess(time.monotonic() - begin, 5)
                lock.rmdir() if lock.is_dir() and not lock.is_symlink() else lock.unlink()

    def test_what_is_no_lock_inside_a_sweep(self):
        self.icl("sweep", "grid.toml", "--quiet", "--out", "S")
        done, other = sorted((self.cwd / "S").rglob("*.h5"))
        other.unlink()
        for file in done, other:
            os.mkfifo(f"{file}.lock")
        said = self.icl("sweep", "grid.toml", "--quiet", "--out", "S", status=1)[1]
        self.assertIn("is no lock file of icl, but a pipe", said)
        status = json.loads(self.icl("status", "S", "--json")[0])
        self.assertEqual((status["counts"]["done"], status["counts"]["damaged"]), (1, 1))
        self.assertIn("is no lock file of icl", self.icl("status", "S")[0])
        Path(f"{other}.lock").unlink()
        self.icl("sweep", "grid.toml", "--quiet", "--out", "S")

    def test_a_file_that_another_program_changed(self):
        changed = "changed by another program since it was written"

        def write(file):
            file.attrs["note"] = "mine"

        def overwrite(file):
            file["metrics/train_loss"][0] = 5

        def enlarge(file):
            file["notes"] = list(range(5000))

        def remove(file):
            del file["theory"]

        self.icl("sweep", "grid.toml", "--quiet", "--out", "S")
        self.train("kept.h5")
        for number, change in enumerate((lambda file: None, write, overwrite, enlarge, remove)):
            with self.subTest(change=change.__name__, number=number):
                shutil.copy(self.cwd / "kept.h5", self.cwd / "run.h5")
                with h5py.File(self.cwd / "run.h5", "r+") as file:
                    change(file)
                for args in ("info",), ("verify",):
                    self.assertIn(changed, self.icl(*args, "run.h5", status=65)[1])
                self.assertIn(changed, self.train("run.h5", "--resume", status=65)[1])
        for flags in [], ["--low=2", "--high=2"], ["--latest"]:
            (self.cwd / "run.h5").unlink()
            subprocess.run(["h5repack", *flags, "kept.h5", "run.h5"], cwd=self.cwd, check=True)
            self.assertIn(changed, self.icl("info", "run.h5", status=65)[1])
        # Neither what was damaged nor what was never ours is called so.
        whole = (self.cwd / "kept.h5").read_bytes()
        for bytes_there in whole[:2000] + b"x" + whole[2001:], whole[:-600], whole[:-1], whole + b"\n", whole[:3000]:
            (self.cwd / "run.h5").write_bytes(bytes_there)
            self.assertNotIn(changed, self.icl("info", "run.h5", status=65)[1])
        with h5py.File(self.cwd / "run.h5", "w") as file:
            file["x"] = [1, 2, 3]
        self.assertNotIn(changed, self.icl("verify", "run.h5", status=65)[1])
        self.assertIn("HDF5 file of another program", self.icl("info", "run.h5")[0])
        run = sorted((self.cwd / "S").rglob("*.h5"))[0]
        with h5py.File(run, "r+") as file:
            write(file)
        self.assertIn(changed, self.icl("status", "S")[0])
        self.assertIn(changed, self.icl("merge", "S", "--out", "m.h5", status=65)[1])

    def test_the_folder_of_ones_own_sweep(self):
        (self.cwd / "sweep.toml").write_text(SWEEP)
        for out in ".", "./", str(self.cwd):
            said = self.icl("sweep", "sweep.toml", "--out", out, "--quiet", status=64)[1]
            self.assertIn("is the folder of 'sweep.toml' itself", said)
            self.assertIn("choose another", said)
        self.assertNotIn("removed", self.icl("status", ".", status=65)[1])
        self.assertEqual((self.cwd / "sweep.toml").read_text(), SWEEP)
        # The one that icl sweep wrote may be given again.
        self.icl("sweep", "sweep.toml", "--out", "S", "--quiet")
        self.icl("sweep", "S/sweep.toml", "--out", "S", "--quiet")

    @unittest.skipIf(os.geteuid() != 0, "needs another user")
    def test_a_lock_that_may_not_be_removed(self):
        self.train("run.h5")
        os.chmod(self.cwd, 0o1777)
        lock = self.cwd / "new.h5.lock"
        lock.touch()
        os.chown(lock, 12345, 12345)
        os.utime(lock, (time.time() - 100,) * 2)

        def drop():
            os.setgid(65534)
            os.setuid(65534)

        said = self.train("new.h5", status=73, preexec_fn=drop)[1]
        self.assertIn("belongs to user 12345", said)
        self.assertIn("was not touched for", said)
        os.utime(lock)
        self.assertIn("names no process", self.train("new.h5", status=73, preexec_fn=drop)[1])
        lock.chmod(0)
        self.assertIn("may not be read", self.train("new.h5", status=73, preexec_fn=drop)[1])

    @unittest.skipIf(os.geteuid() != 0, "needs another user")
    def test_a_umask_that_takes_ones_own_rights(self):
        """The lock can be read all the same, or it would count as another's."""
        os.chmod(self.cwd, 0o777)

        def drop():
            os.umask(0o777)
            os.setgid(65534)
            os.setuid(65534)

        self.train("run.h5", preexec_fn=drop)
        self.assertEqual(self.names(), {"run.h5"})
        self.icl("verify", "run.h5")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
