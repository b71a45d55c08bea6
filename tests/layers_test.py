#!/usr/bin/python3
"""Checks that the tree keeps to the layer map of the README.

    layers_test.py ROOT          checks include/icl and src of the repository at ROOT
    layers_test.py --self-test   checks the checks: each planted violation must be found

Exits with 1 and one line a violation. A new layer is a new row of ARROWS.
"""

import re
import sys
from fnmatch import fnmatchcase
from pathlib import Path

from layers_planted import self_test

# What a layer builds on directly; what these build on is allowed to it as well.
ARROWS = {
    "core": [],
    "config": ["core"],
    "nn": ["config"],
    "model": ["nn"],
    "task": ["theory", "config"],
    "theory": ["core"],
    "precise": ["model", "task", "config"],
    "curvature": ["precise", "core"],
    "probe": ["model", "task"],
    "train": ["probe"],
    "store": ["core"],
    "run": ["store", "train", "theory"],
    "sweep": ["run"],
    "bench": ["run"],
    "analysis": ["theory", "run", "curvature", "precise"],
    "cli": ["sweep", "analysis", "bench"],
}

# Headers of other projects that exactly one file includes.
SINGLE = {
    "OpenBLAS": {"cblas.h", "openblas_config.h", "f77blas.h"},
    "OpenMP": {"omp.h"},
    "HDF5": {"hdf5.h", "hdf5_hl.h"},
    "CLI11": {"CLI/CLI.hpp"},
}

# What is said and printed goes through core/message, since nothing of it may end or freeze a run; the others look at a
# stream, pass it on to a child, or speak before the program begins.
SAYING = re.compile(r"\bfmt::print\(|\b(?:printf|fprintf|puts|fputs|perror|cout|cerr|clog|stderr|stdout|STDERR_FILENO|STDOUT_FILENO)\b")
SAYS = {"src/core/message.cpp", "src/cli/status_line.cpp", "src/cli/other_program.cpp", "src/core/blas_room.cpp", "src/store/isolated.cpp",
        "src/sweep/child_process.cpp"}

# Sources whose header, public or private to their folder, has another name: the pattern, and the header that they include
# instead.
OTHER_HEADER = {
    "cli/main": "icl/cli/app.hpp",
    "cli/*_command": "options.hpp",
    "cli/completion_[!c]*": "completion.hpp",
    "cli/parse": "options.hpp",
    "cli/resolve": "options.hpp",
    "nn/heads_attention_*": "icl/nn/heads_attention.hpp",
    "train/trainer_acquisition": "icl/train/trainer.hpp",
    "task/item_label_observers": "icl/task/item_label.hpp",
    "task/regression_observers": "icl/task/regression.hpp",
    "config/*_conflict": "conflicts.hpp",
    "config/sweep_text": "icl/config/sweep.hpp",
    "probe/*": "icl/probe/probe.hpp",
    "task/fill": "icl/task/item_label.hpp",
    "train/optimizer/adam*": "adam.hpp",
    "train/optimizer/*": "buffered.hpp",
}

