#!/usr/bin/python3
"""Checks that what is compiled for AVX-512 can be called by nobody else.

    isa_symbols_test.py OBJECT...   the object files of the targets icl_*_avx512

An inline function that the compiler did not inline is left in the object file as a weak symbol, and of equal names the
linker keeps one: were it the AVX-512 form, every CPU would get it. So each global symbol that such an object defines must
be in a namespace avx512. Nor may such an object have initialisers, which run on every CPU.
"""

import subprocess
import sys


def main():
    status = 0
    for path in sys.argv[1:]:
        listing = subprocess.run(["nm", "--demangle", "--defined-only", "--extern-only", path], capture_output=True, text=True, check=True).stdout
        symbols = [line.split(maxsplit=2)[2] for line in listing.splitlines()]
        if not any("_loops" in symbol for symbol in symbols):
            print(f"{path}: defines no loops")
            status = 1
        if "_GLOBAL__sub_I" in subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout:
            print(f"{path}: has an initialiser")
            status = 1
        for symbol in symbols:
            if "avx512::" not in symbol:
                print(f"{path}: defines {symbol}, which is in no namespace avx512")
                status = 1
    return status if len(sys.argv) > 1 else "isa_symbols_test: no object files"


if __name__ == "__main__":
    sys.exit(main())
