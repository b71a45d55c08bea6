#include "icl/store/lock.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <memory>
#include <thread>

#include "icl/store/file.hpp"
#include "store/locks.hpp"
#include "support/errors.hpp"
#include "support/folder.hpp"

namespace icl::store {
namespace {

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

TEST(OutputLock, IsAFileBesideTheOutputWhileHeld) {
  const test::TemporaryFolder folder;
  {
    OutputLock lock(folder / "run.h5");
    EXPECT_TRUE(fs::exists(folder / "run.h5.lock"));
    EXPECT_NO_THROW(lock.check());
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(OutputLock, IsRefusedToASecondOne) {
  const test::TemporaryFolder folder;
  OutputLock lock(folder / "run.h5");
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
  OutputLock lock(folder / "run.h5");
  EXPECT_NE(testing::internal::GetCapturedStderr().find("taking over the lock"), std::string::npos);
  EXPECT_NO_THROW(lock.check());
}

TEST(OutputLock, OfAnotherHostIsRespectedWhileItsHeartBeats) {
  const test::TemporaryFolder folder;
  write_lock(folder / "run.h5.lock", "elsewhere", 1);
  age(folder / "run.h5.lock", 50);
  test::expect_error(ExitCode::cannot_create, "on host elsewhere",
                     [&] { OutputLock lock(folder / "run.h5"); });
}

TEST(OutputLock, OfAProcessOfThisBootThatDoesNotTouchItIsTakenOver) {
  const test::TemporaryFolder folder;
  std::string space = host();
  space.erase(space.rfind('/') + 1);
  write_lock(folder / "run.h5.lock", space + "1", 1);  // in another namespace of processes
  age(folder / "run.h5.lock", 50);
  test::expect_error(ExitCode::cannot_create, "is being written",
                     [&] { OutputLock lock(folder / "run.h5"); });
  age(folder / "run.h5.lock", 61);
  testing::internal::CaptureStderr();
  EXPECT_NO_THROW({ OutputLock lock(folder / "run.h5"); });
  EXPECT_NE(testing::internal::GetCapturedStderr().find("was not touched for 6"),
            std::string::npos);
}

TEST(OutputLock, SaysSoWhenItWasTakenOver) {
  const test::TemporaryFolder folder;
  {
    OutputLock lock(folder / "run.h5");
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
    // All go on when the parent closes `start`, tell in `told` how they fared, and hold the lock
    // until it closes `end`.
    std::array<int, 2> start{};
    std::array<int, 2> told{};
    std::array<int, 2> end{};
    for (auto* pair : {&start, &told, &end}) ASSERT_EQ(pipe(pair->data()), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < processes; ++i) {
      const pid_t child = fork();
      if (child == 0) {
        close(start[1]);
        close(end[1]);
        char byte = 0;
        freopen("/dev/null", "w", stderr);
        (void)!read(start[0], &byte, 1);
        try {
          OutputLock lock(folder / "run.h5");
          (void)!write(told[1], "h", 1);
          (void)!read(end[0], &byte, 1);
          lock.check();
          _exit(0);
        } catch (const Error&) {
          (void)!write(told[1], "r", 1);
          _exit(73);
        }
      }
      children.push_back(child);
    }
    close(start[0]);
    close(start[1]);
    int held = 0;
    for (int i = 0; i < processes; ++i) {
      char byte = 0;
      ASSERT_EQ(read(told[0], &byte, 1), 1);
      held += byte == 'h' ? 1 : 0;
    }
    EXPECT_EQ(held, 1);
    for (const int descriptor : {told[0], told[1], end[0], end[1]}) close(descriptor);
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
  const test::TemporaryFolder folder;
  test::expect_error(ExitCode::io, "No such file or directory",
                     [&] { const OutputLock lock(folder / "missing/run.h5"); });
}

TEST(OutputLock, OfTwoNamesOfOneFileIsOne) {
  const test::TemporaryFolder folder;
  fs::create_directory(folder / "d");
  fs::create_symlink("d/x", folder / "link");
  {
    OutputLock lock(folder / "link");
    test::expect_error(ExitCode::cannot_create, "is being written by process",
                       [&] { const OutputLock second(folder / "d/x"); });
    EXPECT_TRUE(is_being_written(folder / "link"));
    EXPECT_TRUE(is_being_written(folder / "d/x"));
    lock.publish(bytes_of("content"));
  }
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_FALSE(fs::is_symlink(folder / "d/x"));
  EXPECT_EQ(text_of(folder / "d/x"), "content");
}

// ---- What lies at the place of a lock ----

TEST(OutputLock, RefusesAtOnceWhatIsNoLock) {
  const test::TemporaryFolder folder;
  const fs::path lock = folder / "x.lock";
  const auto refused = [&](const std::string& what) {
    const std::string part = "is no lock file of icl, but " + what;
    test::expect_error(ExitCode::cannot_create, part, [&] { const OutputLock o(folder / "x"); });
    test::expect_error(ExitCode::cannot_create, part,
                       [&] { (void)is_being_written(folder / "x"); });
    EXPECT_TRUE(fs::exists(fs::symlink_status(lock)));
    fs::remove_all(lock);
  };
  ASSERT_EQ(mkfifo(lock.c_str(), 0600), 0);
  refused("a pipe");
  fs::create_directory(lock);
  refused("a folder");
  fs::create_symlink("/dev/zero", lock);
  refused("a symbolic link");
  fs::create_symlink("nothing", lock);
  refused("a symbolic link");
  std::ofstream(lock) << "notes of mine";
  age(lock, 1000);
  refused("a file of something else");
  std::ofstream(lock) << "host " << std::string(5000, 'x');
  refused("a longer file");
}

TEST(OutputLock, ThatNamesNobodyIsRespectedWhileItIsNew) {
  const test::TemporaryFolder folder;
  const fs::path lock = folder / "x.lock";
  const std::string zeros(64, '\0');
  for (const std::string& text : {std::string(), std::string("ho"), std::string("host a/b/1\npid "),
                                  std::string("host a/b/1\npid 5\nstarted 7"), zeros}) {
    std::ofstream(lock) << text;
    test::expect_error(ExitCode::cannot_create, "names no process",
                       [&] { const OutputLock o(folder / "x"); });
    age(lock, 61);
    testing::internal::CaptureStderr();
    EXPECT_NO_THROW({ const OutputLock o(folder / "x"); });
    EXPECT_NE(testing::internal::GetCapturedStderr().find("was not touched for 6"),
              std::string::npos);
  }
}

TEST(OutputLock, OfAnotherHostIsWatchedBeforeItIsTakenOver) {
  const test::TemporaryFolder folder;
  const fs::path lock = folder / "x.lock";
  for (const int seconds : {300, -300}) {  // as if the clocks of the hosts differed
    write_lock(lock, "elsewhere", 1);
    age(lock, seconds);
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      age(lock, seconds - 1);
    });
    test::expect_error(ExitCode::cannot_create, "is being written by process 1 on host elsewhere",
                       [&] { const OutputLock o(folder / "x"); });
    other.join();
  }
  std::atomic<bool> stop{true};
  test::expect_error(ExitCode::cannot_create, "is being written by process 1 on host elsewhere",
                     [&] { const OutputLock o(folder / "x", {.wait = {}, .stop = &stop}); });
}

TEST(OutputLock, SaysWhatItWaitsFor) {
  const test::TemporaryFolder folder;
  const fs::path lock = folder / "x.lock";
  const auto said_while_refused = [&](LockOptions options) {
    testing::internal::CaptureStderr();
    EXPECT_THROW({ const OutputLock o(folder / "x", options); }, Error);
    return testing::internal::GetCapturedStderr();
  };
  const auto times = [](const std::string& text, const std::string& part) {
    int count = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++count;
    return count;
  };
  for (const int seconds : {300, -300}) {
    write_lock(lock, "elsewhere", 7);
    age(lock, seconds);
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      age(lock, seconds - 1);
    });
    const std::string said = said_while_refused({});
    other.join();
    EXPECT_EQ(times(said, "is that of process 7 on host elsewhere and was last touched"), 1)
        << said;
    EXPECT_EQ(
        times(said, seconds > 0 ? "300 s ago: watching for 15 s" : "300 s in the future: wat"), 1)
        << said;
  }
  write_lock(lock, "elsewhere", 7);
  const std::string said = said_while_refused({.wait = std::chrono::seconds(2), .stop = nullptr});
  EXPECT_EQ(times(said, "waiting for process 7 on host elsewhere, which writes it"), 1) << said;
  write_lock(lock, "elsewhere", 7);
  EXPECT_EQ(said_while_refused({}), "");  // refused at once
}

TEST(OutputLock, WaitsForAsLongAsItIsTold) {
  const test::TemporaryFolder folder;
  auto first = std::make_unique<OutputLock>(folder / "x");
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    first.reset();
  });
  EXPECT_NO_THROW({
    const OutputLock second(folder / "x", {.wait = std::chrono::seconds(20), .stop = nullptr});
  });
  other.join();
}