# Tests of what a layer does as a whole, in place of one unit.
WHOLE_LAYER_TESTS = {
    "model/every_system",
    "config/sweep_grids", "core/serial_blas",
    "task/copies", "task/exemplars", "task/label_rules", "task/options", "task/probes", "task/without_context",
    "run/damage", "run/fault", "run/numerics", "run/parity",
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
LAYER_CALL = re.compile(r"icl_layer\(([^()]*)\)")


def closure(direct):
    """{node: all that can be reached from it} of {node: those next to it}."""
    reached = {}

    def visit(node, path=()):
        if node in path:
            raise ValueError("circle: " + " -> ".join((*path, node)))
        if node not in reached:
            nearby = direct.get(node, [])
            reached[node] = set(nearby).union(*(visit(other, (*path, node)) for other in nearby))
        return reached[node]

    for node in direct:
        visit(node)
    return reached


class Tree:
    """The files of the layers, what they include, and what CMake says of the layers."""

    def __init__(self, root):
        self.root = Path(root)
        self.headers = self._files("include/icl", {".hpp", ".h", ".inc"})
        self.sources = self._files("src", {".cpp", ".hpp", ".h", ".in", ".inc"})
        self.includes = {}  # {path: [(line, header)]}
        for path in [*self.headers, *self.sources]:
            text = COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), path.read_text())
            self.includes[path] = [
                (text.count("\n", 0, m.start(1) if m.group(1) else m.start(2)) + 1,
                 m.group(1) or m.group(2))
                for m in INCLUDE.finditer(text)]
        self.cmake_sources, self.links = self._read_cmake()

    def _files(self, folder, suffixes):
        base = self.root / folder
        return sorted(p for p in base.rglob("*") if p.is_file() and p.suffix in suffixes)

    def _read_cmake(self):
        """{layer: its sources} and {layer: the layers it links}."""
        sources, links = {}, {}
        file = self.root / "src/CMakeLists.txt"
        text = re.sub(r"#[^\n]*", "", file.read_text()) if file.is_file() else ""
        for call in LAYER_CALL.finditer(text):
            name, *words = call.group(1).split()
            lists = {"SOURCES": [], "LOOPS": [], "LINKS": [], "PRIVATE_LINKS": []}
            current = None
            for word in words:
                if word in lists:
                    current = lists[word]
                elif current is not None:
                    current.append(word)
            sources[name] = [s for s in lists["SOURCES"] if not s.startswith("${")]
            if "SOURCES" not in words:  # all of its folder
                sources[name] = [self.inner(p) for p in self.sources
                                 if p.suffix == ".cpp" and self.layer(p) == name and p.name != "main.cpp"]
            links[name] = [link for link in lists["LINKS"] + lists["PRIVATE_LINKS"]
                           if "::" not in link]
        return sources, links

    def layer(self, path):
        """The folder that a file lies in, or None for one beside the layers."""
        parts = self.inner(path).split("/")
        return parts[0] if len(parts) > 1 else None

    def inner(self, path):
        """core/gemm.cpp for src/core/gemm.cpp and the like."""
        base = self.root / ("src" if path in self.sources else "include/icl")
        return path.relative_to(base).as_posix()

    def name(self, path):
        return path.relative_to(self.root).as_posix()

    def used_layers(self):
        """{layer: {layer that it includes: place of one such line}}."""
        used = {}
        for path, includes in self.includes.items():
            layer = self.layer(path)
            if layer is None:
                continue
            of_layer = used.setdefault(layer, {})
            for line, header in includes:
                parts = header.split("/")
                if parts[0] == "icl" and len(parts) > 2 and parts[1] != layer:
                    of_layer.setdefault(parts[1], f"{self.name(path)}:{line}")
        return used


def check_arrows(tree):
    allowed = closure(ARROWS)
    for path, includes in tree.includes.items():
        layer = tree.layer(path)
        if layer is None:
            yield f"{tree.name(path)}: lies in no layer"
            continue
        if layer not in ARROWS:
            yield f"{tree.name(path)}: layer \"{layer}\" is not on the map"
            continue
        for line, header in includes:
            place = f"{tree.name(path)}:{line}"
            if not header.startswith("icl/"):
                # A header in src is private to its folder; all others have their full name.
                if (path.parent / header).exists() and (path in tree.headers or "/" in header):
                    yield f"{place}: write \"icl/...\" in place of \"{header}\""
                if header.startswith("../"):
                    yield f"{place}: \"{header}\" leaves its folder"
                continue
            if not (tree.root / "include" / header).is_file():
                yield f"{place}: there is no include/{header}"
            target = header.split("/")[1]
            if target != layer and target not in allowed[layer]:
                yield f"{place}: {layer} must not include {target} ({header})"


def check_links(tree):
    used = tree.used_layers()
    allowed = closure(ARROWS)
    try:
        linked = closure(tree.links)
    except ValueError as error:
        yield f"src/CMakeLists.txt: {error}"
        return
    for layer in sorted({*used, *tree.links}):
        if layer not in tree.links:
            yield f"src/CMakeLists.txt: no icl_layer({layer} ...)"
            continue
        for target, place in sorted(used.get(layer, {}).items()):
            if target not in linked[layer]:
                yield f"{place}: {layer} includes {target}, but its LINKS do not lead there"
        for target in tree.links[layer]:
            if target not in allowed.get(layer, set()):
                yield f"src/CMakeLists.txt: {layer} must not link {target}"
            elif target not in used.get(layer, {}):
                yield f"src/CMakeLists.txt: {layer} links {target}, but includes nothing of it"


