"""The command line itself: help, examples, suggestions, short options, and the ways to give settings.

usage: command_line_test.py ICL
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from program import ICL, TINY, ProgramTest, main  # noqa: E402

RUN = TINY.format(epochs=20, steps_per_epoch=50)
SWEEP = RUN + "\n[sweep]\nseeds = 2\n[sweep.axes]\ndata.K = [64, 128]\n"


def commands():
    """The words of every command of the program, those in commands included."""
    found, todo = [], [[]]
    while todo:
        words = todo.pop()
        help_text = subprocess.run([ICL, "help", *words], capture_output=True, text=True, check=True).stdout
        inside = re.findall(r"(?m)^  ([a-z-]+) {2,}", help_text.partition("Subcommands:")[2].partition("\n\n")[0])
        todo += [[*words, name] for name in inside]
        if words:
            found.append(words)
    return found


class CommandLineTest(ProgramTest):
    def setUp(self):
        super().setUp()
        (self.cwd / "run.toml").write_text(RUN)
        (self.cwd / "sweep.toml").write_text(SWEEP)

    def refused(self, message, *args, status=64, **kwargs):
        """One message, and nothing written."""
        before = sorted(self.cwd.rglob("*"))
        done = self.icl(*args, status=status, **kwargs)
        self.assertEqual((done.stderr, done.stdout), (f"icl: {message}\n", ""))
        self.assertEqual(sorted(self.cwd.rglob("*")), before)

    # --- help -------------------------------------------------------------------------------------------------------

    def test_help_is_asked_for_in_many_ways(self):
        whole = self.icl("--help").stdout
        for words in ([], ["help"], ["-h"], ["help", "--help"][:1]):
            self.assertEqual(self.icl(*words).stdout, whole)
        train = self.icl("train", "--help").stdout
        self.assertIn("--dry-run", train)
        self.assertEqual(self.icl("help", "train").stdout, train)
        self.assertEqual(self.icl("theory").stdout, self.icl("theory", "--help").stdout)
        self.assertEqual(self.icl("help", "theory", "predict").stdout, self.icl("theory", "predict", "--help").stdout)
        self.assertIn("icl help train", self.icl("help", "help").stdout)
        self.assertEqual(self.icl("-V").stdout, self.icl("--version").stdout)

    def test_what_does_not_exist_is_near_something_that_does(self):
        for message, *args in [
                ("icl has no command trian; did you mean train? (see icl help)", "trian", "run.toml"),
                ("icl has no command fly (see icl help)", "fly"),
                ("icl has no command trian; did you mean train? (see icl help)", "help", "trian"),
                ("icl theory has no command predit; did you mean predict? (see icl help theory)", "theory", "predit", "run.h5"),
                ("icl train has no option --treads; did you mean --threads? (see icl help train)", "train", "run.toml", "--treads=2"),
                ("icl train has no option --xyzzy (see icl help train)", "train", "run.toml", "--xyzzy"),
                ("icl train has no option --seed; a setting of the run is given as --set train.seed=3 (see icl help train)",
                 "train", "run.toml", "--seed", "3"),
                ("icl train has no option --data.K; a setting of the run is given as --set data.K=64 (see icl help train)",
                 "train", "--data.K=64", "run.toml"),
                ("icl train has no option --beta0; a setting of the run is given as --set model.beta0=1 or --set init.beta0=1 "
                 "(see icl help train)", "train", "run.toml", "--beta0", "1"),
                ("icl train has no option --N; a setting of the run is given as --set data.N=VALUE (see icl help train)",
                 "train", "run.toml", "--N", "-q"),
                ("icl sweep has no option --seed; did you mean --seeds? (see icl help sweep)", "sweep", "sweep.toml", "--seed", "3"),
                ("icl verify has no option --seed (see icl help verify)", "verify", "run.h5", "--seed", "3"),
                ("icl has no option --colour (see icl help)", "--colour")]:
            with self.subTest(args):
                self.refused(message, *args)
        self.assertIn("(see icl help train)", self.icl("train", status=64).stderr)

    def test_short_options(self):
        self.icl("train", "run.toml", "-q", "-o", "short.h5")
        self.refused("'short.h5' exists already; --force replaces it", "train", "run.toml", "-q", "-o", "short.h5", status=73)
        self.icl("train", "run.toml", "-qf", "-oshort.h5")
        self.icl("sweep", "sweep.toml", "-o", "grid", "-j", "2", "-q")
        self.assertEqual(json.loads(self.icl("status", "grid", "--json").stdout)["counts"]["done"], 4)

    def test_every_command_has_two_examples_and_they_run(self):
        self.icl("train", "run.toml", "-q")
        self.icl("sweep", "sweep.toml", "-o", "results", "-q")
        self.icl("merge", "results", "-o", "sweep.h5")
        shutil.copy(self.cwd / "run.h5", self.cwd / "other.h5")
        ready = {p.name for p in self.cwd.iterdir()}
        elsewhere = {"icl report results", "icl report results -o page.html"}  # of what icl reproduce makes: cli.reproduce
        seen = 0
        for words in commands():
            text = self.icl("help", *words).stdout
            examples = re.findall(r"(?m)^  (icl .*)\n {6}\S", text.partition("Examples:")[2])
            self.assertGreaterEqual(len(examples), 2, words)
            for line in examples:
                with self.subTest(line):
                    self.assertTrue(line.startswith(f"icl {words[0]}"), line)
                    seen += 1
                    if line in elsewhere:
                        continue
                    written = re.search(r" -o (\S+)$", line)
                    taken = written is not None and (self.cwd / written[1]).is_file()
                    if taken:
                        (self.cwd / written[1]).rename(self.cwd / "aside")
                    done = subprocess.run(["bash", "-c", line.replace("icl ", '"$ICL" ', 1)], cwd=self.cwd, capture_output=True,
                                          text=True, timeout=120, env=os.environ | {"ICL": ICL, "ICL_PYTHON": "/usr/bin/python3"})
                    self.assertEqual(done.returncode, 0, done.stderr)
                    if taken:
                        (self.cwd / "aside").rename(self.cwd / written[1])
                    for made in {p.name for p in self.cwd.iterdir()} - ready:
                        (self.cwd / made).unlink()
        self.assertGreater(seen, 30)

    # --- settings ---------------------------------------------------------------------------------------------------

    def test_keys_by_section(self):
        text = self.icl("keys").stdout
        sections = re.findall(r"(?m)^\[([a-z]+)\] \S", text)
        self.assertEqual(len(sections), len(set(sections)))
        for section, body in zip(sections, re.split(r"(?m)^\[[a-z]+\] .*\n", text)[1:]):
            keys = re.findall(r"(?m)^  ([a-z]+)\.\S", body)
            self.assertEqual(set(keys), {section})
        of_one = self.icl("keys", "stop").stdout
        self.assertEqual(re.findall(r"(?m)^  (\S+)\.", of_one), ["stop"] * len(re.findall(r"(?m)^  stop\.", text)))
        self.assertEqual(set(re.findall(r"(?m)^\[([a-z]+)\]", self.icl("keys", "decay").stdout)), {"train"})

    def test_init_is_the_default_with_comments(self):
        for system in ("one_layer", "multi_layer", "scalar_beta", "minimal", "memoriser", "blocks"):
            with self.subTest(system):
                text = self.icl("init", system).stdout
                self.assertLessEqual(max(map(len, text.splitlines())), 100)
                settings = tomllib.loads(text)
                self.assertEqual(settings["model"]["system"], system)
                self.assertEqual("layers" in settings["model"], system == "multi_layer")
                (self.cwd / "new.toml").write_text(text)
                (self.cwd / "bare.toml").write_text(f'[model]\nsystem = "{system}"\n')
                resolved = [self.icl("train", f"{name}.toml", "--dry-run").stdout.partition("\n\n#")[0].partition("\n# param")[0]
                            for name in ("new", "bare")]
                self.assertEqual(*resolved)
        every = set(re.findall(r"(?m)^  (\S+\.\S+) ", self.icl("keys").stdout))
        named = set()
        for system in ("one_layer", "multi_layer", "minimal", "memoriser", "blocks"):
            section = ""
            for line in self.icl("init", system).stdout.splitlines():
                section = line[1:line.index("]")] if line.startswith("[") else section
                named |= {f"{section}.{key}" for key in re.findall(r"^#?([A-Za-z0-9_]+) =", line)}
        self.assertEqual(named, every)
        self.icl("init", "-o", "made.toml")
        self.refused("'made.toml' exists already: choose another --out, or remove it", "init", "-o", "made.toml", status=73)
        self.refused("SYSTEM: three_layer not in {one_layer,multi_layer,scalar_beta,minimal,memoriser,blocks} (see icl help init)", "init", "three_layer")

    def test_manual_pages_go_into_a_folder_that_is_there(self):
        self.refused("COMMAND excludes --out (see icl help manual)", "manual", "train", "-o", ".")
        self.refused("cannot create 'none/icl.1': the folder 'none' does not exist", "manual", "-o", "none", status=73)
        self.icl("manual", "-o", ".")
        self.assertEqual((self.cwd / "icl-train.1").read_text(), self.icl("manual", "train").stdout)

    def config(self, *args, **kwargs):
        self.icl("train", *args, "-q", "-o", "c.h5", "-f", **kwargs)
        return json.loads(self.icl("info", "c.h5", "--json").stdout)["config"]

    def test_lists_of_words_are_arrays_too(self):
        (self.cwd / "list.toml").write_text(RUN + 'record = ["memorisation", "norms"]\n[intervene]\nfreeze = ["attention@:10", "mlp.0"]\n')
        config = self.config("list.toml")
        self.assertEqual((config["probe.record"], config["intervene.freeze"]), ("memorisation norms", "attention@:10, mlp.0"))
        for text in '["norms", "margins"]', "norms,margins", " margins   norms":
            self.assertEqual(self.config("run.toml", "--set", f"probe.record={text}")["probe.record"], "margins norms")
        for value in ("[[1]]", "[true]", "{ a = 1 }"):
            self.icl("train", "run.toml", "--set", f"probe.record={value}", status=64)
        self.icl("train", "run.toml", "--set", 'data.items=["a.h5:/x"]', status=64)

    def test_a_list_spelled_otherwise_is_the_same_run(self):
        first = [("probe.record", "norms, memorisation"), ("record.snapshot_steps", '["10:20:5", 3]'), ("intervene.freeze", "mlp.0@7:,attention@0:3")]
        other = [("probe.record", '["memorisation", "norms"]'), ("record.snapshot_steps", "3,10:20:5"), ("intervene.freeze", " attention@:3 , mlp.0 @ 7:")]
        settings = lambda pairs: [word for key, text in pairs for word in ("--set", f"{key}={text}")]  # noqa: E731
        self.icl("train", "run.toml", *settings(first), "--out", "list.h5", "-q", "-f")
        again = self.icl("train", "run.toml", *settings(other), "--out", "list.h5", "--resume")
        self.assertIn("done already", again.stderr)
        self.icl("train", "run.toml", *settings(other), "--out", "other.h5", "-q", "-f")
        self.icl("compare", "list.h5", "other.h5")
        hashes = {json.loads(self.icl("info", name, "--json").stdout)["config_xxh128"] for name in ("list.h5", "other.h5")}
        self.assertEqual(len(hashes), 1)

    def test_what_may_be_absent_is_not_set_without_quotes(self):
        text = self.icl("keys").stdout
        absent = re.findall(r"(?m)^  (\S+\.\S+) +not set ", text)
        self.assertGreater(len(absent), 20)
        settings = [word for key in absent for word in ("--set", f"{key}=not set")]
        config = self.config("run.toml", "--set", "train.clip_norm=3", *settings)
        self.assertEqual({config[key] for key in absent}, {None})
        self.refused('--set train.epochs=not set: train.epochs: expected an integer from 1 to 2^32-1, found the string "not set"',
                     "train", "run.toml", "--set", "train.epochs=not set")
        sweep = self.icl("sweep", "sweep.toml", "--dry-run", "-o", "s", "--axis", "train.clip_norm=1,not set").stdout
        self.assertIn('clip_norm = [1.0, "not set"]', sweep)

    def test_numbers_are_numbers(self):
        whole = "expected a whole number"
        for option, text, part in [("--threads", "1.5", whole), ("--threads", "two", whole), ("--threads", "0x2", whole), ("--threads", "", whole),
                                   ("--threads", "010", "does not begin with 0"), ("--threads", "99999999999", "expected a number from -2147483648")]:
            with self.subTest(text):
                said = self.icl("train", "run.toml", f"{option}={text}" if text else option, *([] if text else [""]), status=64).stderr
                self.assertIn(f"{option}: {text}: ", said)
                self.assertIn(part, said)
        self.assertIn("--w: one: expected a number", self.icl("theory", "landscape", "--w", "one", "2", "3", status=64).stderr)

    def test_a_run_is_no_configuration(self):
        self.icl("train", "run.toml", "-q", "-f", "-o", "run.h5")
        for command in "train", "sweep":
            self.assertIn("run.h5: this is an HDF5 file and no TOML; icl info run.h5", self.icl(command, "run.h5", status=65).stderr)

    def test_text_is_taken_as_it_stands(self):
        looked = "there is no such file"
        for items in ("nofile.h5:/x", "inf.h5:/x", "1.h5:/x", "true.h5:/x", "'quoted.h5:/x'", "a = b.h5:/x"):
            with self.subTest(items):
                for command in (["train", "run.toml", "--set", f"data.items={items}"],
                                ["sweep", "sweep.toml", "--dry-run", "-o", "s", "--axis", f"data.items={items}"]):
                    self.assertIn(looked, self.icl(*command, status=65).stderr)
        self.assertEqual(self.config("run.toml", "--set", "probe.record=not set")["probe.record"], None)

    def test_standard_input_is_a_file(self):
        config = self.config("-", "--set", "train.seed=5", input=RUN)
        self.assertEqual((config["data.K"], config["train.seed"]), (64, 5))
        self.icl("sweep", "-", "-o", "grid", "-q", input=SWEEP)
        self.assertEqual(json.loads(self.icl("status", "grid", "--json").stdout)["counts"]["done"], 4)
        self.assertIn("standard input:2: ", self.icl("train", "-", "-o", "x.h5", status=64, input="[data]\nKay = 3\n").stderr)
        self.refused("a configuration from standard input has no name to call the run file by: give it with --out", "train", "-",
                     input=RUN)
        self.icl("train", "-", "--dry-run", input=RUN)


if __name__ == "__main__":
    main()
