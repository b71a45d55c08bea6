#include "icl/cli/signals.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <vector>

#include "icl/core/abrupt_end.hpp"
#include "icl/core/error.hpp"
#include "icl/core/message.hpp"

namespace icl::cli {
namespace {

/// Those that by default end a process for no fault of its own, but SIGKILL, which nobody can
/// catch, and SIGPIPE, which is a reader's end.
std::vector<int> stop_signals() {
  std::vector<int> numbers{SIGINT,  SIGTERM,   SIGQUIT, SIGHUP,  SIGUSR1,   SIGUSR2, SIGXCPU,
                           SIGALRM, SIGVTALRM, SIGPROF, SIGPOLL, SIGSTKFLT, SIGPWR};
  for (int number = SIGRTMIN; number <= SIGRTMAX; ++number) numbers.push_back(number);
  return numbers;
}

/// Whether an earlier handler of this signal stays: nohup has SIGHUP ignored, and a profiler that
/// was loaded with us has its clock's SIGPROF. What is ignored otherwise, as a shell's background
/// job has SIGINT, is a wish to end all the same.
bool is_taken(int number) {
  struct sigaction before = {};
  sigaction(number, nullptr, &before);
  return before.sa_handler == SIG_IGN ? number == SIGHUP : before.sa_handler != SIG_DFL;
}

enum class Manner : int { end_at_once, stop, stop_and_ignore_second };

// A signal handler can reach nothing but globals.
std::atomic<Manner> manner{Manner::end_at_once};
std::atomic<bool> stop{false};
std::atomic<const char*> last_line{"icl: interrupted\n"};
std::atomic<bool> acknowledged{false};
std::atomic<std::int64_t> stopped_at{0};  ///< ms of the monotonic clock; 0: not yet
static_assert(std::atomic<bool>::is_always_lock_free &&
              std::atomic<std::int64_t>::is_always_lock_free);

std::int64_t now_ms() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{1000} * now.tv_sec + now.tv_nsec / 1000000;
}

[[noreturn]] void end_now() {
  remove_perishables();
  say_in_handler(last_line.load());
  _exit(static_cast<int>(ExitCode::interrupted));
}

/// In a while, by SIGALRM, look again.
void end_soon() {
  constexpr suseconds_t half_a_second = 500000;
  const itimerval a_while = {{0, 0}, {1, half_a_second}};
  setitimer(ITIMER_REAL, &a_while, nullptr);
}

/// A terminal that closes, `timeout` and a limit of CPU time send their signal more than once; a
/// person who means it waits a moment.
bool is_second(int number) {
  constexpr std::int64_t moment_ms = 500;
  const bool by_a_person = number == SIGINT || number == SIGTERM || number == SIGQUIT;
  return by_a_person && now_ms() - stopped_at >= moment_ms;
}

void handle(int number, siginfo_t* info, void* /*context*/) {
  const bool by_clock = number == SIGALRM && info->si_code == SI_KERNEL;
  if (manner == Manner::end_at_once || (by_clock && stop && !acknowledged)) {
    if (!Unbroken::any()) end_now();
    want_end();
    end_soon();
  } else if (std::int64_t never = 0; stopped_at.compare_exchange_strong(never, now_ms())) {
    stop = true;
    end_soon();
  } else if (manner == Manner::stop && is_second(number)) {
    end_now();
  }
}

/// `ulimit -t` sets both limits of CPU time, and at the hard one the kernel kills at once: SIGXCPU,
/// which can be obeyed, is to come before.
void hear_of_cpu_limit() {
  constexpr rlim_t most_room_seconds = 30;
  constexpr rlim_t share = 20;
  rlimit limit = {};
  if (getrlimit(RLIMIT_CPU, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) return;
  const rlim_t room = std::clamp<rlim_t>(limit.rlim_max / share, 1, most_room_seconds);
  if (limit.rlim_max <= room || limit.rlim_cur <= limit.rlim_max - room) return;
  limit.rlim_cur = limit.rlim_max - room;
  setrlimit(RLIMIT_CPU, &limit);
}

}  // namespace

void end_on_signals() {
  struct sigaction action = {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_RESTART | SA_SIGINFO;
  sigfillset(&action.sa_mask);
  // Where it is inherited as ignored, nobody learns how a child ended.
  std::signal(SIGCHLD, SIG_DFL);  // NOLINT(cert-err33-c): this one can be set
  sigset_t ours;
  sigemptyset(&ours);
  for (const int number : stop_signals()) {
    sigaddset(&ours, number);
    if (!is_taken(number)) sigaction(number, &action, nullptr);
  }
  sigprocmask(SIG_UNBLOCK, &ours, nullptr);  // whoever started us may have blocked them
  hear_of_cpu_limit();
}

SignalGuard::SignalGuard(SecondSignal second) {
  forget_end();
  acknowledged = false;
  stopped_at = 0;
  stop = false;
  manner = second == SecondSignal::ends_at_once ? Manner::stop : Manner::stop_and_ignore_second;
}

SignalGuard::~SignalGuard() {
  // First the alarm: if it came in between, it would end what was acknowledged.
  const itimerval never = {};
  setitimer(ITIMER_REAL, &never, nullptr);
  manner = Manner::end_at_once;
}

const std::atomic<bool>& SignalGuard::stop_requested() { return stop; }

void say_when_ended(const char* line) { last_line = line; }

void acknowledge_stop() { acknowledged = true; }

void stop_with(int parent) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) raise(SIGTERM);
}

}  // namespace icl::cli
