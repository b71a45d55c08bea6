#include "icl/store/isolated.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "icl/core/error.hpp"
#include "icl/run/decode.hpp"
#include "icl/run/encode.hpp"
#include "icl/store/envelope.hpp"
#include "icl/store/file.hpp"
#include "support/errors.hpp"
#include "support/folder.hpp"

namespace icl::store {
namespace {

using test::expect_error;
using test::TemporaryFolder;

constexpr Allowance small{0.3, std::uint64_t{64} << 20U};

std::vector<std::byte> bytes_of(std::size_t count, int value) {
  return std::vector<std::byte>(count, static_cast<std::byte>(value));
}

/// Nothing that was started is left, neither running nor waited for.
void expect_no_children() {
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

double cpu_seconds_of_children() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

TEST(Isolated, MessagesComeInOrderAndWhole) {
  constexpr std::size_t large = 40'000'000;
  Isolated child("x", small, [&](const Isolated::Send& send) {
    send(bytes_of(3, 7));
    send({});
    for (int i = 0; i < 3; ++i) send(bytes_of(large / 10, i));
    send(bytes_of(large / 10 * 4, 9));
  });
  EXPECT_EQ(child.next(), bytes_of(3, 7));
  EXPECT_EQ(child.next(), bytes_of(0, 0));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(child.next(), bytes_of(large / 10, i));
  EXPECT_EQ(child.next(), bytes_of(large / 10 * 4, 9));
  EXPECT_EQ(child.next(), std::nullopt);
  EXPECT_EQ(child.next(), std::nullopt);
  expect_no_children();
}

TEST(Isolated, ErrorsKeepCodeAndMessage) {
  for (const ExitCode code : {ExitCode::bad_input, ExitCode::io, ExitCode::usage}) {
    expect_error(code, "what is wrong",
                 [&] { try_in_child("x", small, [&] { throw Error(code, "what is wrong"); }); });
  }
  expect_error(ExitCode::internal, "another",
               [&] { try_in_child("x", small, [] { throw std::runtime_error("another"); }); });
  expect_no_children();
}

TEST(Isolated, DeathIsBadInput) {
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    expect_error(ExitCode::bad_input, "ends in signal " + std::to_string(number),
                 [&] { try_in_child("a.h5", small, [&] { raise(number); }); });
  }
  expect_error(ExitCode::bad_input, "'a.h5': no file that HDF5",
               [] { try_in_child("a.h5", small, [] { std::abort(); }); });
  expect_error(ExitCode::bad_input, "ends the process that does it",
               [] { try_in_child("a.h5", small, [] { _exit(0); }); });
  expect_no_children();
}

TEST(Isolated, DeathBetweenMessagesIsFound) {
  Isolated child("x", small, [](const Isolated::Send& send) {
    send(bytes_of(10, 1));
    raise(SIGSEGV);
  });
  EXPECT_TRUE(child.next().has_value());
  expect_error(ExitCode::bad_input, "signal 11", [&] { (void)child.next(); });
  EXPECT_EQ(child.next(), std::nullopt);
}

TEST(Isolated, EndlessWorkEnds) {
  const double before = cpu_seconds_of_children();
  expect_error(ExitCode::bad_input, "did not come to an end in 0.3 s of CPU time", [] {
    try_in_child("x", small, [] {
      volatile bool on = true;
      while (on) {
      }
    });
  });
  EXPECT_LT(cpu_seconds_of_children() - before, 0.6);
  expect_no_children();
}

TEST(Isolated, TheTimeIsForEachMessage) {
  const auto burn = [] {
    const std::clock_t end = std::clock() + CLOCKS_PER_SEC / 5;
    while (std::clock() < end) {
    }
  };
  Isolated child("x", small, [&](const Isolated::Send& send) {
    for (int i = 0; i < 4; ++i) {
      burn();
      send({});
    }
  });
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(child.next().has_value());
  EXPECT_EQ(child.next(), std::nullopt);
}

TEST(Isolated, MemoryIsLimited) {
  expect_error(ExitCode::bad_input, "takes more than 67108864 bytes of memory", [] {
    try_in_child("x", small, [] {
      std::vector<std::vector<std::byte>> all;
      for (;;) all.push_back(bytes_of(1 << 20U, 1));
    });
  });
}

TEST(Isolated, ALimitOfThisProcessIsNoFaultOfTheFile) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlimit narrow{pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) + (24U << 20U),
                      before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &narrow), 0);
  expect_error(ExitCode::resources, "limit on address space (`ulimit -v`) leaves", [] {
    try_in_child("x", small, [] {
      std::vector<std::vector<std::byte>> all;
      for (;;) all.push_back(bytes_of(1 << 20U, 1));
    });
  });
  ASSERT_EQ(setrlimit(RLIMIT_AS, &before), 0);
}

