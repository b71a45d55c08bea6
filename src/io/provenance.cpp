#include "icl/io/provenance.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <fstream>

#include "icl/core/build_info.hpp"
#include "icl/core/gemm.hpp"
#include "icl/core/parallel.hpp"
#include "icl/io/hdf5.hpp"

namespace icl::io {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

/// "model name" of the first processor in /proc/cpuinfo.
std::string cpu_model() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (line.starts_with("model name"))
      return line.substr(std::min(line.size(), line.find(':') + 2));
  }
  return "unknown";
}

}  // namespace

Provenance describe_process(int threads, std::string_view command_line) {
  const BuildInfo& build = build_info();
  const BlasInfo blas = blas_info();
  return {
      {"program", fmt::format("icl {}", build.version)},
      {"commit", std::string(build.commit)},
      {"compiler", std::string(build.compiler)},
      {"compiler_flags", std::string(build.flags)},
      {"build_type", std::string(build.build_type)},
      {"blas", blas.config},
      {"blas_kernel_set", blas.kernel_set},
      {"blas_threading", blas.threading},
      {"hdf5", hdf5_version()},
      {"openmp", openmp_version()},
      {"fmt", fmt::format("{}", FMT_VERSION)},
      {"xxhash", fmt::format("{}", XXH_versionNumber())},
      {"cpu", cpu_model()},
      {"cpus_available", std::int64_t{available_cpus()}},
      {"threads", std::int64_t{threads}},
      {"host", host_name()},
      {"process", std::int64_t{getpid()}},
      {"command_line", std::string(command_line)},
      {"time_started", utc_now()},
  };
}

void set(Provenance& provenance, std::string_view name, AttributeValue value) {
  const auto found = std::ranges::find(provenance, name, [](const auto& p) { return p.first; });
  if (found != provenance.end()) {
    found->second = std::move(value);
  } else {
    provenance.emplace_back(name, std::move(value));
  }
}

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

}  // namespace icl::io
