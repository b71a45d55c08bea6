from spack_repo.builtin.build_systems.cmake import CMakePackage, generator

from spack.package import *


class Icl(CMakePackage):
    """A CPU laboratory for the kinetics of in-context learning: trains small transformers, reproducible to the bit, one
    self-describing HDF5 file a run."""

    license("MIT")

    version("0.2.0")

    generator("ninja")

    # What the code is compiled for; results do not depend on it.
    requires("target=x86_64_v3:", msg="the program needs a CPU with AVX2 and FMA")
    requires("platform=linux")

    depends_on("cxx", type="build")
    depends_on("cmake@3.22:", type="build")

    # The serial build is wrong under OpenMP, and the program refuses to start with it.
    depends_on("openblas threads=openmp")
    depends_on("hdf5@1.10: +hl ~mpi")
    depends_on("fmt@9:")
    depends_on("xxhash@0.8:")
    depends_on("zlib-api")

    depends_on("cli11@2.1:", type="build")
    depends_on("tomlplusplus@3.3:", type="build")
    depends_on("random123@1.14:", type="build")
    depends_on("nlohmann-json@3.11:", type="build")
    depends_on("boost@1.74:", type="build")

    conflicts("%gcc@:11", msg="C++20 as of gcc 12")
    conflicts("%clang@:13", msg="C++20 as of clang 14")

    def cmake_args(self):
        return [self.define("ICL_BUILD_TESTS", False)]

    def test_train(self):
        """trains a small run and trains it again to compare the bits"""
        icl = Executable(self.prefix.bin.icl)
        small = ["--set", "data.K=64", "--set", "data.N=8", "--set", "model.hidden=16", "--set", "train.epochs=2", "--set", "train.steps_per_epoch=20"]
        with open("run.toml", "w", encoding="utf-8"):
            pass
        icl("train", "run.toml", "--out", "run.h5", "--quiet", *small)
        icl("verify", "run.h5", "--quiet")
