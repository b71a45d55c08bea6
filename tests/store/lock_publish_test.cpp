#include <gtest/gtest.h>

#include <fstream>

#include "icl/store/file.hpp"
#include "icl/store/lock.hpp"
#include "store/locks.hpp"
#include "support/errors.hpp"

namespace icl::store {
namespace {

TEST(OutputLockPublish, ReplacesWhatItFoundAndWhatItPublished) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "x") << "found";
  {
    OutputLock lock(folder / "x");
    lock.publish(bytes_of("one"));
    EXPECT_EQ(text_of(folder / "x"), "one");
    lock.publish(bytes_of("two"));
    EXPECT_EQ(text_of(folder / "x"), "two");
    fs::remove(folder / "x");
    lock.publish(bytes_of("three"));
    EXPECT_EQ(text_of(folder / "x"), "three");
  }
  EXPECT_EQ(count(folder), 1U);
}

TEST(OutputLockPublish, NeverReplacesWhatAnotherProgramPutThere) {
  const auto replaced = [](const auto& before, const auto& meanwhile) {
    const test::TemporaryFolder folder;
    const fs::path file = folder / "x";
    OutputLock lock(file);
    before(lock);
    meanwhile(file);
    test::expect_error(ExitCode::cannot_create, "another program",
                       [&] { lock.publish(bytes_of("ours")); });
    EXPECT_EQ(text_of(file), "theirs");
    EXPECT_EQ(text_of(folder / "x.2"), "ours") << "nothing is lost";
    EXPECT_EQ(count(folder), 3U) << "with the lock";
  };
  const auto nothing = [](OutputLock&) {};
  const auto publish = [](OutputLock& lock) { lock.publish(bytes_of("before")); };
  const auto write = [](const fs::path& file) { std::ofstream(file) << "theirs"; };
  const auto put = [](const fs::path& file) {
    const fs::path other = file.string() + ".other";
    std::ofstream(other) << "theirs";
    fs::rename(other, file);
  };
  replaced(nothing, write);
  replaced(publish, write);
  replaced(publish, put);
}

TEST(OutputLockPublish, OfAProcessThatLostItsLockWritesNothing) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "x") << "before";
  OutputLock lock(folder / "x");
  write_lock(folder / "x.lock", "elsewhere", 1);
  test::expect_error(ExitCode::cannot_create, "taken over by another process (process 1 on host",
                     [&] { lock.publish(bytes_of("ours")); });
  EXPECT_EQ(text_of(folder / "x"), "before");
  EXPECT_EQ(count(folder), 2U);
}

TEST(OutputLockPublish, MakesARemovedLockAgain) {
  const test::TemporaryFolder folder;
  OutputLock lock(folder / "x");
  fs::remove(folder / "x.lock");
  lock.publish(bytes_of("ours"));
  EXPECT_EQ(text_of(folder / "x"), "ours");
  EXPECT_TRUE(fs::exists(folder / "x.lock"));
  fs::remove(folder / "x.lock");
  publish_file(folder / "x", bytes_of("of who came and went"));
  test::expect_error(ExitCode::cannot_create, "while this process had lost its lock",
                     [&] { lock.publish(bytes_of("ours again")); });
  EXPECT_EQ(text_of(folder / "x"), "of who came and went");
}

TEST(OutputLockPublish, ALockThatIsTakenRemovesWhatOthersWouldPublish) {
  const test::TemporaryFolder folder;
  const Place place(folder / "x");
  const auto part = bytes_of("of a process that sleeps before it renames");
  NewFile late(place, {&part, 1});
  const OutputLock lock(folder / "x");
  EXPECT_EQ(late.take_place(NewFile::Over::anything), NewFile::Naming::removed);
  EXPECT_FALSE(fs::exists(folder / "x"));
}

}  // namespace
}  // namespace icl::store
