"""Files that are written whole or not at all."""

import contextlib
import errno
import os
import stat
import sys
from pathlib import Path


def say(text, stream=None):
    """One line, whatever stands in the names that it holds; other control characters are kept from terminals by `icl`, which reads it."""
    print(str(text).replace("\n", "\\x0a").replace("\r", "\\x0d"), file=stream or sys.stdout)


class Usage(Exception):
    """A word of the command line that cannot be meant, in one sentence."""


class CannotWrite(Exception):
    """A result that could not be written, in one sentence; `full` if there is no room or the disk failed."""

    def __init__(self, path, error):
        super().__init__(f"'{path}' cannot be written: {error.strerror}")
        self.full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO)


def write_whole(path, write):
    """write(part) makes a file beside the one that `path` is or leads to, which then takes its place, with its rights; any name fits."""
    part = None
    try:
        target = Path(os.path.realpath(path))  # fails in a folder that was deleted
        part = target.with_name(f".icl.{os.getpid()}.part")
        write(part)
        if target.exists():
            os.chmod(part, stat.S_IMODE(target.stat().st_mode))
        with open(part, "rb") as whole:
            os.fsync(whole.fileno())  # a power loss must not leave an empty file in the place of a whole one
        os.replace(part, target)
    except OSError as error:
        raise CannotWrite(path, error) from None
    finally:
        with contextlib.suppress(OSError, AttributeError):
            part.unlink(missing_ok=True)


def write_text(path, text):
    write_whole(path, lambda part: part.write_text(text, encoding="utf-8"))
