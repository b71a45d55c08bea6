"""Completion in bash (and in zsh and fish where they are), and manual pages as man and mandoc read them.

usage: completion_test.py ICL BUILD
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ICL = os.path.abspath(sys.argv[1])
BUILD = Path(sys.argv[2]).resolve()
# What zsh is offered at the place of COMMAND: completion's own functions are there only at a prompt.
ASK_ZSH = r"""
compdef() { :; }
_describe() { :; }
_arguments() { for spec; do [[ $spec != *:COMMAND:* ]] || ${spec##*:}; done; }
compadd() { shift; print -rl -- "$@"; }
source "$1"; shift
words=("$@"); CURRENT=$#
_icl
"""
# Completes the words of a line as an interactive bash would: = is a word of its own there.
ASK = r"""
compopt() { :; }
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_icl
printf '%s\n' "${COMPREPLY[@]}"
"""


def out(*args, **kwargs):
    return subprocess.run(args, capture_output=True, text=True, timeout=60, check=True, **kwargs).stdout


def commands(*words):
    help_text = out(ICL, "help", *words)
    inside = re.findall(r"(?m)^  ([a-z-]+) {2,}", help_text.partition("Subcommands:")[2].partition("\n\n")[0])
    return [(*words, name) for name in inside] + [found for name in inside for found in commands(*words, name)]


class CompletionTest(unittest.TestCase):
    def setUp(self):
        self.cwd = Path(tempfile.mkdtemp(prefix="icl-completion-"))
        self.addCleanup(shutil.rmtree, self.cwd)
        (self.cwd / "my run.h5").write_bytes(b"")
        (self.cwd / "folder").mkdir()

    def zsh(self, *words):
        return out("zsh", "-f", "-c", ASK_ZSH, "ask", str(BUILD / "completion/icl.zsh"), "icl", *words).split()

    def fish(self, line):
        script = f"source {BUILD}/completion/icl.fish; complete -C '{line}'"
        done = subprocess.run(["fish", "--no-config", "-c", script], cwd=self.cwd, env=os.environ | {"HOME": str(self.cwd)},
                              capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [row.split("\t")[0] for row in done.stdout.splitlines()]

    def bash(self, *words):
        text = out("bash", "-c", ASK, "ask", str(BUILD / "completion/icl.bash"), "icl", *words, cwd=self.cwd)
        return [line for line in text.split("\n") if line]

    def test_what_was_built_is_what_the_program_prints(self):
        for shell in ("bash", "zsh", "fish"):
            self.assertEqual((BUILD / f"completion/icl.{shell}").read_text(), out(ICL, "completion", shell))
        pages = {page.name for page in (BUILD / "man").iterdir()}
        self.assertEqual(pages, {"icl.1"} | {"-".join(("icl", *words)) + ".1" for words in commands()})
        for words in [(), *commands()]:
            self.assertEqual((BUILD / "man" / ("-".join(("icl", *words)) + ".1")).read_text(), out(ICL, "manual", *words))

    def test_bash_knows_commands_options_settings_and_files(self):
        for expected, *words in [
                (["train"], "tr"), (["theory"], "the"), (["landscape"], "theory", "l"), (["predict"], "help", "theory", "pre"),
                (["--threads"], "train", "run.toml", "--th"), (["--tasks"], "sweep", "--ta"), (["avx2"], "sweep", "--kernels", "a"),
                (["my run.h5"], "info", "my"), (["my run.h5"], "branch", "my run.h5", "-o", "m"), (["folder"], "status", ""),
                (["data.bursty="], "train", "x", "--set", "data.b"), (["memoriser"], "train", "x", "--set", "model.system", "=", "mem"),
                (["true"], "train", "x", "--set", "eval.refine", "=", "t"), (["data.zipf="], "train", "x", "--set", "=", "data.z"),
                (["data.zipf="], "status", "x", "--where", "data.z"), ([], "verify", "x", "--set", "data.K", "=", ""), (["bash"], "completion", "b"),
                ([], "trian", "--th")]:
            with self.subTest(words):
                self.assertEqual(self.bash(*words), expected)
        for command in ("help", "manual"):
            self.asked_about(lambda *words: self.bash(command, *words, ""))
        self.assertEqual(set(self.bash("")), {words[0] for words in commands() if len(words) == 1})
        for words in commands():
            options = set(self.bash(*words, "-"))
            shown = re.findall(r"(?m)^  (-\S+?)[ ,]", out(ICL, "help", *words).partition("\nOptions:")[2])
            self.assertTrue(options.issuperset(option for option in shown if option.startswith("-")), (words, options, shown))

    def asked_about(self, parts):
        """What is offered after `icl help` and words of a command: the commands inside of that."""
        every = commands()
        for words in [(), *every]:
            self.assertEqual(set(parts(*words)), {inside[-1] for inside in every if inside[:-1] == words}, words)
        self.assertEqual(set(parts("trian")), set())

    def test_bash_itself_loads_it(self):
        text = out("bash", "-c", 'source "$1"; complete -p icl', "bash", str(BUILD / "completion/icl.bash"))
        self.assertEqual(text, "complete -F _icl icl\n")

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_zsh_parses_it_and_knows_commands(self):
        out("zsh", "-n", str(BUILD / "completion/icl.zsh"))
        for command in ("help", "manual"):
            self.asked_about(lambda *words: self.zsh(command, *words, ""))

    @unittest.skipUnless(shutil.which("fish"), "fish is not installed")
    def test_fish_completes(self):
        for expected, line in [
                (["train"], "icl tra"), (["predict"], "icl theory pre"), (["--threads"], "icl train --thr"), (["avx2"], "icl sweep --kernels a"),
                (["data.bursty="], "icl train x --set data.bu"), (["--out"], "icl train --ou"), (["my run.h5"], "icl train x --out my"),
                (["folder/"], "icl train x --items-folder f"), (["predict"], "icl help theory p"), (["my run.h5"], "icl info my")]:
            with self.subTest(line):
                self.assertEqual(self.fish(line), expected)
        self.asked_about(lambda *words: self.fish(" ".join(["icl help", *words, ""])))

    @unittest.skipUnless(shutil.which("man"), "man is not installed")
    def test_pages_are_read_without_a_warning(self):
        pages = sorted((BUILD / "man").iterdir())
        self.assertGreater(len(pages), 15)
        if shutil.which("mandoc"):
            done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *pages], capture_output=True, text=True, timeout=60)
            # No date: a page is the same whenever it is built.
            found = [line for line in done.stdout.splitlines() if "missing date" not in line]
            self.assertEqual(found, [])
        for page in pages:
            done = subprocess.run(["man", "--warnings", "-l", page], capture_output=True, text=True, timeout=60,
                                  env=os.environ | {"LC_ALL": "C.UTF-8", "MANWIDTH": "100", "PAGER": "cat"})
            self.assertEqual((done.returncode, done.stderr), (0, ""), page)
            self.assertIn("NAME", done.stdout)
        train = subprocess.run(["man", "-l", BUILD / "man/icl-train.1"], capture_output=True, text=True, timeout=60,
                               env=os.environ | {"LC_ALL": "C.UTF-8", "MANWIDTH": "100", "PAGER": "cat"}).stdout
        for part in ("icl-train - Train a model", "-o, --out RUN.h5", "--set KEY=VALUE", "icl train run.toml --set train.seed=3 -o seed3.h5"):
            self.assertIn(part, re.sub(r".\x08", "", train))

    def test_bad_words(self):
        for message, *args in [("tcsh", "completion", "tcsh"),
                               ("icl has no command trian; did you mean train? (see icl help)", "manual", "trian")]:
            done = subprocess.run([ICL, *args], capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stdout), (64, ""))
            self.assertIn(message, done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
