#include "options.hpp"

namespace icl::cli {

bool is_switch(const Target& target) {
  return std::holds_alternative<bool*>(target) ||
         std::holds_alternative<std::function<void()>>(target);
}

void add_threads(Command& command, int& threads) {
  command.add(
      {.names = "--threads",
       .to = &threads,
       .doc = "Threads at most (default: the least of affinity, cgroup quota, OMP_NUM_THREADS,\n"
              "OMP_THREAD_LIMIT and SLURM_CPUS_PER_TASK); fewer work where fewer are faster"});
}

void add_overrides(Command& command, std::vector<std::string>& overrides) {
  command.take_settings();
  command.add({.names = "--set",
               .to = &overrides,
               .doc = "A value over the file's (TOML; several times if wanted)",
               .value = "KEY=VALUE"});
}

void add_moved_items(Command& command, std::vector<std::string>& overrides) {
  command.add(
      {.names = "--set",
       .to = &overrides,
       .doc = "data.items=FILE.h5:/DATASET: where the run's items lie now (data.novel_items too)",
       .value = "KEY=VALUE"});
}

void add_items_folder(Command& command, std::optional<std::filesystem::path>& folder) {
  command.add({.names = "--items-folder",
               .to = &folder,
               .doc = "Where a relative data.items is looked for, after the current folder "
                      "(default: FILE's folder)",
               .value = "DIR"});
}

void add_memory_limit(Command& command, bool& ignore) {
  command.add({.names = "--ignore-memory-limit",
               .to = &ignore,
               .doc = "Start even if there is less memory than is needed at most"});
}

void add_quiet(Command& command, bool& quiet) {
  command.add({.names = "-q,--quiet", .to = &quiet, .doc = "No progress line"});
}

void add_output_options(Command& command, OutputOptions& options) {
  options.command_line = command.command_line();
  add_threads(command, options.threads);
  command.add({.names = "-f,--force", .to = &options.force, .doc = "Replace an existing run file"});
  command.add({.names = "--resume",
               .to = &options.resume,
               .doc = "Go on where the run file stands: start if there is none, do nothing if it "
                      "is done",
               .excludes = {"--force"}});
  command.add({.names = "--allow-kernel-change",
               .to = [&options] { options.kernel_change = run::KernelChange::allow; },
               .doc = "Go on under other BLAS kernels than before; marks the file"});
  add_memory_limit(command, options.ignore_memory_limit);
  add_quiet(command, options.quiet);
  command.add({.names = "--stop-with",
               .to = &options.parent,
               .doc = "Stop, as by SIGTERM, when this process ends, which started the program",
               .value = "PID"});
}

}  // namespace icl::cli