TEST(OutputLock, OfAProcessThatCannotBeSeenIsRespected) {
  const test::TemporaryFolder folder;
  // Process 1 lives, whether or not we may see when it started.
  write_lock(folder / "x.lock", host(), 1);
  std::ofstream(folder / "x.lock") << "host " << host() << "\npid 1\nstarted ?\n";
  test::expect_error(ExitCode::cannot_create, "is being written by process 1",
                     [&] { const OutputLock o(folder / "x"); });
  EXPECT_TRUE(is_being_written(folder / "x"));
}

TEST(OutputLock, OfAProcessThatWaitsToBeBuriedIsLeftOver) {
  const test::TemporaryFolder folder;
  const pid_t child = fork();
  if (child == 0) {
    new OutputLock(folder / "x");  // NOLINT(cppcoreguidelines-owning-memory): nobody removes it
    _exit(0);
  }
  siginfo_t info{};
  waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);  // a zombie from now on
  testing::internal::CaptureStderr();
  EXPECT_NO_THROW({ const OutputLock o(folder / "x"); });
  EXPECT_NE(testing::internal::GetCapturedStderr().find("has ended"), std::string::npos);
  waitpid(child, nullptr, 0);
}

TEST(OutputLock, SaysWhoseALockIsThatMayNotBeRemoved) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can make files of others";
  const test::TemporaryFolder folder;
  write_lock(folder / "x.lock", host(), getpid());  // of an earlier process of this number
  ASSERT_EQ(chown((folder / "x.lock").c_str(), 12345, 12345), 0);
  ASSERT_EQ(chmod(folder.path().c_str(), 01777), 0);
  const pid_t child = fork();
  if (child == 0) {
    const bool dropped = setgid(65534) == 0 && setuid(65534) == 0;
    int result = dropped ? 1 : 2;
    try {
      const OutputLock lock(folder / "x");
    } catch (const Error& error) {
      const std::string message = error.what();
      const bool good = message.find("it belongs to user 12345") != std::string::npos &&
                        message.find("has ended") != std::string::npos;
      result = good ? static_cast<int>(error.code()) : 3;
    }
    _exit(result);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), static_cast<int>(ExitCode::cannot_create));
}

TEST(IsBeingWritten, GoesByTheClockOfTheFileSystem) {
  const test::TemporaryFolder folder;
  EXPECT_FALSE(is_being_written(folder / "x"));
  EXPECT_FALSE(is_being_written(folder / "no/x"));
  write_lock(folder / "x.lock", "elsewhere", 1);
  age(folder / "x.lock", 50);
  EXPECT_TRUE(is_being_written(folder / "x"));
  age(folder / "x.lock", 61);
  EXPECT_FALSE(is_being_written(folder / "x"));
  EXPECT_EQ(count(folder), 1U) << "nothing is left that was made to ask for the time";
}

}  // namespace
}  // namespace icl::store
