#include "icl/io/lock.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>

#include "support/runs.hpp"

namespace icl::io {
namespace {

namespace fs = std::filesystem;

/// The first line of a lock of this process, less its key.
std::string host() {
  const test::TemporaryFolder folder;
  const OutputLock lock(folder / "probe");
  std::ifstream file(folder / "probe.lock");
  std::string key;
  std::string value;
  file >> key >> value;
  return value;
}

void write_lock(const fs::path& path, const std::string& host_name, int pid) {
  std::ofstream(path) << "host " << host_name << "\npid " << pid << "\nstarted 1\n";
}

void age(const fs::path& path, int seconds) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  now.tv_sec -= seconds;
  const std::array<timespec, 2> times{now, now};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times.data(), 0), 0);
}

TEST(OutputLock, IsAFileBesideTheOutputWhileHeld) {
  const test::TemporaryFolder folder;
  {
    const OutputLock lock(folder / "run.h5");
    EXPECT_TRUE(fs::exists(folder / "run.h5.lock"));
    EXPECT_NO_THROW(lock.check());
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(OutputLock, IsRefusedToASecondOne) {
  const test::TemporaryFolder folder;
  const OutputLock lock(folder / "run.h5");
  test::expect_error(ExitCode::cannot_create,
                     "is being written by process " + std::to_string(getpid()),
                     [&] { const OutputLock second(folder / "run.h5"); });
  EXPECT_NO_THROW(lock.check());
}

TEST(OutputLock, OfADeadProcessOnThisHostIsTakenOver) {
  const test::TemporaryFolder folder;
  // This process, but one that started at another time: a number used again.
  write_lock(folder / "run.h5.lock", host(), getpid());
  testing::internal::CaptureStderr();
  const OutputLock lock(folder / "run.h5");
  EXPECT_NE(testing::internal::GetCapturedStderr().find("taking over the lock"), std::string::npos);
  EXPECT_NO_THROW(lock.check());
}

TEST(OutputLock, OfAnotherHostIsRespectedWhileItsHeartBeats) {
  const test::TemporaryFolder folder;
  write_lock(folder / "run.h5.lock", "elsewhere", 1);
  age(folder / "run.h5.lock", 50);
  test::expect_error(ExitCode::cannot_create, "on host elsewhere",
                     [&] { const OutputLock lock(folder / "run.h5"); });
  age(folder / "run.h5.lock", 61);
  testing::internal::CaptureStderr();
  EXPECT_NO_THROW({ const OutputLock lock(folder / "run.h5"); });
  EXPECT_NE(testing::internal::GetCapturedStderr().find("was not touched for 6"),
            std::string::npos);
}

TEST(OutputLock, SaysSoWhenItWasTakenOver) {
  const test::TemporaryFolder folder;
  {
    const OutputLock lock(folder / "run.h5");
    write_lock(folder / "run.h5.lock", "elsewhere", 1);
    test::expect_error(ExitCode::cannot_create, "taken over by another process",
                       [&] { lock.check(); });
  }
  EXPECT_TRUE(fs::exists(folder / "run.h5.lock")) << "another process's lock must stay";
}

TEST(OutputLock, OfManyProcessesAtOnceExactlyOneHoldsIt) {
  const test::TemporaryFolder folder;
  constexpr int processes = 20;
  for (int round = 0; round < 5; ++round) {
    write_lock(folder / "run.h5.lock", host(),
               getpid());  // a dead one, so that all take over at once
    std::array<int, 2> gate{};
    ASSERT_EQ(pipe(gate.data()), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < processes; ++i) {
      const pid_t child = fork();
      if (child == 0) {
        close(gate[1]);
        char byte = 0;
        (void)!read(gate[0], &byte, 1);  // all go on when the parent closes the pipe
        try {
          freopen("/dev/null", "w", stderr);
          const OutputLock lock(folder / "run.h5");
          usleep(300000);
          lock.check();
          _exit(0);
        } catch (const Error&) {
          _exit(73);
        }
      }
      children.push_back(child);
    }
    close(gate[0]);
    close(gate[1]);
    int holders = 0;
    for (const pid_t child : children) {
      int status = 0;
      waitpid(child, &status, 0);
      holders += WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 1 : 0;
    }
    EXPECT_EQ(holders, 1);
  }
}

TEST(OutputLock, CannotBeTakenInAMissingFolder) {
  test::expect_error(ExitCode::io, "No such file or directory",
                     [] { const OutputLock lock("/nonexistent/run.h5"); });
}

}  // namespace
}  // namespace icl::io