TEST(Isolated, AKillFromOutsideIsNoFaultOfTheFile) {
  expect_error(ExitCode::io, "was killed (signal 9)",
               [] { try_in_child("x", small, [] { raise(SIGKILL); }); });
}

TEST(Isolated, SignalsThatAskForAnEndAreForTheParent) {
  try_in_child("x", small, [] {
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT}) raise(number);
  });
}

// As on a machine that gives it no CPU time, or while somebody has stopped it.
TEST(Isolated, AChildThatGetsNoTimeIsNoFaultOfTheFile) {
  constexpr Allowance impatient{0.01, std::uint64_t{64} << 20U, 0.1};
  for (const auto wait : {+[] { pause(); }, +[] { raise(SIGSTOP); }}) {
    expect_error(ExitCode::io, "'a.h5': the process that reads it sent nothing for 0.3 s and had",
                 [&] { try_in_child("a.h5", impatient, wait); });
    expect_error(ExitCode::io, "this says nothing about the file",
                 [&] { try_in_child("a.h5", impatient, wait); });
  }
  expect_no_children();
}

/// A process that does this work, which gets the writing end of a pipe; `ready` is read from the
/// pipe first. True if nobody holds that end any more within 10 s of the signal.
bool all_end_with(int signal, const std::function<void(int)>& work) {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe(ends.data()), 0);
  const pid_t parent = fork();
  if (parent == 0) {
    close(ends[0]);
    work(ends[1]);
    _exit(0);
  }
  close(ends[1]);
  char byte = 0;
  EXPECT_EQ(read(ends[0], &byte, 1), 1);
  kill(parent, signal);
  pollfd end{ends[0], POLLIN, 0};
  const bool ended = poll(&end, 1, 10'000) == 1 && read(ends[0], &byte, 1) == 0;
  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);
  close(ends[0]);
  return ended;
}

TEST(Isolated, AChildEndsWithItsParentWhateverItDoes) {
  for (const bool stopped : {false, true}) {
    EXPECT_TRUE(all_end_with(SIGTERM, [&](int pipe) {
      try_in_child("x", small, [&] {
        (void)!write(pipe, "x", 1);
        if (stopped) raise(SIGSTOP);
        pause();
      });
    })) << stopped;
  }
}

TEST(Isolated, HowAChildEndedIsNotGuessed) {
  const auto before = std::signal(SIGCHLD, SIG_IGN);
  try_in_child("x", small, [] {});
  expect_error(ExitCode::bad_input, "what is wrong", [] {
    try_in_child("x", small, [] { throw Error(ExitCode::bad_input, "what is wrong"); });
  });
  expect_error(ExitCode::io, "the process that read 'x' has ended, but how cannot be told",
               [] { try_in_child("x", small, [] { raise(SIGKILL); }); });
  std::signal(SIGCHLD, before);
  expect_no_children();
}

TEST(Isolated, TooFewDescriptorsAreNoFaultOfTheFile) {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{3, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  expect_error(ExitCode::resources, "cannot make a pipe", [] { try_in_child("x", small, [] {}); });
  setrlimit(RLIMIT_NOFILE, &before);
}

TEST(Isolated, AChildThatNobodyListensToEnds) {
  {
    Isolated child("x", small, [](const Isolated::Send& send) {
      for (;;) send(bytes_of(1 << 20U, 1));
    });
    EXPECT_TRUE(child.next().has_value());
  }
  expect_no_children();
}

}  // namespace
}  // namespace icl::store
