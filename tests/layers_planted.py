"""The test of layers_test.py: a sound tree, and each planted violation with what must be said of it."""

import tempfile
from pathlib import Path

SOUND = {
    "include/icl/core/gemm.hpp": "#pragma once\n#include <string>\n",
    "include/icl/core/parallel.hpp": "#pragma once\n",
    "include/icl/nn/linear.hpp": '#pragma once\n#include "icl/core/gemm.hpp"\n',
    "include/icl/model/model.hpp": '#include "icl/nn/linear.hpp"\n#include "icl/core/gemm.hpp"\n',
    "include/icl/task/task.hpp": '#include "icl/core/parallel.hpp"\n',
    "include/icl/train/trainer.hpp":
        '#include "icl/model/model.hpp"\n#include "icl/task/task.hpp"\n',
    "include/icl/run/file.hpp": '#include "icl/train/trainer.hpp"\n',
    "include/icl/cli/app.hpp": "",
    "src/core/gemm.cpp": '#include "icl/core/gemm.hpp"\n\n#include <cblas.h>\n',
    "src/core/parallel.cpp": '#include "icl/core/parallel.hpp"\n'
        "#include <omp.h>\n// #include <hdf5.h>\n/*\n#include <hdf5.h>\n*/\n",
    "src/run/file.cpp": '#include "icl/run/file.hpp"\n#include <hdf5.h>\n# include <hdf5_hl.h>\n',
    "src/cli/app.cpp":
        '#include "icl/cli/app.hpp"\n#include <CLI/CLI.hpp>\n#include "icl/run/file.hpp"\n',
    "src/cli/main.cpp": '#include "icl/cli/app.hpp"\n',
    "src/CMakeLists.txt":
        "# icl_layer(task LINKS model)\n"
        "icl_layer(core SOURCES core/gemm.cpp core/parallel.cpp ${build_info} PRIVATE_LINKS A::b)\n"
        "icl_layer(nn LINKS core)\nicl_layer(model LINKS nn)\nicl_layer(task LINKS core)\n"
        "icl_layer(train\n  LINKS model task PRIVATE_LINKS fmt::fmt)\n"
        "icl_layer(run SOURCES run/file.cpp run/other.cpp LINKS train PRIVATE_LINKS HDF5::serial)\n"
        "icl_layer(cli SOURCES cli/app.cpp LINKS run)\n",
    "tests/core/gemm_test.cpp": "",
    "tests/core/gemm_large_test.cpp": "",
    "src/run/private.hpp": "",
    "src/run/other.cpp": '#include "icl/run/other.hpp"\n#include "private.hpp"\n',
    "include/icl/run/other.hpp": "",
    "tests/model/model_test.cpp": "",
    "tests/support/helper.hpp": "",
    "tests/nn/helper_test.cpp": "",
}

