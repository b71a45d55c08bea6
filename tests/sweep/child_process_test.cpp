#include "icl/sweep/child_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A ChildProcess runs the program that it is used in, so this program has a second face: with the
/// first argument --child it does what the second one says.
namespace icl::sweep {
namespace {

std::string digest(std::string_view text) {
  return std::to_string(text.size()) + " bytes, hash " +
         std::to_string(std::hash<std::string_view>{}(text));
}

int be_child(const std::vector<std::string>& words) {
  alarm(300);  // whatever becomes of the test
  const std::string& what = words.at(0);
  if (what == "wait") {
    // Blocked first, so that a signal right after "ready" is not lost.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    std::cerr << "ready " + std::to_string(getpid()) + "\n";  // one write, which arrives whole
    int received = 0;
    sigwait(&signals, &received);
    return received == SIGTERM ? 75 : 1;
  }
  if (what == "exit") return std::stoi(words.at(1));
  if (what == "signal") return raise(SIGUSR1);
  if (what == "environment") {
    const char* const value = std::getenv(words.at(1).c_str());
    std::cerr << (value == nullptr ? "none" : value);
    return 0;
  }
  if (what == "arguments") {
    for (const std::string& word : words) std::cerr << '[' << word << ']';
    return 0;
  }
  if (what == "letters") {
    std::cerr << "first line\n" << std::string(std::stoul(words.at(1)), 'x');
    return 0;
  }
  const std::string input((std::istreambuf_iterator<char>(std::cin)), {});
  if (what == "echo") std::cerr << input;
  if (what == "digest") std::cerr << digest(input);
  if (what == "print") std::cout << input << std::flush;
  return 0;
}

using Environment = std::vector<std::pair<std::string, std::string>>;

ChildProcess start(std::vector<std::string> words, const std::string& input = "",
                   const Environment& environment = {}) {
  words.insert(words.begin(), "--child");
  return {words, environment, input};
}

/// Waits for output or the end, and takes what there is: false at the end.
bool take_next(ChildProcess& child) {
  constexpr int patience = 60000;  // ms
  pollfd watched{child.descriptor(), POLLIN, 0};
  if (poll(&watched, 1, patience) != 1) {
    ADD_FAILURE() << "the process neither says anything nor ends";
    return false;
  }
  return child.take_output();
}

struct Ending {
  Exit exit;
  std::string line;
};

Ending end_of(ChildProcess child) {
  while (take_next(child)) {
  }
  const Exit exit = child.wait();
  return {exit, child.last_line()};
}

std::string line_of(std::vector<std::string> words, const std::string& input = "",
                    const Environment& environment = {}) {
  const Ending ending = end_of(start(std::move(words), input, environment));
  EXPECT_EQ(ending.exit.status, 0);
  EXPECT_EQ(ending.exit.signal, 0);
  return ending.line;
}

TEST(ChildProcess, ItsExitStatusIsReported) {
  for (const int status : {0, 1, 64, 75}) {
    const Exit exit = end_of(start({"exit", std::to_string(status)})).exit;
    EXPECT_EQ(exit.status, status);
    EXPECT_EQ(exit.signal, 0);
  }
}

TEST(ChildProcess, ASignalThatEndsItIsReported) {
  const Exit exit = end_of(start({"signal"})).exit;
  EXPECT_EQ(exit.signal, SIGUSR1);
  EXPECT_EQ(exit.status, 0);
}

TEST(ChildProcess, ArgumentsArriveAsTheyAre) {
  EXPECT_EQ(line_of({"arguments", "", "a b", "'\"$HOME\\", "π"}),
            "[arguments][][a b]['\"$HOME\\][π]");
}

TEST(ChildProcess, TheWholeInputArrives) {
  EXPECT_EQ(line_of({"digest"}), digest(""));
  std::string input;
  while (input.size() < std::size_t{60} * 1024) input += std::to_string(input.size()) + "\n";
  EXPECT_EQ(line_of({"digest"}, input), digest(input));
  input.resize(std::size_t{4} << 20U, 'x');  // more than any pipe holds
  EXPECT_EQ(line_of({"digest"}, input), digest(input));
}

TEST(ChildProcess, NeedsNotReadItsInput) {
  const std::string input(std::size_t{64} * 1024, 'x');
  EXPECT_EQ(end_of(start({"exit", "3"}, input)).exit.status, 3);
}

TEST(ChildProcess, ItsLastLineIsKeptWithoutTheNameOfTheProgram) {
  EXPECT_EQ(line_of({"echo"}, "icl: first\nicl: the last: icl: one\n\n"), "the last: icl: one");
  EXPECT_EQ(line_of({"echo"}, "icl: first\nsecond"), "second");
  EXPECT_EQ(line_of({"echo"}, "only"), "only");
  EXPECT_EQ(line_of({"echo"}, "\n\n"), "");
  EXPECT_EQ(line_of({"echo"}, ""), "");
}

TEST(ChildProcess, ItsStandardOutputIsNotKept) { EXPECT_EQ(line_of({"print"}, "nothing"), ""); }

TEST(ChildProcess, OnlyTheEndOfALongOutputIsKept) {
  std::string lines;
  while (lines.size() < 60000) lines += "line " + std::to_string(lines.size()) + "\n";
  EXPECT_EQ(line_of({"echo"}, lines + "the end\n"), "the end");
  const std::string line = line_of({"letters", "1000000"});
  EXPECT_GE(line.size(), 1000U);
  EXPECT_LE(line.size(), 10000U);
  EXPECT_EQ(line.find_first_not_of('x'), std::string::npos);
}

TEST(ChildProcess, VariablesAreSetBesideAndInPlaceOfOurs) {
  constexpr const char* name = "ICL_CHILD_TEST";
  constexpr const char* longer = "ICL_CHILD_TEST_2";
  ASSERT_EQ(setenv(name, "ours", 1), 0);
  ASSERT_EQ(setenv(longer, "also ours", 1), 0);
  EXPECT_EQ(line_of({"environment", name}), "ours");
  EXPECT_EQ(line_of({"environment", name}, "", {{name, "theirs = 1"}}), "theirs = 1");
  EXPECT_EQ(line_of({"environment", longer}, "", {{name, "theirs"}}), "also ours");
  EXPECT_EQ(line_of({"environment", "ICL_CHILD_NEW"}, "", {{"ICL_CHILD_NEW", "new"}}), "new");
  EXPECT_EQ(line_of({"environment", "ICL_CHILD_NEW"}), "none");
  EXPECT_STREQ(std::getenv(name), "ours");
  unsetenv(name);
  unsetenv(longer);
}

TEST(ChildProcess, TakesASignalAndThenHasNothingMoreToSay) {
  ChildProcess child = start({"wait"});
  ASSERT_TRUE(take_next(child));
  EXPECT_TRUE(child.take_output()) << "it is still there, though it says nothing";
  child.send(SIGTERM);
  while (take_next(child)) {
  }
  EXPECT_FALSE(child.take_output());
  const Exit exit = child.wait();
  EXPECT_EQ(exit.status, 75);
  EXPECT_EQ(exit.signal, 0);
  child.send(SIGTERM);  // to nobody
}

/// The number that a waiting process has told.
pid_t number_of(ChildProcess& child) {
  std::string line;
  do {
    if (!take_next(child)) return 0;
    line = child.last_line();
  } while (!line.starts_with("ready "));
  return std::stoi(line.substr(6));
}

bool exists(pid_t process) { return kill(process, 0) == 0 || errno != ESRCH; }

TEST(ChildProcess, DoesNotOutliveItsObject) {
  const auto start_time = std::chrono::steady_clock::now();
  pid_t process = 0;
  {
    ChildProcess child = start({"wait"});
    process = number_of(child);
    ASSERT_GT(process, 0);
    EXPECT_TRUE(exists(process));
  }
  EXPECT_FALSE(exists(process)) << "neither running nor a zombie";
  EXPECT_LT(std::chrono::steady_clock::now() - start_time, std::chrono::seconds(60));
}

TEST(ChildProcess, MovesWithWhatItHasSaid) {
  std::vector<ChildProcess> children;
  std::vector<pid_t> processes;
  for (int i = 0; i < 3; ++i) {
    children.push_back(start({"wait"}));
    processes.push_back(number_of(children.back()));
    ASSERT_GT(processes.back(), 0);
  }
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(exists(processes[i]));
    EXPECT_EQ(children[i].last_line(), "ready " + std::to_string(processes[i]));
  }
  children.erase(children.begin());
  EXPECT_FALSE(exists(processes[0]));
  EXPECT_TRUE(exists(processes[1]));
  EXPECT_TRUE(exists(processes[2]));
}

}  // namespace
}  // namespace icl::sweep

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv, argv + argc);
  if (words.size() > 2 && words[1] == "--child") {
    return icl::sweep::be_child({words.begin() + 2, words.end()});
  }
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
