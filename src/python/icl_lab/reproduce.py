"""The second half of icl reproduce: quantities, picture, verdicts of an item whose runs have been merged."""

import json
import math
from pathlib import Path

from . import checks, plot
from .estimate import Estimate
from .files import CannotWrite, say, write_text
from .item import faults_of, load_figure, load_item
from .read import BadInput


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
    with faults_of(figure.__file__):
        quantities = figure.analyse(item)
    if not isinstance(quantities, dict):
        raise BadInput(f"'{figure.__file__}': analyse returns no dict but {quantities!r:.80}")
    for name, estimate in quantities.items():
        if not isinstance(name, str) or not isinstance(estimate, Estimate):
            raise BadInput(f"'{figure.__file__}': {name}, which analyse returns, is no Estimate with a name but {estimate!r:.80}")
    return quantities


def draw(figure, item, quantities):
    """The picture of figure.py."""
    with faults_of(figure.__file__):
        drawing = figure.draw(item, quantities)
    if not hasattr(drawing, "savefig"):
        raise BadInput(f"'{figure.__file__}': draw returns no figure but {drawing!r:.80}")
    return drawing


def forget(path):
    """Results of earlier runs say nothing of these."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise CannotWrite(path, error) from None


def caption_of(item, quantities):
    settings = ", ".join(f"{name} = {item.sweep.setting(name)}" for name in ("model.system", "data.N", "model.hidden", "train.learning_rate")
                         if name not in item.sweep.runs.dtype.names)
    return f"{item.title}. {item.name} at scale {item.scale}: {len(item.sweep)} runs; {settings}; 95 % intervals."


def reproduce(folder, scale, merged, out):
    """Writes results.json and the pictures; prints each check; returns 1 if one fails, otherwise 0."""
    item = load_item(folder, scale, merged)
    figure = load_figure(folder)
    out = Path(out)
    forget(out / "results.json")
    quantities = analyse(figure, item)
    verdicts = [checks.judge(check, quantities) for check in item.checks]
    drawing = draw(figure, item, quantities)
    results = results_of(item, quantities, verdicts, ["sweep.h5", *(f"figure.{kind}" for kind in plot.KINDS)])
    text = json.dumps(finite(results), indent=1, ensure_ascii=False) + "\n"
    with faults_of(figure.__file__):  # some show only when the picture is written
        plot.save(drawing, out / "figure", title=item.title, caption=caption_of(item, quantities), sweep_hash=item.sweep.hash,
                  programs=item.sweep.program)
    write_text(out / "results.json", text)
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
