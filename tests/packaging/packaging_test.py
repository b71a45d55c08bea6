#!/usr/bin/python3
"""The recipes of data/packaging say what CMakeLists.txt and CITATION.cff say: version, archive, libraries, least versions.

usage: packaging_test.py SOURCE [--self-test]

Neither Spack nor conda need be installed: a recipe is read as what it is, Python or a Jinja template of YAML.
"""

import ast
import re
import sys
from pathlib import Path

import jinja2
import yaml

# What CMakeLists.txt looks for, and its names in Spack and conda-forge. conda-forge has no Random123: its recipe takes the sources.
LIBRARIES = {
    "OpenBLASOpenMP": ("openblas", "openblas"),
    "HDF5Serial": ("hdf5", "hdf5"),
    "tomlplusplus": ("tomlplusplus", "tomlplusplus"),
    "fmt": ("fmt", "fmt"),
    "CLI11": ("cli11", "cli11"),
    "nlohmann_json": ("nlohmann-json", "nlohmann_json"),
    "XxHash": ("xxhash", "xxhash"),
    "ZLIB": ("zlib-api", "zlib"),
    "Boost": ("boost", "libboost-headers"),
    "Random123": ("random123", None),
}
PART_OF_THE_COMPILER = {"OpenMP"}


def of_cmake(text):
    version = re.search(r"^project\(icl VERSION ([0-9.]+)", text, re.M)[1]
    least = re.search(r"^cmake_minimum_required\(VERSION ([0-9.]+)\)", text, re.M)[1]
    found = set(re.findall(r"^find_package\((\w+)", text, re.M)) - PART_OF_THE_COMPILER
    if "find_path(RANDOM123_INCLUDE_DIR" in text:
        found.add("Random123")
    return version, least, found


def of_spack(text):
    """Version and {dependency: least version} of a package.py."""
    (recipe,) = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    calls = [node.value for node in recipe.body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
    first = lambda name: [call.args[0].value for call in calls if call.func.id == name]
    specs = [re.match(r"([\w-]+)(?:@([0-9.]+):)?", spec) for spec in first("depends_on")]
    if "openblas threads=openmp" not in first("depends_on"):
        raise ValueError("Spack's openblas must be threads=openmp")
    return first("version"), {spec[1]: spec[2] for spec in specs}


def of_conda(text):
    """Version, folder of the sources and {dependency: least version} of a meta.yaml."""
    # Selectors such as "# [linux]" are comments of YAML.
    recipe = yaml.safe_load(jinja2.Template(text, undefined=jinja2.StrictUndefined).render(
        compiler=lambda language: f"{language}-compiler", stdlib=lambda language: f"{language}-stdlib"))
    needs = recipe["requirements"]["build"] + recipe["requirements"]["host"]
    specs = [re.match(r"([\w-]+)(?: >=([0-9.]+))?", need) for need in needs]
    if not {"openblas * openmp_*"} <= set(needs) or "libopenblas * openmp_*" not in recipe["requirements"]["run"]:
        raise ValueError("conda's openblas must be a build openmp_*")
    return recipe["package"]["version"], recipe["source"][0]["path"], {spec[1]: spec[2] for spec in specs}


def problems(source, text_of):
    """What is wrong with the recipes, as sentences; text_of(path) gives a file's text."""
    version, least_cmake, wanted = of_cmake(text_of("CMakeLists.txt"))
    if wanted != set(LIBRARIES):
        yield f"CMakeLists.txt looks for {sorted(wanted ^ set(LIBRARIES))}, which this test does not know, or no longer does"
    spack_versions, spack = of_spack(text_of("data/packaging/spack/packages/icl/package.py"))
    conda_version, conda_source, conda = of_conda(text_of("data/packaging/conda/meta.yaml"))
    citation = yaml.safe_load(text_of("CITATION.cff"))["version"]
    newest = re.search(r"^## ([0-9.]+)", text_of("CHANGELOG.md"), re.M)[1]
    for what, said in {"Spack": spack_versions, "conda": [conda_version], "CITATION.cff": [citation], "CHANGELOG.md": [newest]}.items():
        if said != [version]:
            yield f"{what} has version {said}, CMakeLists.txt {version}"
    if (source / "data/packaging/conda" / conda_source).resolve() != source.resolve():
        yield f"the conda recipe takes the sources from {conda_source}"
    for name, (in_spack, in_conda) in LIBRARIES.items():
        if in_spack not in spack:
            yield f"Spack's recipe lacks {in_spack}"
        if in_conda is not None and in_conda not in conda:
            yield f"conda's recipe lacks {in_conda}"
        if in_conda is not None and spack.get(in_spack) != conda.get(in_conda):
            yield f"{name}: at least {spack.get(in_spack)} in Spack, {conda.get(in_conda)} in conda"
    if spack.get("cmake") != least_cmake or conda.get("cmake") != least_cmake:
        yield f"CMake {least_cmake} is needed; Spack has {spack.get('cmake')}, conda {conda.get('cmake')}"
    definition = text_of("data/packaging/icl.def")
    archive = f"icl-{version}-linux-x86_64"
    if f"\n    {archive} /opt/icl\n" not in definition or f"image.version {version}\n" not in definition:
        yield f"icl.def does not take {archive}"
    if "name=icl-$(VERSION)-linux-x86_64" not in text_of("Makefile.ci"):
        yield f"make -f Makefile.ci dist makes no {archive}"


def self_test(source, text_of):
    """Each planted fault must be found."""
    faults = [("CMakeLists.txt", "project(icl VERSION ", "project(icl VERSION 9."), ("CITATION.cff", "version: 0", "version: 9"),
              ("CMakeLists.txt", "find_package(fmt", "find_package(zlib"), ("data/packaging/icl.def", "/opt/icl\n", "/opt\n"),
              ("data/packaging/spack/packages/icl/package.py", "xxhash@", "xxhsh@"), ("CHANGELOG.md", "## 0", "## 9"),
              ("data/packaging/conda/meta.yaml", "fmt >=9", "fmt >=8"), ("data/packaging/conda/meta.yaml", "    - cli11 >=2.1\n", ""),
              ("data/packaging/conda/meta.yaml", "path: ../../..", "path: ../.."), ("CMakeLists.txt", "required(VERSION 3", "required(VERSION 4")]
    if list(problems(source, text_of)):
        sys.exit("packaging_test: something is wrong even without a planted fault")
    for path, right, wrong in faults:
        if right not in text_of(path):
            sys.exit(f"packaging_test: no {right!r} in {path}")
        if not list(problems(source, lambda p: text_of(p).replace(right, wrong, 1) if p == path else text_of(p))):
            sys.exit(f"packaging_test: {right!r} -> {wrong!r} in {path} is not found")
    print(f"packaging_test: {len(faults)} planted faults found")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    source = Path(sys.argv[1])
    text_of = lambda path: (source / path).read_text(encoding="utf-8")
    if sys.argv[2:] == ["--self-test"]:
        return self_test(source, text_of)
    if found := list(problems(source, text_of)):
        sys.exit("\n".join(f"packaging_test: {problem}" for problem in found))


if __name__ == "__main__":
    main()
