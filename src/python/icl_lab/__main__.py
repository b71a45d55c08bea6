"""python -m icl_lab reproduce | plot | report: what icl reproduce, icl plot and icl report call."""

import argparse
import sys
import traceback

from .files import CannotWrite, Usage
from .read import BadInput

USAGE, BAD_INPUT, FAULT, NO_OUTPUT, IO = 64, 65, 70, 73, 74  # as the program's own


class Parser(argparse.ArgumentParser):
    def error(self, message):
        print(f"icl: {message}", file=sys.stderr)
        sys.exit(USAGE)


def parser():
    top = Parser(prog="icl_lab", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True, parser_class=Parser)
    reproduce = commands.add_parser("reproduce", help="quantities, picture and verdicts of an item whose runs are merged")
    for name in ("item", "scale", "merged", "out"):
        reproduce.add_argument(f"--{name}", required=True)
    plot = commands.add_parser("plot", help="draw what a run, merged sweep, landscape or export holds")
    plot.add_argument("file")
    plot.add_argument("--out")
    report = commands.add_parser("report", help="one HTML page of a folder of results")
    report.add_argument("folder")
    report.add_argument("--out")
    return top


def main(arguments=None):
    chosen = parser().parse_args(arguments)
    try:
        if chosen.command == "reproduce":
            from .reproduce import reproduce
            return reproduce(chosen.item, chosen.scale, chosen.merged, chosen.out)
        if chosen.command == "plot":
            from .singles import plot
            return plot(chosen.file, chosen.out)
        from .report import report
        return report(chosen.folder, chosen.out)
    except (Usage, BadInput, CannotWrite) as error:
        print(f"icl: {error}", file=sys.stderr)
        if isinstance(error, CannotWrite):
            return IO if error.full else NO_OUTPUT
        return USAGE if isinstance(error, Usage) else BAD_INPUT
    except Exception:  # a fault of ours must not pass for a check that failed
        traceback.print_exc()
        return FAULT


if __name__ == "__main__":
    sys.exit(main())
