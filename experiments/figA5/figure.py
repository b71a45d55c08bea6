"""Figure A5: as 6b, with two layers."""

from icl_lab import acquisition, plot, stats


def analyse(item):
    runs, found = item.sweep.runs, acquisition.by_context(item.sweep)
    return {"share_acquired": stats.share(int(runs["acquired"].sum()), len(runs))} | acquisition.quantities_of(found)


def draw(item, quantities):
    found = acquisition.by_context(item.sweep)
    figure, (left, right) = plot.figure(columns=2, height=2.4, panels=2)
    acquisition.draw_times(left, found)
    left.set_title("two layers: each run, and medians")
    acquisition.draw_survival(right, found)
    right.set_title("the long tail")
    plot.letters(left, right)
    return figure
