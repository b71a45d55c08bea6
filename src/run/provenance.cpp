#include "icl/run/provenance.hpp"

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
#include "icl/core/isa.hpp"
#include "icl/core/parallel.hpp"
#include "icl/store/hdf5.hpp"

namespace icl::run {
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

std::span<const StretchField> stretch_fields() {
  static constexpr std::array fields{
      StretchField{"from_step", &Stretch::from_step},
      StretchField{"program", &Stretch::program},
      StretchField{"commit", &Stretch::commit},
      StretchField{"compiler", &Stretch::compiler},
      StretchField{"compiler_flags", &Stretch::compiler_flags},
      StretchField{"build_type", &Stretch::build_type},
      StretchField{"blas", &Stretch::blas},
      StretchField{"blas_kernel_set", &Stretch::blas_kernel_set},
      StretchField{"blas_threading", &Stretch::blas_threading},
      StretchField{"hdf5", &Stretch::hdf5},
      StretchField{"openmp", &Stretch::openmp},
      StretchField{"fmt", &Stretch::fmt},
      StretchField{"xxhash", &Stretch::xxhash},
      StretchField{"cpu", &Stretch::cpu},
      StretchField{"cpus_available", &Stretch::cpus_available},
      StretchField{"threads", &Stretch::threads},
      StretchField{"threads_at_work", &Stretch::threads_at_work},
      StretchField{"host", &Stretch::host},
      StretchField{"process", &Stretch::process},
      StretchField{"command_line", &Stretch::command_line},
      StretchField{"items_folder", &Stretch::items_folder},
      StretchField{"time_started", &Stretch::time_started},
      StretchField{"time_published", &Stretch::time_published},
      StretchField{"wall_seconds", &Stretch::wall_seconds},
      StretchField{"publications", &Stretch::publications},
      StretchField{"publishing_seconds", &Stretch::publishing_seconds},
  };
  return fields;
}

Stretch describe_process(int threads, std::string_view command_line) {
  const BuildInfo& build = build_info();
  const BlasInfo blas = blas_info();
  Stretch s;
  s.program = fmt::format("icl {}", build.version);
  s.commit = build.commit;
  s.compiler = build.compiler;
  s.compiler_flags = fmt::format("{}; loops: {}", build.flags, isa_name(isa()));
  s.build_type = build.build_type;
  s.blas = blas.config;
  s.blas_kernel_set = blas.kernel_set;
  s.blas_threading = blas.threading;
  s.hdf5 = store::hdf5_version();
  s.openmp = openmp_version();
  s.fmt = fmt::format("{}", FMT_VERSION);
  s.xxhash = fmt::format("{}", XXH_versionNumber());
  s.cpu = cpu_model();
  s.cpus_available = available_cpus();
  s.threads = threads;
  s.threads_at_work = threads;
  s.host = host_name();
  s.process = getpid();
  s.command_line = command_line;
  s.time_started = utc_now();
  return s;
}

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

}  // namespace icl::run
