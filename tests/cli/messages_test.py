"""Nothing that happens to what the program prints, or to where it prints it, ends, fails, freezes or changes a run; and
signals work at all times.

usage: messages_test.py ICL
"""

import fcntl
import json
import os
import pty
import re
import resource
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import termios
import time
import unittest
from pathlib import Path

import h5py

ICL = None
TINY = """
[data]
K = 24
N = 8
D = 9
[model]
hidden = 16
[train]
epochs = 2
steps_per_epoch = 10
batch_size = 8
[eval]
sequences = 40
[probe]
sequences = 0
"""
SWEEP = TINY + "[sweep]\nseeds = 2\n"
ENDLESS = ["--set", "train.epochs=400000000", "--set", "record.publish_seconds=0.05"]
DEAF = 2.0  # seconds within which a signal is obeyed
STOP_SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU, signal.SIGPWR,
                signal.SIGALRM, signal.SIGVTALRM, signal.SIGQUIT, signal.SIGPROF, signal.SIGPOLL, signal.SIGRTMIN, signal.SIGRTMAX]


def differences(path, other):
    """What h5diff says of two files outside of /provenance; nothing when they are equal."""
    result = subprocess.run(["h5diff", "--exclude-path", "/provenance", path, other], capture_output=True, text=True)
    return (result.stdout + result.stderr).strip() if result.returncode == 0 else f"status {result.returncode}: {result.stdout}"


class Terminal:
    """A pseudo-terminal, whose other end reads only when it is told to."""

    def __init__(self):
        self.master, self.slave = pty.openpty()

    def close(self):
        for end in (self.master, self.slave):
            if end >= 0:
                os.close(end)
        self.master = self.slave = -1

    def hang_up(self):
        os.close(self.master)
        self.master = -1

    def stop(self):
        """As Ctrl-S does."""
        termios.tcflow(self.slave, termios.TCOOFF)

    def go_on(self):
        termios.tcflow(self.slave, termios.TCOON)

    def fill(self):
        """Until it takes no more."""
        fill(self.slave)

    def read(self):
        text = b""
        while select.select([self.master], [], [], 0.05)[0]:
            try:
                part = os.read(self.master, 65536)
            except OSError:
                break
            if not part:
                break
            text += part
        return text


def fill(descriptor):
    os.set_blocking(descriptor, False)
    try:
        while True:
            os.write(descriptor, b"x" * 256)
    except BlockingIOError:
        os.set_blocking(descriptor, True)


class MessagesTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="icl-messages-")
        self.cwd = Path(self.folder.name)
        (self.cwd / "tiny.toml").write_text(TINY)
        (self.cwd / "sweep.toml").write_text(SWEEP)

    def tearDown(self):
        self.folder.cleanup()

    @staticmethod
    def command(args):
        trains = args and args[0] in ("train", "verify", "branch") and "--threads" not in args
        return [ICL, *map(str, args), *(["--threads", "1"] if trains and args[1:] != ("--help",) else [])]

    def icl(self, *args, **kwargs):
        kwargs = {"cwd": self.cwd, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 60} | kwargs
        return subprocess.run(self.command(args), **kwargs)

    def start(self, *args, **kwargs):
        kwargs = {"cwd": self.cwd, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | kwargs
        return subprocess.Popen(self.command(args), **kwargs)

    def shell(self, command, **kwargs):
        return subprocess.run(["bash", "-c", command.replace("icl", shlex.quote(ICL))], cwd=self.cwd, capture_output=True, text=True,
                              timeout=60, **kwargs)

    def ok(self, *args, **kwargs):
        result = self.icl(*args, **kwargs)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def wait_until(self, condition, what, seconds=30):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.005)

    def locks(self):
        return sorted(p.name for p in self.cwd.rglob("*.lock"))

    def left(self):
        """Files beside the configurations."""
        return sorted(p.name for p in self.cwd.iterdir() if p.suffix != ".toml")

    # --- standard error ---------------------------------------------------------------------------------------------

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

    def test_terminals_that_take_nothing(self):
        for name in ("stop", "fill", "hang_up"):
            with self.subTest(name):
                terminal = Terminal()
                getattr(terminal, name)()
                run = self.start("train", "tiny.toml", "--out", f"{name}.h5", *ENDLESS, stderr=terminal.slave,
                                 env=os.environ | {"TERM": "xterm"})
                self.wait_until((self.cwd / f"{name}.h5").exists, "no file")
                step = self.step(f"{name}.h5")
                self.wait_until(lambda: self.step(f"{name}.h5") > step, "the run stands still")
                run.terminate()
                run.communicate(timeout=10)
                self.assertEqual(run.returncode, 75)
                terminal.close()

    def step(self, name):
        return int(re.search(rb'step"?[ =:]+(\d+)', self.ok("info", name, "--json").stdout).group(1))

    def test_a_terminal_that_stops_and_goes_on(self):
        terminal = Terminal()
        run = self.start("train", "tiny.toml", "--out", "t.h5", *ENDLESS, stderr=terminal.slave, env=os.environ | {"TERM": "xterm"})
        self.wait_until((self.cwd / "t.h5").exists, "no file")
        self.assertIn(b"steps/s", terminal.read())
        terminal.stop()
        time.sleep(0.5)
        terminal.read()
        for number in (signal.SIGWINCH, signal.SIGTSTP, signal.SIGCONT):
            run.send_signal(number)
        terminal.go_on()
        self.wait_until(lambda: b"steps/s" in terminal.read(), "it never draws again")
        run.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(timeout=10), 75)
        self.assertIn(b"\nicl: interrupted after step", terminal.read().replace(b"\r\n", b"\n"))
        terminal.close()

    def in_session(self, command, **settings):
        """A shell whose controlling terminal is a new one, and that terminal's other end."""
        pid, master = pty.fork()
        if pid == 0:
            os.chdir(self.cwd)
            os.execve("/bin/bash", ["bash", "-c", command.replace("icl", shlex.quote(ICL))], os.environ | {"TERM": "xterm"} | settings)
        return pid, master

    def test_background_of_a_terminal_that_stops_writers(self):
        """`stty tostop`: whoever writes from the background is stopped with SIGTTOU."""
        pid, master = self.in_session("set -m; stty tostop; icl train tiny.toml --out bg.h5 & sleep 0.1; wait $!; echo $? > status")
        self.wait_until((self.cwd / "status").exists, "the run was stopped", 20)
        os.close(master)
        os.waitpid(pid, 0)
        self.assertEqual((self.cwd / "status").read_text(), "0\n")
        self.ok("verify", "bg.h5")

    def test_background_draws_nothing(self):
        pid, master = self.in_session("set -m; icl train tiny.toml --out bg.h5 " + " ".join(f"'{word}'" for word in ENDLESS) +
                                      " & sleep 1.5; kill $!; wait $!; echo status $?")
        text = b""
        while b"status 75" not in text:
            self.assertTrue(select.select([master], [], [], 20)[0], text)
            text += os.read(master, 4096)
        os.close(master)
        os.waitpid(pid, 0)
        self.assertNotIn(b"steps/s", text)
        self.assertIn(b"icl: interrupted after step", text)

    def test_a_window_is_closed(self):
        """The shell and the kernel both send SIGHUP."""
        pid, master = self.in_session("icl train tiny.toml --out w.h5 " + " ".join(f"'{word}'" for word in ENDLESS))
        self.wait_until((self.cwd / "w.h5").exists, "no file")
        os.close(master)
        os.waitpid(pid, 0)
        self.wait_until(lambda: not self.locks(), "the lock stays")
        self.assertEqual(json.loads(self.ok("info", "w.h5", "--json").stdout)["status"], "interrupted")

    def test_a_window_is_closed_under_nohup(self):
        pid, master = self.in_session("trap '' HUP; icl train tiny.toml --out w.h5 --set train.epochs=2000 2>&1; echo $? > status")
        self.wait_until(lambda: self.locks() or (self.cwd / "w.h5").exists(), "did not start")
        os.close(master)
        os.waitpid(pid, 0)
        self.wait_until((self.cwd / "status").exists, "did not end")
        self.assertEqual((self.cwd / "status").read_text(), "0\n")

    def test_without_a_kind_of_terminal(self):
        for settings in ({"TERM": ""}, {"TERM": "dumb"}, {"LC_ALL": "C", "TERM": "dumb"}, {}):
            terminal = Terminal()
            env = {k: v for k, v in os.environ.items() if k != "TERM"} | settings
            self.ok("train", "tiny.toml", "--out", "t.h5", "--force", stderr=terminal.slave, env=env)
            text = terminal.read()
            self.assertIn(b"step 0/20", text)
            self.assertNotIn(b"\x1b", text)
            terminal.close()

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

    # --- standard output --------------------------------------------------------------------------------------------

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

    # --- what is said -----------------------------------------------------------------------------------------------

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

    # --- signals ----------------------------------------------------------------------------------------------------

    def assert_goes_on(self, name, *settings):
        """An interrupted run, cut by its horizon, is the same as one that was not interrupted."""
        self.ok("train", "tiny.toml", "--out", name, "--resume", *settings)
        self.ok("train", "tiny.toml", "--out", "whole.h5", "--force", *settings)
        self.assertEqual(differences(self.cwd / name, self.cwd / "whole.h5"), "")

    def test_every_signal_publishes(self):
        for number in STOP_SIGNALS:
            with self.subTest(number):
                name = f"{number.name}.h5"
                run = self.start("train", "tiny.toml", "--out", name, "--quiet", *ENDLESS)
                self.wait_until((self.cwd / name).exists, "no file")
                run.send_signal(number)
                _, error = run.communicate(timeout=10)
                self.assertEqual(run.returncode, 75)
                self.assertRegex(error, rb"^icl: interrupted after step \d+; go on with --resume")
                self.assertEqual(json.loads(self.ok("info", name, "--json").stdout)["status"], "interrupted")
        self.assertEqual(self.locks(), [])

    def test_a_sweep_obeys_them(self):
        for number in STOP_SIGNALS:
            run = self.start("sweep", "sweep.toml", "--out", number.name, "--quiet", "--jobs", 2, *ENDLESS)
            self.wait_until(lambda: list(self.cwd.glob(f"{number.name}/runs/*/*.h5")), "no file")
            run.send_signal(number)
            _, error = run.communicate(timeout=10)
            self.assertEqual(run.returncode, 75, error)
        self.assertEqual(self.locks(), [])

    def test_signals_that_come_twice(self):
        """As `timeout` and closed windows send them: the first one publishes, the second changes nothing."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXCPU):
            run = self.start("train", "tiny.toml", "--out", "t.h5", "--quiet", "--resume", *ENDLESS)
            self.wait_until(lambda: self.locks() and (self.cwd / "t.h5").exists(), "no file")
            for _ in range(20):
                run.send_signal(number)
                time.sleep(0.0005)
            self.assertEqual(run.wait(timeout=10), 75, number)
            run.communicate()
            self.assertEqual(self.locks(), [])
        self.assertEqual(self.shell("timeout 0.5 icl train tiny.toml --out u.h5 --quiet " + " ".join(f"'{w}'" for w in ENDLESS)).returncode, 124)
        self.assertEqual(json.loads(self.ok("info", "u.h5", "--json").stdout)["status"], "interrupted")

    def test_signals_that_were_blocked(self):
        run = self.start("train", "tiny.toml", "--out", "t.h5", "--quiet", *ENDLESS,
                         preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS))
        self.wait_until((self.cwd / "t.h5").exists, "no file")
        run.terminate()
        self.assertEqual(run.wait(timeout=10), 75)
        run.communicate()

    def test_limit_of_cpu_time(self):
        """Also as `ulimit -t` sets it, soft and hard at once: at the hard one the kernel kills."""
        for limit in ((1, 60), (2, 2)):
            for what in (["train", "tiny.toml", "--out", f"c{limit[0]}.h5"], ["sweep", "sweep.toml", "--out", f"c{limit[0]}", "--jobs", "2"]):
                with self.subTest(what, limit=limit):
                    result = self.icl(*what, "--quiet", *ENDLESS, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, limit))
                    self.assertEqual(result.returncode, 75, result.stderr)
                    self.assertEqual(self.locks(), [])

    def deaf_seconds(self, process, after, number=signal.SIGTERM):
        """How long a process that has run for a while takes to end after a signal."""
        time.sleep(after)
        self.assertIsNone(process.poll(), "it has ended already")
        begin = time.monotonic()
        process.send_signal(number)
        self.output = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 75, self.output)
        return time.monotonic() - begin

    def assert_obeys(self, *args, after=0.5):
        """It ends in time, says so in one line, and leaves neither lock nor half of a file."""
        before = self.left()
        waited = self.deaf_seconds(self.start(*args), after)
        self.assertLess(waited, DEAF, args)
        self.assertEqual(len(self.output[1].decode().replace("\r", "\n").strip().splitlines()), 1, self.output[1])
        self.assertEqual(self.left(), before)

    def test_obeys_while_it_starts(self):
        big = ["--set", "data.K=4000000", "--set", "data.D=16"]
        self.assert_obeys("train", "tiny.toml", "--out", "big.h5", "--quiet", *big)
        self.assert_obeys("train", "tiny.toml", "--dry-run", "--set", "eval.sequences=10000000")
        self.assert_obeys("bench", "tiny.toml", *big)
        self.assert_obeys("bench", "tiny.toml", "--set", "eval.sequences=10000000")

    def test_obeys_in_the_first_evaluation(self):
        self.assert_obeys("train", "tiny.toml", "--out", "e.h5", "--quiet", "--set", "eval.sequences=10000000")
        self.assertRegex(self.output[1], b"anything new to write")
        self.assert_obeys("train", "tiny.toml", "--out", "p.h5", "--quiet", "--set", "probe.sequences=10000000", "--set", "data.K=1000000")

    def test_obeys_while_it_trains_again(self):
        long = ["--set", "train.epochs=1", "--set", "train.steps_per_epoch=100000000", "--set", "eval.every=50000000"]
        run = self.start("train", "tiny.toml", "--out", "l.h5", "--quiet", *long)
        time.sleep(3)
        run.terminate()
        self.assertEqual(run.wait(timeout=10), 75)
        run.communicate()
        step = self.step("l.h5")
        self.assert_obeys("verify", "l.h5", "--quiet")
        self.assert_obeys("branch", "l.h5", "--at", step - 1, "--out", "b.h5", "--quiet", "--set", "train.learning_rate=0.02")
        self.assert_obeys("theory", "landscape", "--run", "l.h5", "--step", step - 1, "--out", "g.h5")

    def test_obeys_in_theory_and_sweeps(self):
        self.assert_obeys("theory", "landscape", "--out", "g.h5", "--N", 1000, "--w", 0, 5, 3000, "--beta", 0, 5, 3000)
        (self.cwd / "many.toml").write_text(TINY + "[sweep]\nseeds = 900000\n")
        self.assert_obeys("sweep", "many.toml", "--out", "many")
        self.assert_obeys("sweep", "sweep.toml", "--out", "s", "--dry-run", "--set", "eval.sequences=10000000")

    def test_given_up_evaluations_are_made_anew(self):
        """Cut in the evaluation at a step, a run goes on with the same bits; and what lies there verifies."""
        settings = ["--set", "eval.sequences=1000000", "--set", "data.K=400", "--set", "train.epochs=1", "--set", "probe.sequences=400"]
        run = self.start("train", "tiny.toml", "--out", "e.h5", "--quiet", "--resume", *settings)
        time.sleep(0.2)
        run.terminate()
        run.communicate(timeout=10)
        cut = 0
        for _ in range(40):
            run = self.start("train", "tiny.toml", "--out", "e.h5", "--quiet", "--resume", *settings)
            self.wait_until(lambda: (self.cwd / "e.h5").exists() or run.poll() is not None, "no file")
            time.sleep(0.25)
            run.terminate()
            run.communicate(timeout=10)
            if run.returncode == 0:
                break
            self.assertEqual(run.returncode, 75)
            if (self.cwd / "e.h5").exists():
                with h5py.File(self.cwd / "e.h5") as file:
                    due = int(file["state"].attrs.get("evaluation_due", 0))
                    cut += due
                    if due:
                        self.assertNotIn(file.attrs["step"], file["metrics/step"][:])
                        break
        self.assertGreater(cut, 0, "never cut in an evaluation")
        self.assertEqual(self.ok("verify", "e.h5", "--quiet").stdout, b"identical\n")
        self.assert_goes_on("e.h5", *settings)

    def test_the_parent_of_a_sweep_is_killed(self):
        run = self.start("sweep", "sweep.toml", "--out", "k", "--jobs", 2, *ENDLESS,
                         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (1 << 30, 1 << 30)))
        self.wait_until(lambda: len(list(self.cwd.glob("k/runs/*/*.h5"))) == 2, "no files")
        children = [int(pid) for pid in Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()]
        libc_subreaper()
        run.kill()
        run.communicate()
        for child in children:
            _, status = os.waitpid(child, 0)
            self.assertEqual(os.waitstatus_to_exitcode(status), 75)
        self.assertEqual(self.locks(), [])
        self.assertEqual(list(self.cwd.rglob("core*")), [])


def libc_subreaper():
    import ctypes
    PR_SET_CHILD_SUBREAPER = 36
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def main():
    global ICL
    ICL = os.path.abspath(sys.argv.pop(1))
    unittest.main()


if __name__ == "__main__":
    main()
