#include "icl/cli/signals.hpp"

#include <array>
#include <csignal>

namespace icl::cli {
namespace {

constexpr std::array stop_signals{SIGINT, SIGTERM};

// A signal handler can reach nothing but a global.
std::atomic<bool> stop{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void handle(int /*signal*/) { stop.store(true, std::memory_order_relaxed); }

void install(void (*handler)(int), unsigned int flags) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = static_cast<int>(flags);
  for (const int signal : stop_signals) sigaction(signal, &action, nullptr);
}

}  // namespace

SignalGuard::SignalGuard() {
  stop.store(false);
  install(handle, static_cast<unsigned int>(SA_RESETHAND) | static_cast<unsigned int>(SA_RESTART));
}

SignalGuard::~SignalGuard() { install(SIG_DFL, 0); }

const std::atomic<bool>& SignalGuard::stop_requested() const { return stop; }

void ignore_file_size_signal() {
  struct sigaction action = {};
  action.sa_handler = SIG_IGN;
  sigaction(SIGXFSZ, &action, nullptr);
}

}  // namespace icl::cli
