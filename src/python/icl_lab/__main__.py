"""python -m icl_lab reproduce | plot | report: what icl reproduce, icl plot and icl report call."""

import argparse
import ctypes
import importlib
import logging
import os
import signal
import sys
import traceback
import warnings

from .files import CannotWrite, Usage, say
from .read import BadInput

CHECK_FAILED, USAGE, BAD_INPUT, FAULT, NO_MEMORY, NO_OUTPUT, IO = 10, 64, 65, 70, 71, 73, 74  # as src/cli/python.cpp has them


def complain(text):
    say(f"icl: {text}", sys.stderr)


def stop_with_parent():
    """The program that started this one may be killed; nobody wants its picture then."""
    parent = os.environ.get("ICL_STOP_WITH", "")
    if parent:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)  # PR_SET_PDEATHSIG
        if os.getppid() != int(parent):
            sys.exit(IO)


def end_by_sigterm():
    """Ends as the signal ends a program, once all `finally` clauses have run."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


def import_matplotlib():
    """A matplotlibrc or backend of the user's changes no picture, and what matplotlib remarks of fonts, legends or its cache is nothing to them.
    It is imported in another folder, since it prefers a matplotlibrc that lies in the present one."""
    os.environ |= {"MATPLOTLIBRC": os.devnull, "MPLBACKEND": "Agg"}
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=UserWarning, module="icl_lab|matplotlib")
    here = os.open(".", os.O_PATH)
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    try:
        importlib.import_module("matplotlib")
    finally:
        os.fchdir(here)
        os.close(here)


def describe(error):
    """A fault of ours, in one line: what, and where."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"a fault of icl_lab: {type(error).__name__}: {error} ({os.path.basename(place.filename)}:{place.lineno})"


class Parser(argparse.ArgumentParser):
    def error(self, message):
        complain(message)
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
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="surrogateescape")  # names of files are bytes
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # KeyboardInterrupt, so that no part of a file stays
    stop_with_parent()
    chosen = parser().parse_args(arguments)
    try:
        if chosen.command != "report":
            import_matplotlib()
        if chosen.command == "reproduce":
            from .reproduce import reproduce
            return CHECK_FAILED if reproduce(chosen.item, chosen.scale, chosen.merged, chosen.out) else 0
        if chosen.command == "plot":
            from .singles import plot
            return plot(chosen.file, chosen.out)
        from .report import report
        return report(chosen.folder, chosen.out)
    except (Usage, BadInput, CannotWrite) as error:
        complain(error)
        if isinstance(error, CannotWrite):
            return IO if error.full else NO_OUTPUT
        return USAGE if isinstance(error, Usage) else BAD_INPUT
    except KeyboardInterrupt:
        end_by_sigterm()
    except MemoryError:
        complain("there is not the memory that the picture or page needs")
        return NO_MEMORY
    except Exception as error:  # a fault of ours must not pass for a check that failed
        traceback.print_exc()
        complain(describe(error))
        return FAULT


if __name__ == "__main__":
    sys.exit(main())
