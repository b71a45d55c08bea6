#include "icl/sweep/runner.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <utility>

#include "icl/config/toml.hpp"
#include "icl/core/error.hpp"
#include "icl/store/file.hpp"

namespace icl::sweep {
namespace {

constexpr std::chrono::milliseconds redraw{200};
constexpr std::chrono::seconds between_looks{1};

std::vector<std::pair<std::string, std::string>> environment_of(const config::Sweep& sweep,
                                                                const RunnerOptions& options) {
  std::vector<std::pair<std::string, std::string>> variables;
  if (sweep.kernels == config::Kernels::avx2)
    variables.emplace_back("OPENBLAS_CORETYPE", "Haswell");
  // Each process would bind its threads to the same first CPUs.
  if (options.jobs > 1) variables.emplace_back("OMP_PROC_BIND", "false");
  return variables;
}

}  // namespace

Runner::Runner(const Plan& plan, const Folder& folder, const RunnerOptions& options, Events events)
    : plan_(plan),
      folder_(folder),
      options_(options),
      jobs_(static_cast<std::size_t>(options.jobs)),
      events_(std::move(events)) {}

Tally Runner::run(const std::atomic<bool>& stop) {
  require_children();
  look();
  bool told = false;
  for (;;) {
    if ((stop.load() || out_of_cpu_time_) && !std::exchange(told, true)) {
      for (const Running& running : running_) {
        running.process.send(SIGTERM);
        running.process.send(SIGCONT);  // one that was stopped takes no other signal
      }
    }
    while (!told && !given_up() && !waiting_.empty() && running_.size() < jobs_) {
      start_next();
    }
    const bool starting = !told && !given_up();
    if (running_.empty() && (!starting || (waiting_.empty() && elsewhere_.empty()))) break;
    wait_for_news();
    if (starting) look_elsewhere();
    tally_.running = running_.size();
    tally_.elsewhere = elsewhere_.size();
    events_.progress(tally_);
  }
  return tally_;
}

/// Sorts out what is to be done.
void Runner::look() {
  for (const std::size_t run : plan_.shard(options_.shard)) {
    ++tally_.total;
    const RunStatus status = folder_.status(plan_.hash(run));
    if (status.state == RunState::done) {
      ++tally_.done;
      continue;
    }
    if (status.state == RunState::diverged) {
      ++tally_.diverged;
      continue;
    }
    tally_.work_left += plan_.flop(run);
    if (status.state == RunState::damaged) {
      fail(run, status.problem + "; remove it to train this run again");
    } else {
      waiting_.push_back(run);
    }
  }
  events_.progress(tally_);
}

void Runner::start_next() {
  const std::size_t run = waiting_.front();
  waiting_.pop_front();
  // Others may have trained it since we looked.
  const RunStatus status = folder_.status(plan_.hash(run));
  if (has_ended(status.state)) return end_as(run, status.state);
  if (status.state == RunState::running) return elsewhere_.push_back(run);
  try {
    start(run);
  } catch (const Error& error) {
    if (error.code() == ExitCode::resources && !running_.empty()) return start_fewer(run);
    if (error.code() != ExitCode::io && error.code() != ExitCode::cannot_create) throw;
    fail(run, error.what());
    output_failed_ = true;  // nor will others start; those that run go on to their end
  }
}

/// Beside those that run there is no memory, descriptor or process for this one: later.
void Runner::start_fewer(std::size_t run) {
  waiting_.push_front(run);
  jobs_ = running_.size();
}

void Runner::start(std::size_t run) {
  const std::filesystem::path file = folder_.run_file(plan_.hash(run));
  store::make_folders(file.parent_path().parent_path());
  store::make_folders(file.parent_path());
  // In one word, as the folder's name may begin with a dash.
  std::vector<std::string> arguments{"train",
                                     ChildProcess::standard_input,
                                     "--out=" + file.string(),
                                     "--resume",
                                     "--quiet",
                                     "--threads",
                                     std::to_string(options_.threads),
                                     "--stop-with",
                                     std::to_string(getpid())};
  if (!options_.items_folder.empty()) {
    arguments.insert(arguments.end(), {"--items-folder", options_.items_folder.string()});
  }
  if (options_.kernel_change == run::KernelChange::allow) {
    arguments.emplace_back("--allow-kernel-change");
  }
  if (options_.ignore_memory_limit) arguments.emplace_back("--ignore-memory-limit");
  running_.push_back({run, ChildProcess(arguments, environment_of(plan_.sweep(), options_),
                                        config::to_toml(plan_.config(run)))});
}

void Runner::wait_for_news() {
  std::vector<pollfd> watched;
  for (const Running& running : running_) {
    watched.push_back({running.process.descriptor(), POLLIN, 0});
  }
  // A signal ends the wait too.
  poll(watched.data(), watched.size(), static_cast<int>(redraw.count()));
  for (std::size_t i = watched.size(); i-- > 0;) {
    if (watched[i].revents == 0 || running_[i].process.take_output()) continue;
    Running gone = std::move(running_[i]);
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
    ended(gone);
  }
}

void Runner::ended(Running& running) {
  const Exit exit = running.process.wait();
  const std::size_t run = running.run;
  const RunStatus status = folder_.status(plan_.hash(run));
  if (has_ended(status.state)) return end_as(run, status.state);
  if (exit.signal == SIGTERM) {  // before it could catch it
    waiting_.push_front(run);
    return;
  }
  if (exit.signal != 0) {
    return fail(run, fmt::format("ended by signal {} ({})", exit.signal, strsignal(exit.signal)));
  }
  switch (static_cast<ExitCode>(exit.status)) {
    case ExitCode::interrupted:
      waiting_.push_front(run);  // its turn comes again, unless it was us who stopped it
      if (exit.out_of_cpu_time) out_of_cpu_time_ = true;
      return;
    case ExitCode::cannot_create:
      // Held by another process, now or a moment ago.
      if (status.state == RunState::running || refused_.insert(run).second) {
        elsewhere_.push_back(run);
        return;
      }
      break;
    case ExitCode::resources:
      if (!running_.empty()) return start_fewer(run);
      resources_failed_ = true;
      break;
    case ExitCode::io:
      output_failed_ = true;
      break;
    default:
      break;
  }
  const std::string line = running.process.last_line();
  fail(run, line.empty() ? fmt::format("exit status {}", exit.status) : line);
}

void Runner::fail(std::size_t run, const std::string& message) {
  ++tally_.failed;
  events_.failed(run, message);
}

void Runner::end_as(std::size_t run, RunState state) {
  ++(state == RunState::done ? tally_.done : tally_.diverged);
  ++tally_.ended_here;
  tally_.work_done += plan_.flop(run);
  tally_.work_left -= plan_.flop(run);
}

/// What other processes held may have ended, or be free again.
void Runner::look_elsewhere() {
  const auto now = Clock::now();
  if (elsewhere_.empty() || !waiting_.empty() || now < next_look_) return;
  next_look_ = now + between_looks;
  std::erase_if(elsewhere_, [&](std::size_t run) {
    const RunState state = folder_.status(plan_.hash(run)).state;
    if (state == RunState::running) return false;
    if (has_ended(state)) {
      end_as(run, state);
    } else {
      waiting_.push_back(run);
    }
    return true;
  });
}

}  // namespace icl::sweep
