"""Style, sizes, and how a picture is written."""

import math
import textwrap
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.colors import ListedColormap  # noqa: E402
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator  # noqa: E402

from .. import __version__  # noqa: E402
from ..files import write_whole  # noqa: E402

# Okabe and Ito's colours.
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE, GREY = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7", "#6B7480")

LABEL_MAP = ListedColormap([ORANGE, "#F3F4F5", BLUE])  #: labels -1, none, +1

KINDS = ("png", "pdf", "svg")
ONE_COLUMN, TWO_COLUMNS = 3.4, 7.0  # inches
STYLE = {
    "font.family": "DejaVu Sans", "font.size": 7.5, "axes.labelsize": 7.5, "axes.titlesize": 8, "axes.titlelocation": "left", "axes.titlepad": 5,
    "xtick.labelsize": 7, "ytick.labelsize": 7, "legend.fontsize": 6.8, "legend.frameon": False, "legend.handlelength": 1.5,
    "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.7, "axes.edgecolor": GREY, "axes.axisbelow": True,
    "axes.grid": True, "grid.color": "#E6E9EC", "grid.linewidth": 0.5, "xtick.color": "#2B323A", "ytick.color": "#2B323A",
    "xtick.major.width": 0.7, "ytick.major.width": 0.7, "lines.linewidth": 1.3, "lines.markersize": 4, "errorbar.capsize": 0,
    "pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "icl", "figure.dpi": 100, "savefig.dpi": 220,
}


def figure(columns=1, height=2.4, rows=1, panels=1, **keywords):
    """(figure, axes): one or two columns wide, height in inches, laid out so that nothing overlaps."""
    matplotlib.rcdefaults()  # whatever a matplotlibrc says
    plt.rcParams.update(STYLE)
    width = ONE_COLUMN if columns == 1 else TWO_COLUMNS
    return plt.subplots(rows, panels, figsize=(width, height), layout="constrained", **keywords)


def literal(text):
    """A name as it is: $ begins no formula in it."""
    return text.replace("$", r"\$")


def heading(drawing, text):
    """The title of a whole figure, in as many lines as it needs."""
    width = int(16 * drawing.get_figwidth())
    drawing.suptitle("\n".join(literal(line) for line in textwrap.wrap(text, width, max_lines=4, placeholder=" ...")), fontsize=8, x=0.01, ha="left")


def letters(*panels):
    """a, b, c ... before the titles of a figure's panels."""
    for axes, text in zip(panels, "abcdefgh"):
        axes.set_title(f"{text}  {axes.get_title(loc='left')}", loc="left", fontweight="bold")


def grouped(number, _=None):
    """12345 as 12,345 with a thin gap; 12.5 and 0.03 as they are."""
    return f"{float(f'{number:.7g}'):,.15g}".replace(",", "\u2009")


class PlainLogLocator(LogLocator):
    """Ticks of a logarithmic axis, closer where it spans less: every decade, 1 and 3, 1 2 5, or every few tenths of a decade."""

    def tick_values(self, vmin, vmax):
        decades = math.log10(vmax / vmin) if 0 < vmin < vmax else 1.0
        steps = ((2.0, (1.0,)), (1.1, (1.0, 3.0)), (0.6, (1.0, 2.0, 5.0)), (0.0, (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)))
        self.set_params(subs=next(subs for least, subs in steps if decades >= least), numticks=20)
        return super().tick_values(vmin, vmax)


def plain_log_axis(axis):
    """A logarithmic axis whose ticks are numbers as people write them."""
    axis.set_major_locator(PlainLogLocator())
    axis.set_major_formatter(FuncFormatter(grouped))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def _metadata(kind, title, caption, sweep_hash, programs):
    about = f"{caption} Sweep {sweep_hash}; programs {', '.join(programs) or 'unknown'}."
    software = f"icl_lab {__version__}"
    if kind == "png":
        return {"Title": title, "Description": about, "Software": software}
    if kind == "pdf":
        return {"Title": title, "Subject": about, "Creator": software, "CreationDate": None, "ModDate": None}
    return {"Title": title, "Description": about, "Creator": software, "Date": None}


def write(drawing, path, kind, metadata):
    write_whole(path, lambda part: drawing.savefig(part, format=kind, metadata=metadata))


def save_one(drawing, path, *, title, caption, sweep_hash="unknown", programs=()):
    """A picture in the format of its name's ending."""
    path, kind = Path(path), Path(path).suffix.lower().removeprefix(".")
    with plt.rc_context(STYLE):
        write(drawing, path, kind, _metadata(kind, title, caption, sweep_hash, programs))
    plt.close(drawing)


def save(drawing, stem, *, title, caption, sweep_hash="unknown", programs=()):
    """STEM.png, .pdf and .svg, with title, caption, sweep and commits in their metadata and no date: equal data give equal bytes.
    Returns the names of the files."""
    stem = Path(stem)
    names = []
    with plt.rc_context(STYLE):
        for kind in KINDS:
            path = stem.with_suffix(f".{kind}")
            write(drawing, path, kind, _metadata(kind, title, caption, sweep_hash, programs))
            names.append(path.name)
    plt.close(drawing)
    return names
