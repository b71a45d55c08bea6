"""icl report DIR: one page of all that icl reproduce left in a folder, pictures and all, that needs nothing beside it."""

import base64
import json
import os
import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from .estimate import Estimate
from .estimate import text_of as number_text
from .files import Usage, say, write_text
from .read import BadInput

VERDICTS = {"holds": "✓", "undecided": "≈", "fails": "✗"}
SCALES = ("paper", "desk", "smoke")  #: in this order, others after them
NEEDED = {"item": str, "scale": str, "title": str, "figure": str, "question": str, "sweep_hash": str, "programs": list, "bootstrap_seed": int, "runs": int,
          "runs_by_end": dict, "settings": dict, "quantities": dict, "checks": list, "files": list}


@dataclass
class Results:
    """One results.json and where it lies."""

    path: Path
    data: dict

    def estimate(self, quantity):
        found = self.data["quantities"].get(quantity)
        return None if found is None else Estimate(float(found["value"]), float(found["low"]), float(found["high"]), found["method"], found["n"],
                                                   found.get("unit", ""))


def load(path):
    """BadInput, in one sentence, for what is no whole results.json."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"is no JSON, or cut short: {error}") from None
    if not isinstance(data, dict) or data.get("format") != "icl results":
        raise BadInput("was not written by icl reproduce")
    if data.get("version") != 1:
        raise BadInput(f"is of version {data.get('version')}, and this program reads version 1")
    for name, kind in NEEDED.items():
        if not isinstance(data.get(name), kind):
            raise BadInput(f"lacks \"{name}\"")
    results = Results(path, data)
    try:
        for name in data["quantities"]:
            results.estimate(name)
        for check in data["checks"]:
            [check[key] for key in ("name", "quantity", "source", "note")]
            bounds_text(check["bounds"])
            if check["verdict"] not in VERDICTS:
                raise BadInput(f"has a verdict \"{check['verdict']}\", which is none of {', '.join(VERDICTS)}")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"is damaged: {type(error).__name__} {error}") from None
    return results


def collect(folder):
    """(name -> its results by scale, [(path, what is wrong)], folders of items without results)."""
    found, damaged, waiting = {}, [], []
    for path in sorted(folder.glob("*/*/results.json")):
        try:
            results = load(path)
            require_shown(results)
            found.setdefault(results.data["item"], []).append(results)
        except BadInput as error:
            damaged.append((path.relative_to(folder), str(error)))
    for path in sorted(folder.glob("*/*/")):
        if any((path / name).exists() for name in ("runs", "sweep.h5", "sweep.toml")) and not (path / "results.json").exists():
            waiting.append(path.relative_to(folder))
    for results in found.values():
        results.sort(key=lambda r: (SCALES.index(r.data["scale"]) if r.data["scale"] in SCALES else len(SCALES), r.data["scale"]))
    order = sorted(found, key=lambda name: (not found[name][0].data["figure"], name))
    return {name: found[name] for name in order}, damaged, waiting


def require_shown(results):
    """BadInput for results whose part of the page cannot be made, so that they do not keep others from it."""
    try:
        page = item_html(results.data["item"], [results], results.path)
        (page + overview_html({results.data["item"]: [results]})).encode()
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BadInput(f"is damaged: {type(error).__name__} {error}") from None


def bounds_text(bounds):
    low, high = (float(bound) for bound in bounds)
    if low == high:
        return number_text(low)
    if low == float("-inf"):
        return f"at most {number_text(high)}"
    if high == float("inf"):
        return f"at least {number_text(low)}"
    return f"{number_text(low)} to {number_text(high)}"


def shown(text):
    """A name or message, whatever its bytes."""
    return str(text).encode("utf-8", "backslashreplace").decode()


def verdict_html(verdict, count=None):
    text = verdict if count is None else f"{count} {verdict}"
    return f'<span class="verdict {verdict}">{VERDICTS[verdict]} {text}</span>'


def tally(results):
    verdicts = [check["verdict"] for check in results.data["checks"]]
    return {verdict: verdicts.count(verdict) for verdict in VERDICTS if verdict in verdicts}


def tally_html(results):
    return ", ".join(verdict_html(verdict, count) for verdict, count in tally(results).items()) or '<span class="soft">no checks at this scale</span>'


def value_html(estimate):
    if estimate is None or estimate.value != estimate.value:
        return f'none <span class="soft">({escape(estimate.method)})</span>' if estimate else "none"
    return f'{escape(str(estimate))} <br><span class="soft">{escape(estimate.method)}, {estimate.n} run{"s" * (estimate.n != 1)}</span>'


def checks_html(results):
    if not results.data["checks"]:
        return ""
    rows = []
    for check in results.data["checks"]:
        known = f'<span class="known">Known: {escape(check["note"])}</span>' if check["note"] else ""
        rows.append(f'<tr><td>{verdict_html(check["verdict"])}</td>'
                    f'<td>{escape(check["name"])}<br><code class="soft">{escape(check["quantity"])}</code>{known}</td>'
                    f'<td class="number" data-is="measured">{value_html(results.estimate(check["quantity"]))}</td>'
                    f'<td class="number" data-is="bounds">{escape(bounds_text(check["bounds"]))}</td>'
                    f'<td data-is="source" class="soft">{escape(check["source"])}</td></tr>')
    return ('<table class="cards"><thead><tr><th>verdict</th><th>check</th><th>measured (95 % interval)</th><th>bounds</th><th>source of the bounds</th>'
            f'</tr></thead><tbody>{"".join(rows)}</tbody></table>')


def table_of(pairs, heads):
    rows = "".join(f'<tr><td><code>{escape(name)}</code></td><td class="number">{value}</td></tr>' for name, value in pairs)
    return f"<table><thead><tr><th>{heads[0]}</th><th>{heads[1]}</th></tr></thead><tbody>{rows}</tbody></table>"


def flat(settings, above=""):
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", json.dumps(value, ensure_ascii=False)


def link(results, name, page):
    target = os.path.relpath(results.path.with_name(name), page.parent)
    return f'<a href="{quote(os.fsencode(target))}">{escape(name)}</a>'


def picture_html(results):
    """The picture as part of the page; a file name with a folder in it is not ours."""
    try:
        content = results.path.with_name("figure.png").read_bytes()
    except OSError as error:
        return f'<p class="damaged">figure.png cannot be read: {escape(error.strerror)}</p>'
    about = escape(f"{results.data['title']}, scale {results.data['scale']}", quote=True)
    return f'<img alt="{about}" src="data:image/png;base64,{base64.b64encode(content).decode()}">'


def scale_html(results, page):
    data = results.data
    ends = ", ".join(f"{count} {end.replace('_', ' ')}" for end, count in data["runs_by_end"].items())
    names = [name for name in ["results.json", *data["files"]] if isinstance(name, str) and Path(name).name == name]
    links = ", ".join(link(results, name, page) for name in names if results.path.with_name(name).is_file())
    provenance = (f'<p class="small soft">{data["runs"]} run{"s" * (data["runs"] != 1)} (ended by: {escape(ends)}); '
                  f'sweep <code>{escape(data["sweep_hash"])}</code>; '
                  f'program {escape(", ".join(map(str, data["programs"])) or "unknown")}; bootstrap seed {data["bootstrap_seed"]}. Files: {links}</p>')
    quantities = table_of([(name, value_html(results.estimate(name))) for name in data["quantities"]], ("quantity", "value (95 % interval)"))
    settings = table_of([(name, escape(value)) for name, value in flat(data["settings"])], ("key", "value"))
    return (f'<h3 id="{anchor(data["item"], data["scale"])}">Scale {escape(data["scale"])}: {tally_html(results)}</h3>{picture_html(results)}'
            f'{checks_html(results)}{provenance}<details><summary>All {len(data["quantities"])} quantities</summary>{quantities}</details>'
            f'<details><summary>Settings</summary>{settings}</details>')


def anchor(*words):
    return escape("-".join(quote(word, safe="") for word in words), quote=True)


def overview_html(found):
    rows = []
    for name, scales in found.items():
        about = scales[0].data
        verdicts = "<br>".join(f'<a href="#{anchor(name, r.data["scale"])}">{escape(r.data["scale"])}</a>: {tally_html(r)}' for r in scales)
        rows.append(f'<tr><td><a href="#{anchor(name)}">{escape(name)}</a></td><td data-is="figure">{escape(about["figure"]) or "&ndash;"}</td>'
                    f'<td>{escape(about["title"])}</td><td>{verdicts}</td></tr>')
    return ('<table class="cards"><thead><tr><th>item</th><th>figure</th><th>what it shows</th><th>verdicts</th></tr></thead>'
            f'<tbody>{"".join(rows)}</tbody></table>')


def figure_text(figure):
    """Figures of the paper have numbers; what else stands there names another paper."""
    return f"Figure {figure} of Nguyen & Reddy (2024)." if re.match(r"A?\d", figure) else f"After {figure}."


def item_html(name, scales, page):
    about = scales[0].data
    figure = f"{escape(figure_text(about['figure']))} " if about["figure"] else ""
    body = "".join(scale_html(results, page) for results in scales)
    return (f'<section><h2 id="{anchor(name)}">{escape(about["title"])}</h2>'
            f'<p class="soft">{figure}{escape(about["question"])} <code>icl reproduce {escape(name)}</code></p>{body}</section>')


def page_html(found, damaged, waiting, page):
    style = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
    legend = (f'<p>A check <b>holds</b> ({VERDICTS["holds"]}) if the whole 95 % interval lies within its bounds; it is <b>undecided</b> '
              f'({VERDICTS["undecided"]}) if the interval overlaps them but reaches out, or there is none, so that the data cannot tell; it <b>fails</b> '
              f'({VERDICTS["fails"]}) if the interval misses them.</p>')
    wrong = "".join(f'<p class="damaged small">{escape(shown(path))} {escape(shown(text))}</p>' for path, text in damaged)
    wrong += "".join(f'<p class="small">{escape(shown(path))}: no results yet</p>' for path in waiting)
    sections = "".join(item_html(name, scales, page) for name, scales in found.items())
    return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>icl: figures and verdicts</title><style>{style}</style></head><body><main><h1>Figures and verdicts</h1>{legend}{wrong}"
            f"{overview_html(found)}{sections}</main></body></html>\n")


def report(folder, out=None):
    """Writes the page; says what it holds, and which results could not be shown."""
    folder = Path(folder)
    if not folder.is_dir():
        raise BadInput(f"'{folder}' is no folder" if folder.exists() else f"'{folder}': there is no such folder")
    found, damaged, waiting = collect(folder)
    if not found:
        wrong = f"; {damaged[0][0]} {damaged[0][1]}" if damaged else ""
        raise BadInput(f"'{folder}' holds no results of icl reproduce (NAME/SCALE/results.json){wrong}")
    page = Path(out) if out else folder / "index.html"
    if page.suffix.lower() not in (".html", ".htm"):
        raise Usage(f"--out '{page}': a page ends in .html or .htm")
    write_text(page, page_html(found, damaged, waiting, page))
    for path, text in damaged:
        say(f"left out: {path} {text}")
    for path in waiting:
        say(f"no results yet: {path}")
    counts = {verdict: sum(tally(r).get(verdict, 0) for scales in found.values() for r in scales) for verdict in VERDICTS}
    say(f"{len(found)} item{'s' * (len(found) != 1)}: {', '.join(f'{count} {verdict}' for verdict, count in counts.items())}")
    say(f"page: {page}")
    return 0
