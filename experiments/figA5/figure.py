"""Figure A5: as 6b, with two layers."""

from icl_lab import acquisition, plot, stats


def analyse(item):
    runs, found = item.sweep.runs, acquisition.by_context(item.sweep)
    fitted = acquisition.line(found)
    quantities = {"share_acquired": stats.share(int(runs["acquired"].sum()), len(runs)), "quadratic_term": fitted.quadratic, "slope": fitted.slope}
    for N, (time, event, median) in found.items():
        quantities[f"t_icl_{N}"] = median
        quantities[f"sd_ln_t_{N}"] = stats.censored.sd_ln_t(time, event)
    return quantities


def draw(item, quantities):
    found = acquisition.by_context(item.sweep)
    figure, (left, right) = plot.figure(columns=2, height=2.4, panels=2)
    acquisition.draw_times(left, found)
    left.set_title("two layers: each run, and medians")
    acquisition.draw_survival(right, found)
    right.set_title("the long tail")
    for axes, name in zip((left, right), "ab"):
        plot.letter(axes, name)
    return figure
