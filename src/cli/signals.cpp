#include "icl/cli/signals.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace icl::cli {
namespace {

constexpr std::array stop_signals{SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};

// A signal handler can reach nothing but a global.
std::atomic<bool> stop{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void request_stop(int) { stop.store(true); }

/// The first signal asks for an end; the second one brings it at once.
void request_stop_then_end(int number) {
  if (!stop.exchange(true)) return;
  std::signal(number, SIG_DFL);  // NOLINT(cert-err33-c): nothing to be done here if it fails
  raise(number);
}

void install(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  for (const int signal : stop_signals) {
    struct sigaction before = {};
    sigaction(signal, nullptr, &before);
    // nohup has SIGHUP ignored, and so it stays.
    if (signal != SIGHUP || before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
  }
}

}  // namespace

SignalGuard::SignalGuard(SecondSignal second) {
  stop.store(false);
  install(second == SecondSignal::ends_at_once ? request_stop_then_end : request_stop);
}

SignalGuard::~SignalGuard() { install(SIG_DFL); }

const std::atomic<bool>& SignalGuard::stop_requested() { return stop; }

void stop_with(int parent) {
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): the parent may no longer read what we say
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) raise(SIGTERM);
}

void ignore_file_size_signal() {
  struct sigaction action = {};
  action.sa_handler = SIG_IGN;
  sigaction(SIGXFSZ, &action, nullptr);
}

}  // namespace icl::cli