def check_sources(tree):
    listed = {s for sources in tree.cmake_sources.values() for s in sources}
    for layer, sources in tree.cmake_sources.items():
        for source in sources:
            if not source.startswith(layer + "/"):
                yield f"src/CMakeLists.txt: {source} is listed in layer {layer}"
            if not (tree.root / "src" / source).is_file():
                yield f"src/CMakeLists.txt: there is no src/{source}"
    for path in tree.sources:
        inner = tree.inner(path)
        if path.suffix == ".cpp" and inner not in listed and inner != "cli/main.cpp":
            yield f"{tree.name(path)}: is in no icl_layer of src/CMakeLists.txt"


def check_single(tree):
    for project, headers in SINGLE.items():
        places = sorted({tree.name(path) for path, includes in tree.includes.items()
                         if any(header in headers for _, header in includes)})
        if len(places) != 1:
            yield (f"{project}: exactly one file may include {', '.join(sorted(headers))}, "
                   f"not {len(places)}: {', '.join(places) or 'none'}")
        for place in places:
            if place.startswith("include/"):
                yield f"{place}: {project} belongs in a source, not in a header"


def check_saying(tree):
    for path in (*tree.headers, *tree.sources):
        text = COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), path.read_text(encoding="utf-8"))
        for match in SAYING.finditer(text):
            if tree.name(path) not in SAYS:
                line = text.count("\n", 0, match.start()) + 1
                yield f"{tree.name(path)}:{line}: {match.group()} in place of core/message.hpp"


def check_names(tree):
    headers = {tree.inner(p).removesuffix(".hpp") for p in tree.headers if p.suffix == ".hpp"}
    sources = {tree.inner(p).removesuffix(".in").removesuffix(".cpp"): p for p in tree.sources
               if p.suffix in {".cpp", ".in"}}
    private = {tree.inner(p).removesuffix(".hpp") for p in tree.sources if p.suffix == ".hpp"}
    for unit, path in sources.items():
        other = unit.rpartition("/")[2] + ".hpp" if unit in private else None
        other = other or next((h for pattern, h in OTHER_HEADER.items() if fnmatchcase(unit, pattern)), None)
        included = {header for _, header in tree.includes[path]}
        if unit not in headers and other is None:
            yield f"src/{unit}.cpp: there is no include/icl/{unit}.hpp"
        elif unit in headers and f"icl/{unit}.hpp" not in included:
            yield f"src/{unit}.cpp: does not include icl/{unit}.hpp"
        elif unit not in headers and other not in included:
            yield f"src/{unit}.cpp: does not include {other}"
    # A test is named after a source, a header or a helper of the tests.
    helpers = {p.stem for p in (tree.root / "tests/support").glob("*.hpp")}
    units = headers | set(sources) | WHOLE_LAYER_TESTS
    for path in sorted((tree.root / "tests").rglob("*_test.cpp")):
        test = path.relative_to(tree.root / "tests").as_posix().removesuffix("_test.cpp")
        # X/unit_test.cpp, or X/unit_aspect_test.cpp where one file would be too long.
        stems = [test]
        while "_" in stems[-1].rpartition("/")[2]:
            stems.append(stems[-1].rpartition("_")[0])
        if not units.intersection(stems) and path.stem.removesuffix("_test") not in helpers:
            yield f"tests/{test}_test.cpp: there is no src/{test}.cpp or include/icl/{test}.hpp"


CHECKS = [check_arrows, check_links, check_sources, check_single, check_saying, check_names]


def violations(root):
    tree = Tree(root)
    if not tree.headers or not tree.sources:
        return [f"{root}: holds no include/icl or no src"]
    return [line for check in CHECKS for line in check(tree)]


def main(arguments):
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 64
    found = self_test(violations) if arguments[0] == "--self-test" else violations(arguments[0])
    for line in found:
        print(line)
    print(f"{len(found)} violation{'' if len(found) == 1 else 's'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
