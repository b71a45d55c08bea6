"""Files that are written whole or not at all."""

import contextlib
import errno
import os
from pathlib import Path


class Usage(Exception):
    """A word of the command line that cannot be meant, in one sentence."""


class CannotWrite(Exception):
    """A result that could not be written, in one sentence; `full` if there is no room or the disk failed."""

    def __init__(self, path, error):
        super().__init__(f"'{path}' cannot be written: {error.strerror}")
        self.full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO)


def write_whole(path, write):
    """write(part) makes a file beside `path`, which then takes its place."""
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(part)
        os.replace(part, path)
    except OSError as error:
        raise CannotWrite(path, error) from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def write_text(path, text):
    write_whole(path, lambda part: part.write_text(text, encoding="utf-8"))
