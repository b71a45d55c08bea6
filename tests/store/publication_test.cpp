#include "icl/store/publication.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "icl/core/abrupt_end.hpp"
#include "icl/core/error.hpp"
#include "icl/store/file.hpp"
#include "support/folder.hpp"

namespace icl::store {
namespace {

namespace fs = std::filesystem;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

void put(const fs::path& path, std::string_view text) { std::ofstream(path) << text; }

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t count(const test::TemporaryFolder& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder.path()), {}));
}

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 07777U;
}

/// A new file for a place that holds one part.
class One {
 public:
  One(const Place& place, std::string_view text)
      : part_(bytes_of(text)), file(place, {&part_, 1}) {}

 private:
  std::span<const std::byte> part_;

 public:
  NewFile file;
};

TEST(NewFile, IsGoneUnlessItTakesThePlace) {
  const test::TemporaryFolder folder;
  const Place place(folder / "x");
  {
    const One one(place, "content");
    EXPECT_EQ(count(folder), 1U);
  }
  EXPECT_EQ(count(folder), 0U);
  {
    One one(place, "content");
    EXPECT_EQ(one.file.take_place(NewFile::Over::nothing), NewFile::Naming::done);
    EXPECT_TRUE(holds(place, one.file.content()));
  }
  EXPECT_EQ(text_of(folder / "x"), "content");
  EXPECT_EQ(count(folder), 1U);
}

TEST(NewFile, IsGivenUpOnceASignalWantsTheEnd) {
  const test::TemporaryFolder folder;
  const Place place(folder / "x");
  want_end();
  try {
    const One one(place, "content");
    ADD_FAILURE() << "written all the same";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::interrupted);
  }
  EXPECT_EQ(count(folder), 0U);
  forget_end();
  const One one(place, "content");
  EXPECT_EQ(count(folder), 1U);
}

TEST(NewFile, HoldsAllOfManyPieces) {
  const test::TemporaryFolder folder;
  const Place place(folder / "x");
  std::string text(20000000, 'a');
  for (std::size_t i = 0; i < text.size(); i += 1000)
    text[i] = static_cast<char>('a' + i / 1000 % 26);
  const std::array parts{bytes_of(text), bytes_of("end")};
  NewFile file(place, parts);
  ASSERT_EQ(file.take_place(NewFile::Over::nothing), NewFile::Naming::done);
  EXPECT_TRUE(text_of(folder / "x") == text + "end");
}

TEST(NewFile, IsNotPutOverAFileThatAppeared) {
  const test::TemporaryFolder folder;
  const Place place(folder / "x");
  One one(place, "ours");
  put(folder / "x", "theirs");
  EXPECT_EQ(one.file.take_place(NewFile::Over::nothing), NewFile::Naming::taken);
  EXPECT_EQ(text_of(folder / "x"), "theirs");
  put(folder / "x.2", "another");
  EXPECT_EQ(one.file.keep_beside(), folder / "x.3");
  EXPECT_EQ(text_of(folder / "x.3"), "ours");
  EXPECT_EQ(text_of(folder / "x.2"), "another");
}

TEST(NewFile, CannotBePublishedOnceItWasRemoved) {
  const test::TemporaryFolder folder;
  const Place place(folder / "x");
  for (const auto over : {NewFile::Over::anything, NewFile::Over::nothing}) {
    One one(place, "ours");
    place.remove_temporaries();
    EXPECT_EQ(one.file.take_place(over), NewFile::Naming::removed);
    EXPECT_EQ(one.file.keep_beside(), std::nullopt);
    EXPECT_EQ(count(folder), 0U);
  }
}

TEST(NewFile, KeepsModeAndGroupOfWhatItReplaces) {
  const test::TemporaryFolder folder;
  const Place place(folder / "x");
  put(folder / "x", "old");
  const mode_t before = ::umask(077);
  for (const mode_t mode : {0640, 0604, 0600, 0666, 0440, 0200}) {
    ASSERT_EQ(::chmod((folder / "x").c_str(), mode), 0);
    One one(place, "new");
    EXPECT_EQ(one.file.take_place(NewFile::Over::anything), NewFile::Naming::done);
    EXPECT_EQ(mode_of(folder / "x"), mode);
  }
  ::umask(before);
  if (::geteuid() != 0) GTEST_SKIP() << "only root may give files to others";
  ASSERT_EQ(::chown((folder / "x").c_str(), 65534, 65533), 0);
  One one(place, "new");
  EXPECT_EQ(one.file.take_place(NewFile::Over::anything), NewFile::Naming::done);
  struct stat status {};
  ASSERT_EQ(::stat((folder / "x").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 65534U);
  EXPECT_EQ(status.st_gid, 65533U);
}

TEST(NewFile, KeepsUserAttributes) {
  const test::TemporaryFolder folder;
  const Place place(folder / "x");
  put(folder / "x", "old");
  if (::setxattr((folder / "x").c_str(), "user.note", "why", 3, 0) != 0) {
    GTEST_SKIP() << "this file system has no such attributes";
  }
  One one(place, "new");
  EXPECT_EQ(one.file.take_place(NewFile::Over::anything), NewFile::Naming::done);
  std::array<char, 8> value{};
  EXPECT_EQ(::getxattr((folder / "x").c_str(), "user.note", value.data(), value.size()), 3);
  EXPECT_STREQ(value.data(), "why");
}

TEST(Holds, TellsAnotherContentFromTheSameOneTouchedOrCopied) {
  const test::TemporaryFolder folder;
  const Place place(folder / "x");
  One one(place, "content");
  ASSERT_EQ(one.file.take_place(NewFile::Over::nothing), NewFile::Naming::done);
  const Content content = one.file.content();
  ASSERT_EQ(::utimensat(AT_FDCWD, (folder / "x").c_str(), nullptr, 0), 0);
  EXPECT_TRUE(holds(place, content)) << "touched";
  fs::copy_file(folder / "x", folder / "copy");
  fs::rename(folder / "copy", folder / "x");
  EXPECT_TRUE(holds(place, content)) << "a restored copy";
  fs::permissions(folder / "x", fs::perms::owner_read);
  EXPECT_TRUE(holds(place, content)) << "another mode";
  fs::permissions(folder / "x", fs::perms::owner_all);
  put(folder / "x", "CONTENT");
  EXPECT_FALSE(holds(place, content)) << "as long, but changed";
  put(folder / "x", "longer content");
  EXPECT_FALSE(holds(place, content));
  fs::remove(folder / "x");
  EXPECT_FALSE(holds(place, content));
}

}  // namespace
}  // namespace icl::store
