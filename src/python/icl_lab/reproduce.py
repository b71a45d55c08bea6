"""The second half of icl reproduce: quantities, picture, verdicts of an item whose runs have been merged."""

import json
import math
from pathlib import Path

from . import checks, plot
from .estimate import Estimate
from .files import say, write_text
from .item import load_figure, load_item


def number(value):
    """JSON has neither NaN nor infinity: these are the strings "nan", "inf" and "-inf"."""
    return value if math.isfinite(value) else str(value)


def as_dict(estimate):
    return {"value": number(estimate.value), "low": number(estimate.low), "high": number(estimate.high), "method": estimate.method,
            "n": estimate.n, "unit": estimate.unit}


def counts_of(runs):
    """Runs by how they ended."""
    reasons = [str(reason) or str(status) for reason, status in zip(runs["stop_reason"], runs["status"])]
    return {reason: reasons.count(reason) for reason in sorted(set(reasons))}


def results_of(item, quantities, verdicts, files):
    """What results.json holds; no time of day, so equal runs give equal bytes."""
    sweep = item.sweep
    return {
        "format": "icl results", "version": 1, "item": item.name, "scale": item.scale, "title": item.title, "figure": item.figure,
        "question": item.question, "sweep_hash": sweep.hash, "programs": sweep.program, "bootstrap_seed": item.seed,
        "runs": len(sweep), "runs_by_end": counts_of(sweep.runs), "settings": sweep.config,
        "quantities": {name: as_dict(estimate) for name, estimate in quantities.items()},
        "checks": [{"name": v.name, "quantity": v.quantity, "bounds": [number(b) for b in v.bounds], "source": v.source, "note": v.note,
                    "verdict": v.verdict} for v in verdicts],
        "files": files,
    }


def finite(value):
    """The same with every number that JSON lacks as a string."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [finite(inner) for inner in value]
    return number(value) if isinstance(value, float) else value


def analyse(figure, item):
    """The quantities of figure.py, each an Estimate."""
    quantities = figure.analyse(item)
    for name, estimate in quantities.items():
        if not isinstance(estimate, Estimate):
            raise TypeError(f"figure.py of {item.name}: {name} is no Estimate")
    return quantities


def caption_of(item, quantities):
    settings = ", ".join(f"{name} = {item.sweep.setting(name)}" for name in ("model.system", "data.N", "model.hidden", "train.learning_rate")
                         if name not in item.sweep.runs.dtype.names)
    return f"{item.title}. {item.name} at scale {item.scale}: {len(item.sweep)} runs; {settings}; 95 % intervals."


def reproduce(folder, scale, merged, out):
    """Writes results.json and the pictures; prints each check; returns 1 if one fails, otherwise 0."""
    item = load_item(folder, scale, merged)
    figure = load_figure(folder)
    out = Path(out)
    (out / "results.json").unlink(missing_ok=True)  # those of earlier runs say nothing of these
    quantities = analyse(figure, item)
    verdicts = [checks.judge(check, quantities) for check in item.checks]
    drawing = figure.draw(item, quantities)
    files = plot.save(drawing, out / "figure", title=item.title, caption=caption_of(item, quantities), sweep_hash=item.sweep.hash,
                      programs=item.sweep.program)
    results = results_of(item, quantities, verdicts, ["sweep.h5", *files])
    write_text(out / "results.json", json.dumps(finite(results), indent=1, ensure_ascii=False) + "\n")
    say(f"{item.name}, {scale}: {item.title}")
    for name, estimate in quantities.items():
        if all(name != v.quantity for v in verdicts):
            say(f"        {name}: {estimate}")
    if not verdicts:
        say("        no checks at this scale")
    for verdict in verdicts:
        say(verdict)
        if verdict.verdict == "fails" and verdict.note:
            say(f"        known: {verdict.note}")
    say(f"picture: {out / 'figure.png'}")
    return int(any(v.verdict == "fails" for v in verdicts))
