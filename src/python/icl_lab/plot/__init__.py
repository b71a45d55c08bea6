"""Pictures in one style: widths of a journal's columns, colours that every kind of colour vision tells apart, fonts embedded."""

from .landscape import heat_map, landscape_panel, legend_over
from .panels import (accuracy_axis, chance_line, curves, estimate_points, log_K_axis, never_marks, ordered_colours, share_points, survival_panel, theory_line)
from .style import (BLACK, BLUE, GREEN, GREY, KINDS, LABEL_MAP, ORANGE, PURPLE, SKY, STYLE, VERMILION, figure, grouped, heading, letters, literal,
                    plain_log_axis, save, save_one)

__all__ = ["BLACK", "BLUE", "GREEN", "GREY", "KINDS", "LABEL_MAP", "ORANGE", "PURPLE", "SKY", "STYLE", "VERMILION", "accuracy_axis", "chance_line",
           "curves", "estimate_points", "figure", "grouped", "heading", "heat_map", "landscape_panel", "legend_over", "letters", "literal",
           "log_K_axis", "never_marks", "ordered_colours", "plain_log_axis", "save", "save_one", "share_points", "survival_panel", "theory_line"]
