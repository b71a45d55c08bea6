"""Terminals that stop, fill, hang up or are closed end and freeze no run, and one in the background draws nothing.

usage: terminals_test.py ICL
"""

import json
import os
import pty
import select
import shlex
import signal
import termios
import time

from running import ENDLESS, ICL, RunningTest, fill, main


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


class TerminalsTest(RunningTest):
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


if __name__ == "__main__":
    main()
