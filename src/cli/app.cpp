#include "icl/cli/app.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/prctl.h>

#include <algorithm>
#include <new>

#include "icl/cli/signals.hpp"
#include "icl/core/build_info.hpp"
#include "icl/core/gemm.hpp"
#include "icl/core/isa.hpp"
#include "icl/core/memory.hpp"
#include "icl/core/message.hpp"
#include "icl/core/parallel.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

constexpr const char* exit_codes = R"(Exit status:
  0  done
  1  a check that you asked for, or a run of a sweep, failed; a merged file lacks runs
  64 wrong command line or configuration
  65 an input file is not ours, damaged or malformed
  69 a program is not there (sbatch, Python for pictures), or refused its work
  70 a fault of this program
  71 the machine lacks memory, threads or file descriptors
  73 the output exists already (see --force), is another run's, is in use, or cannot be created
  74 reading or writing failed
  75 interrupted (SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU, and every
     other signal that asks for an end); --resume goes on
  80 the loss stopped being finite)";

std::string version_text() {
  const BuildInfo& build = build_info();
  const BlasInfo blas = blas_info();
  return fmt::format("icl {} ({}, {}, {})\n{}; kernels: {}; loops: {}", build.version, build.commit,
                     build.compiler, build.build_type, blas.config, blas.kernel_set,
                     isa_name(isa()));
}

ExitCode dispatch(int argc, const char* const* argv) {
  Command program("icl", "A CPU laboratory for the kinetics of in-context learning",
                  fmt::format("{}", fmt::join(argv, argv + argc, " ")));
  program.set_footer(exit_codes);
#define ICL_ROW(name) commands::name(program);
  ICL_COMMANDS(ICL_ROW)
#undef ICL_ROW
  return run_command_line(program, version_text(), {argv + std::min(1, argc), argv + argc});
}

}  // namespace

int run(int argc, const char* const* argv) {
  const auto fail = [](ExitCode code, const char* message) {
    say(message);
    return static_cast<int>(code);
  };
  try {
    prctl(PR_SET_NAME, "icl");  // a child of a sweep, started as /proc/self/exe, is "exe" otherwise
    return_large_blocks();
    prepare_streams();
    end_on_signals();
    require_cpu();
    static_cast<void>(isa());  // refuses a wrong ICL_ISA before anything is done
    use_ieee_arithmetic();
    prepare_blas();
    return static_cast<int>(dispatch(argc, argv));
  } catch (const Error& error) {
    return fail(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return fail(ExitCode::resources,
                "out of memory (the sizes that count: data.K, data.N, data.D, model.hidden, "
                "train.batch_size, record.snapshots)");
  } catch (const std::exception& error) {
    return fail(ExitCode::internal, error.what());
  }
}

}  // namespace icl::cli
