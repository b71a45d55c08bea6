"""icl report over the results that the project keeps, and over damaged ones.

usage: report_test.py ICL
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

ICL = None
RESULTS = Path(__file__).parents[2] / "data/results"


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links, self.pictures, self.open = [], 0, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.pictures += tag == "img" and attrs["src"].startswith("data:image/png;base64,")
        if tag == "a":
            self.links.append(attrs["href"])
        if tag not in ("img", "br", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag


class ReportTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="icl-report-")
        self.cwd = Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def report(self, *arguments):
        return subprocess.run([ICL, "report", *map(str, arguments)], cwd=self.cwd, capture_output=True, text=True, timeout=120, check=False,
                              env=os.environ | {"ICL_PYTHON": "/usr/bin/python3"})

    def test_all_results_are_on_the_page(self):
        done = self.report(RESULTS, "--out", "page.html")
        self.assertEqual(done.returncode, 0, done.stderr)
        text = (self.cwd / "page.html").read_text()
        page = Page(text)
        kept = [json.loads(path.read_text()) for path in RESULTS.glob("*/*/results.json")]
        self.assertEqual(page.pictures, len(kept))
        self.assertEqual(page.open, [])
        for results in kept:
            for check in results["checks"]:
                self.assertIn(check["quantity"], text)
        for link in page.links:  # of the page itself, or files that are there
            self.assertTrue(link.startswith("#") or (self.cwd / unquote(link)).resolve().is_file(), link)
        self.assertNotIn("http", text.replace("http-equiv", ""))
        self.assertEqual(self.report(RESULTS, "--out", "again.html").returncode, 0)

    def test_damaged_results_are_named_and_the_rest_is_shown(self):
        for name in ("fig2e", "fig4", "fig5", "fig6c"):
            shutil.copytree(RESULTS / name / "desk", self.cwd / "r" / name / "desk")
        whole = (self.cwd / "r/fig4/desk/results.json").read_text()
        (self.cwd / "r/fig4/desk/results.json").write_text(whole[:200])
        (self.cwd / "r/fig5/desk/results.json").write_text("[]")
        (self.cwd / "r/fig6c/desk/figure.png").unlink()
        other = self.cwd / "r/fig2e/other/results.json"
        other.parent.mkdir()
        other.write_text((self.cwd / "r/fig2e/desk/results.json").read_text().replace('"holds"', '"agrees"'))
        done = self.report("r")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("left out: fig4/desk/results.json is no JSON, or cut short", done.stdout)
        self.assertIn("left out: fig5/desk/results.json was not written by icl reproduce", done.stdout)
        self.assertIn('left out: fig2e/other/results.json has a verdict "agrees", which is none of holds, undecided, fails', done.stdout)
        text = (self.cwd / "r/index.html").read_text()
        self.assertIn("fig4/desk/results.json", text)
        self.assertIn("figure.png cannot be read", text)
        self.assertEqual(Page(text).pictures, 1)

    def test_odd_results_do_not_keep_others_from_the_page(self):
        for name in ("fig2e", "fig4", "fig5", "fig6c"):
            shutil.copytree(RESULTS / name / "desk", self.cwd / "r" / name / "desk")
        (self.cwd / "r/fig4/desk/results.json").write_text("[" * 100000)
        odd = json.loads((self.cwd / "r/fig5/desk/results.json").read_text())
        for name, change in (("fig5", {"title": "\ud800"}), ("fig6c", {"runs_by_end": {"done": 1}, "checks": [7]})):
            (self.cwd / f"r/{name}/desk/results.json").write_text(json.dumps(odd | {"item": name} | change))
        (self.cwd / "r/later/desk/runs").mkdir(parents=True)
        done = self.report("r")
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in ("fig4", "fig5", "fig6c"):
            self.assertIn(f"left out: {name}/desk/results.json is", done.stdout)
        self.assertIn("no results yet: later/desk\n", done.stdout)
        text = (self.cwd / "r/index.html").read_text()
        self.assertEqual((Page(text).pictures, "later/desk: no results yet" in text), (1, True))

    def test_figures_of_other_papers_are_not_those_of_this_one(self):
        for name in ("fig2e", "park2024"):
            shutil.copytree(RESULTS / name / "desk", self.cwd / "r" / name / "desk")
        self.assertEqual(self.report("r").returncode, 0)
        text = (self.cwd / "r/index.html").read_text()
        self.assertIn("Figure 2e, 6d of Nguyen &amp; Reddy (2024).", text)
        self.assertIn("After Park et al. 2024.", text)
        self.assertNotIn("Figure Park", text)

    def test_a_folder_without_results_is_refused(self):
        (self.cwd / "empty").mkdir()
        for folder, words in (("nowhere", "there is no such folder"), ("empty", "holds no results of icl reproduce")):
            done = self.report(folder)
            self.assertEqual(done.returncode, 65)
            self.assertIn(words, done.stderr)
        self.assertFalse((self.cwd / "empty/index.html").exists())


if __name__ == "__main__":
    ICL = str(Path(sys.argv.pop(1)).resolve())
    unittest.main()
