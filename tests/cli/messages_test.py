"""Nothing that happens to what the program prints, or to where it prints it, ends, fails, freezes or changes a run. (Terminals: terminals_test.py.)

usage: messages_test.py ICL
"""

import fcntl
import json
import os
import resource
import signal
import subprocess
import time
import unittest

from running import ENDLESS, TINY, RunningTest, fill, main


class MessagesTest(RunningTest):
    def every_command(self, **streams):
        """(name, status) of commands that say something on standard error, with that as it."""
        (self.cwd / "bad.h5").write_bytes(b"no run")
        commands = [("train", 0, "train", "tiny.toml", "--out", "a.h5"),
                    ("resumed when done", 0, "train", "tiny.toml", "--out", "a.h5", "--resume"),
                    ("exists", 73, "train", "tiny.toml", "--out", "a.h5"),
                    ("verify", 0, "verify", "a.h5"),
                    ("branch", 0, "branch", "a.h5", "--at", 5, "--set", "train.learning_rate=0.02", "--out", "b.h5"),
                    ("sweep", 0, "sweep", "sweep.toml", "--out", "s"),
                    ("merge", 0, "merge", "s", "--out", "m.h5"),
                    ("no such file", 65, "info", "none.h5"),
                    ("damaged", 65, "verify", "bad.h5"),
                    ("bad key", 64, "train", "tiny.toml", "--set", "data.Kay=3"),
                    ("bad option", 64, "train", "--fly"),
                    ("script", 0, "sweep", "sweep.toml", "--out", "s", "--slurm")]
        for name, status, *command in commands:
            with self.subTest(name):
                process = self.start(*command, stdin=subprocess.DEVNULL, **streams)
                process.communicate(timeout=60)
                self.assertEqual(process.returncode, status)
        for name in ("a.h5", "b.h5", "m.h5"):
            self.ok("info" if name != "m.h5" else "--version", *([name] if name != "m.h5" else []))
        self.assertEqual(self.locks(), [])

    def test_full_device(self):
        with open("/dev/full", "w") as full:
            self.every_command(stderr=full)

    def test_closed(self):
        self.every_command(preexec_fn=lambda: os.close(2))
        self.assertEqual(sorted(p.name for p in self.cwd.glob("*.h5")), ["a.h5", "b.h5", "bad.h5", "m.h5"])

    def test_all_closed(self):
        """No file gets the number of a stream: what is printed would stand in a run."""
        for k, closing in enumerate(["<&- >&- 2>&-", "<&- 2>&-", ">&- 2>&-", "2>&-"]):
            result = self.shell(f"icl train tiny.toml --out {k}.h5 {closing}")
            self.assertEqual(result.returncode, 0)
            self.assertEqual(self.shell(f"icl sweep sweep.toml --out s{k} {closing}").returncode, 0)
            self.ok("verify", f"{k}.h5")

    def test_read_only_stream(self):
        with open("/dev/null") as null:
            self.every_command(stderr=null)

    @unittest.skipIf(os.geteuid() != 0, "needs root")
    def test_full_disk(self):
        where = self.cwd / "log"
        where.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", where], capture_output=True).returncode != 0:
            self.skipTest("cannot mount")
        try:
            (where / "fill").write_bytes(b"x" * 4096)
            with open(where / "log", "ab") as log:
                self.every_command(stderr=log)
        finally:
            subprocess.run(["umount", "-l", where], check=True)
            where.rmdir()

    def test_reader_gone(self):
        reading, writing = os.pipe()
        os.close(reading)
        self.every_command(stderr=writing)
        os.close(writing)
        self.assertEqual(self.shell("icl train tiny.toml --out t.h5 2>&1 | true; exit ${PIPESTATUS[0]}").returncode, 0)
        self.assertEqual(self.shell("icl sweep sweep.toml --out t 2>&1 | true; exit ${PIPESTATUS[0]}").returncode, 0)
        self.assertEqual(len(list(self.cwd.glob("t/runs/*/*.h5"))), 2)

    def test_reader_gone_and_interrupted(self):
        """`icl train ... 2>&1 | tee log`, and Ctrl-C to both."""
        reading, writing = os.pipe()
        run = self.start("train", "tiny.toml", "--out", "t.h5", *ENDLESS, stderr=writing, stdout=writing)
        os.close(writing)
        self.wait_until((self.cwd / "t.h5").exists, "no file")
        os.close(reading)
        run.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(timeout=10), 75)
        self.assertEqual(json.loads(self.ok("info", "t.h5", "--json").stdout)["status"], "interrupted")

    def test_nobody_reads_a_pipe(self):
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        fill(writing)
        begin = time.monotonic()
        self.every_command(stderr=writing)
        self.assertLess(time.monotonic() - begin, 120)  # a second each, on a busy machine too
        self.assertTrue(os.get_blocking(writing), "a property of everybody's stream was changed")
        os.close(writing)
        os.close(reading)

    def test_nobody_reads_many_messages(self):
        """Waiting for a reader is done once, not for each line."""
        (self.cwd / "sweep.toml").write_text(TINY + "[sweep]\nseeds = 30\n")
        self.ok("sweep", "sweep.toml", "--out", "s", "--quiet")
        for run in list(self.cwd.glob("s/runs/*/*.h5"))[1:]:
            run.write_bytes(b"damaged")
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        fill(writing)
        begin = time.monotonic()
        self.assertEqual(self.icl("merge", "s", "--out", "m.h5", stderr=writing).returncode, 65)
        self.assertLess(time.monotonic() - begin, 5)
        os.close(writing)
        os.close(reading)

    def test_streams_that_do_not_wait(self):
        """Somebody else has set O_NONBLOCK: all of a long output arrives."""
        self.ok("train", "tiny.toml", "--out", "a.h5")
        whole = self.ok("train", "--help").stdout
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        os.set_blocking(writing, False)
        process = self.start("train", "--help", stdout=writing, stderr=writing)
        os.close(writing)
        text = b""
        while part := os.read(reading, 512):
            text += part
            time.sleep(0.001)
        os.close(reading)
        self.assertEqual((process.wait(), text), (0, whole))

    def test_output_that_cannot_be_written(self):
        self.ok("train", "tiny.toml", "--out", "a.h5")
        self.ok("sweep", "sweep.toml", "--out", "s")
        commands = [["info", "a.h5"], ["info", "a.h5", "--json"], ["--help"], ["--version"], ["train", "--help"], ["verify", "a.h5"],
                    ["train", "tiny.toml", "--dry-run"], ["sweep", "sweep.toml", "--out", "s", "--dry-run"],
                    ["sweep", "sweep.toml", "--out", "s", "--dry-run", "--json"], ["sweep", "sweep.toml", "--out", "s", "--slurm"],
                    ["status", "s"], ["status", "s", "--json"], ["theory", "tau-star"], ["theory", "tau-star", "--json"],
                    ["bench", "tiny.toml", "--seconds", "0.01"], ["bench", "tiny.toml", "--seconds", "0.01", "--json"]]
        for command in commands:
            with self.subTest(command):
                with open("/dev/full", "w") as full:
                    result = self.icl(*command, stdout=full)
                self.assertEqual(result.returncode, 74, result.stderr)
                self.assertEqual(result.stderr.splitlines()[-1:], [b"icl: cannot write to standard output: No space left on device"])
                result = self.icl(*command, preexec_fn=lambda: os.close(1), stdout=None)
                self.assertEqual(result.returncode, 74, result.stderr)
                with open("/dev/null") as null:
                    self.assertEqual(self.icl(*command, stdout=null).returncode, 74)

    def test_reader_of_output_gone(self):
        self.ok("train", "tiny.toml", "--out", "a.h5")
        for command in ("info a.h5", "info a.h5 --json", "--help", "verify a.h5 2>/dev/null", "train tiny.toml --dry-run"):
            result = self.shell(f"icl {command} | true; exit ${{PIPESTATUS[0]}}")
            self.assertEqual((result.returncode, result.stderr), (0, ""), command)
        self.assertEqual(self.shell("icl info --all a.h5 | sed -n 2p").stdout.split(), ["status", "done"])
        (self.cwd / "two.toml").write_text(TINY.replace("epochs = 2", "epochs = 3"))

    def test_nothing_said_is_obeyed_by_a_terminal(self):
        """No control character, however it gets into a message, reaches the terminal; no data makes a line of its own."""
        evil = "\x1b]0;title\x07\x9b31m\r\nicl: done\x7f\x85 \u2028"
        raw = os.fsencode("x\x1b[31m\udc9b\udcff\nicl: done")
        escaped = evil.encode("unicode_escape").decode().replace("\\x", "\\u00").replace("\\r\\n", "\\u000d\\u000a")
        (self.cwd / "key.toml").write_text(f'"{escaped}" = 1\n')
        (self.cwd / "value.toml").write_text(f'[model]\nsystem = "{escaped}"\n')
        (self.cwd / "items.toml").write_text(f'[data]\nitems = "{escaped}:/x"\n')
        (self.cwd / "raw.toml").write_bytes(b"[data]\nK = 4 \x1b[31m\n")
        (self.cwd / "axes.toml").write_text(TINY + f'[sweep.axes]\n"{escaped}" = [1]\n')
        (self.cwd / os.fsdecode(raw)).write_bytes(b"no run")
        self.ok("train", "tiny.toml", "--out", os.fsdecode(raw) + ".h5")
        self.ok("sweep", "sweep.toml", "--out", os.fsdecode(raw) + ".d")
        for run in list(self.cwd.glob("*.d/runs/*/*.h5"))[1:]:
            run.write_bytes(b"damaged")
        name = os.fsdecode(raw)
        commands = [["train", "key.toml", "--dry-run"], ["train", "value.toml"], ["train", "items.toml"], ["train", "raw.toml"],
                    ["train", "tiny.toml", "--set", "data.K=\x1b[31m"], ["train", "tiny.toml", "--set", name], ["train", name],
                    ["info", name], ["verify", name], ["verify", name + ".h5"], ["train", "tiny.toml", "--out", name + ".h5"],
                    ["train", "tiny.toml", "--out", name + ".h5", "--resume"], ["info", name + ".h5"], ["info", name + ".h5", "--json"],
                    ["train", "tiny.toml", "--out", name + "/a.h5"], [name], ["train", "tiny.toml", "--" + name],
                    ["sweep", "axes.toml", "--out", "s"], ["sweep", "sweep.toml", "--out", name + ".d"],
                    ["sweep", "sweep.toml", "--out", name + ".d", "--slurm"], ["status", name + ".d"], ["status", name + ".d", "--json"],
                    ["merge", name + ".d", "--out", "m.h5"], ["merge", name, "--out", "m2.h5"], ["status", name],
                    ["sweep", "sweep.toml", "--out", "s", "--slurm", "--sbatch=--time=1\x1b[31m"],
                    ["sweep", "sweep.toml", "--out", "s", "--slurm", "--sbatch=--time=1\r"],
                    ["sweep", "sweep.toml", "--out", "s", "--shard", name], ["sweep", "sweep.toml", "--out", "s", "--scale", name],
                    ["theory", "predict", name], ["theory", "landscape", "--run", name, "--out", "l.h5"],
                    ["export", name, "--items", "--out", "e.h5"], ["bench", name], ["branch", name, "--at", "1", "--out", "b.h5"]]
        for command in commands:
            with self.subTest(command):
                result = self.icl(*command, timeout=30)
                self.assertIn(result.returncode, (0, 1, 64, 65, 73, 74))
                for text in (result.stdout, result.stderr):
                    self.assertNotRegex(text, rb"[\x00-\x09\x0b-\x1f\x7f]")
                    self.assertNotRegex(text.decode(), "[\x80-\x9f]")
                    self.assertNotIn(b"\nicl: done:", b"\n" + text)
                    self.assertNotRegex(text, rb"(?m)^icl: done(?! already| after)")
        for script in self.cwd.rglob("*.sbatch"):
            self.assertNotRegex(script.read_bytes(), rb"[\x00-\x09\x0b-\x1f\x7f]")
        self.assertIn(b"\\x1b[31m", self.icl("info", name).stderr)

    def test_out_of_memory(self):
        limit = 1 << 30
        result = self.icl("train", "tiny.toml", "--out", "m.h5", "--set", "data.K=40000000", "--threads", 1,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
        self.assertEqual(result.returncode, 71, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertRegex(result.stderr, b"memory")
        self.assertEqual(self.left(), [])
        self.assertIn(b"71 the machine", self.ok("--help").stdout)


if __name__ == "__main__":
    main()