# What is planted ({path: text added at its end, or None to remove it}) and what must be said of it.
PLANTED = [
    ({"include/icl/task/task.hpp": '#include "icl/model/model.hpp"\n'},
     ["include/icl/task/task.hpp:2: task must not include model",
      "task includes model, but its LINKS do not lead there"]),
    ({"src/core/gemm.cpp": '#include "icl/nn/linear.hpp"\n'}, ["core must not include nn"]),
    ({"include/icl/theory/flow.hpp": '#include "icl/nn/linear.hpp"\n'},
     ["theory must not include nn", "no icl_layer(theory"]),
    ({"include/icl/core/gemm.hpp": '#include "icl/config/config.hpp"\n',
      "include/icl/config/config.hpp": ""},
     ["include/icl/core/gemm.hpp:3: core must not include config"]),
    ({"include/icl/run/file.hpp": '#include "icl/cli/app.hpp"\n'}, ["run must not include cli"]),
    ({"include/icl/wrong/thing.hpp": ""}, ['layer "wrong" is not on the map']),
    ({"include/icl/thing.hpp": ""}, ["include/icl/thing.hpp: lies in no layer"]),
    ({"src/core/gemm.cpp": '#include "icl/core/gone.hpp"\n'},
     ["there is no include/icl/core/gone.hpp"]),
    ({"include/icl/nn/linear.hpp": '#include "local.hpp"\n', "include/icl/nn/local.hpp": ""},
     ['linear.hpp:3: write "icl/..." in place of "local.hpp"']),
    ({"src/CMakeLists.txt": "icl_layer(core LINKS task)\n"},
     ["src/CMakeLists.txt: circle: "]),
    ({"src/CMakeLists.txt": "icl_layer(model LINKS core)\n"},
     ["model includes nn, but its LINKS do not lead there"]),
    ({"src/CMakeLists.txt": "icl_layer(task LINKS core nn)\n"}, ["task must not link nn"]),
    ({"include/icl/model/model.hpp": None, "tests/model/model_test.cpp": None},
     ["there is no include/icl/model/model.hpp", "model links nn, but includes nothing of it"]),
    ({"src/core/new.cpp": '#include "icl/core/new.hpp"\n', "include/icl/core/new.hpp": ""},
     ["src/core/new.cpp: is in no icl_layer"]),
    ({"src/CMakeLists.txt": "icl_layer(nn SOURCES core/gemm.cpp nn/gone.cpp LINKS core)\n"},
     ["core/gemm.cpp is listed in layer nn", "there is no src/nn/gone.cpp"]),
    ({"src/core/gemm.cpp": "#include <omp.h>\n"}, ["OpenMP: exactly one file", "not 2"]),
    ({"src/core/gemm.cpp": "#include <hdf5_hl.h>\n"}, ["HDF5: exactly one file"]),
    ({"src/core/parallel.cpp": "  #  include   <cblas.h>\n"}, ["OpenBLAS: exactly one file"]),
    ({"include/icl/run/file.hpp": "#include <CLI/CLI.hpp>\n"},
     ["CLI11: exactly one file", "include/icl/run/file.hpp: CLI11 belongs in a source"]),
    ({"src/core/gemm.cpp": 'void f() { fmt::print(stderr, "x"); }  // stdout\n'},
     ["fmt::print( in place of core/message.hpp", "stderr in place of"]),
    ({"src/cli/app.cpp": None}, ["CLI11: exactly one file", "not 0: none"]),
    ({"include/icl/core/parallel.hpp": None},
     ["src/core/parallel.cpp: there is no include/icl/core"]),
    ({"src/nn/linear.cpp": '#include "../run/private.hpp"\n'}, ['"../run/private.hpp" leaves its']),
    ({"src/run/other.cpp": None}, ["there is no src/run/other.cpp"]),
    ({"src/run/third.cpp": "", "include/icl/run/third.hpp": ""},
     ["src/run/third.cpp: does not include icl/run/third.hpp"]),
    ({"src/run/private.cpp": ""}, ["src/run/private.cpp: does not include private.hpp"]),
    ({"src/cli/some_command.cpp": ""},
     ["src/cli/some_command.cpp: does not include options.hpp"]),
    ({"tests/core/gem_test.cpp": ""}, ["tests/core/gem_test.cpp: there is no src/core/gem.cpp"]),
    ({"tests/nn/gemm_test.cpp": ""}, ["tests/nn/gemm_test.cpp: there is no"]),
]


def plant(root, files):
    for name, text in files.items():
        path = Path(root) / name
        if text is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(text)


def self_test(violations):
    """What is wrong with violations(root), which layers_test.py has."""
    failures = []
    with tempfile.TemporaryDirectory() as root:
        plant(root, SOUND)
        failures += [f"found in a sound tree: {line}" for line in violations(root)]
    for files, expected in PLANTED:
        with tempfile.TemporaryDirectory() as root:
            plant(root, SOUND)
            plant(root, files)
            found = violations(root)
        for text in expected:
            if not any(text in line for line in found):
                failures.append(f"planted {files}: no violation says {text!r}, only {found}")
    with tempfile.TemporaryDirectory() as root:
        if not violations(root):
            failures.append("an empty tree passes")
    return failures
