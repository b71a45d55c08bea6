#include "icl/store/file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "icl/core/error.hpp"
#include "support/errors.hpp"
#include "support/folder.hpp"

namespace icl::store {
namespace {

namespace fs = std::filesystem;
using test::message_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

class FileTest : public ::testing::Test {
 protected:
  [[nodiscard]] fs::path at(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_.path()))
      names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

  test::TemporaryFolder folder_;
};

TEST_F(FileTest, PublishesAndReadsBack) {
  const auto a = bytes_of("one,");
  const auto b = bytes_of("two");
  const std::vector<std::span<const std::byte>> parts = {a, {}, b};
  publish_file(at("x"), parts);
  EXPECT_EQ(read_file(at("x")), bytes_of("one,two"));
  publish_file(at("x"), std::span<const std::byte>());
  EXPECT_EQ(read_file(at("x")), std::vector<std::byte>());
  EXPECT_EQ(names(), std::vector<std::string>{"x"});
}

TEST_F(FileTest, PublishesALargeFileAndReadsItsHead) {
  std::vector<std::byte> large(std::size_t{5} << 20U);
  for (std::size_t i = 0; i < large.size(); ++i)
    large[i] = static_cast<std::byte>(i * 2654435761U >> 13U);
  publish_file(at("x"), large);
  EXPECT_EQ(read_file(at("x")), large);
  const FileHead head = read_head(at("x"), 512);
  EXPECT_EQ(head.file_bytes, large.size());
  EXPECT_TRUE(std::equal(head.bytes.begin(), head.bytes.end(), large.begin()));
  EXPECT_EQ(head.bytes.size(), 512U);
  EXPECT_EQ(read_head(at("x"), large.size() * 2).bytes.size(), large.size());
}

TEST_F(FileTest, PublishesIntoTheWorkingFolder) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_.path());
  check_creatable("plain");
  publish_file("plain", bytes_of("here"));
  fs::current_path(before);
  EXPECT_EQ(read_file(at("plain")), bytes_of("here"));
}

TEST_F(FileTest, ModeFollowsTheUmask) {
  const mode_t before = ::umask(027);
  publish_file(at("x"), bytes_of("x"));
  ::umask(before);
  struct stat status {};
  ASSERT_EQ(::stat(at("x").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
}

TEST_F(FileTest, ReadingNamesWhatIsWrong) {
  const auto read = [&](const std::string& name) {
    return message_of(ExitCode::bad_input, [&] { (void)read_file(at(name)); });
  };
  EXPECT_THAT(read("no"), AllOf(HasSubstr(at("no").string()), HasSubstr("No such file")));
  EXPECT_THAT(read(""), HasSubstr("Is a directory"));
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  EXPECT_THAT(read("pipe"), HasSubstr("not a regular file"));
  publish_file(at("x"), bytes_of("x"));
  EXPECT_THAT(read("x/y"), HasSubstr("Not a directory"));
}

TEST_F(FileTest, AFailedWriteKeepsTheOldFileAndLeavesNothing) {
  const auto old = bytes_of("old content");
  publish_file(at("x"), old);
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  for (const rlim_t limit : {rlim_t{0}, rlim_t{1}, rlim_t{1000}, rlim_t{69999}}) {
    const struct rlimit tiny { limit, before.rlim_max };
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tiny), 0);
    const std::string message =
        message_of(ExitCode::io, [&] { publish_file(at("x"), std::vector<std::byte>(70000)); });
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_THAT(message, AllOf(HasSubstr("cannot write '" + at("x").string() + "': File too large"),
                               HasSubstr("writing")));
    EXPECT_EQ(read_file(at("x")), old);
    EXPECT_EQ(names(), std::vector<std::string>{"x"});
  }
  std::signal(SIGXFSZ, handler);
}

TEST_F(FileTest, PublishingNamesWhatIsWrong) {
  const auto publish = [&](const std::string& name) {
    return message_of(ExitCode::io, [&] { publish_file(at(name), bytes_of("x")); });
  };
  EXPECT_THAT(publish("no/x"), AllOf(HasSubstr(at("no/x").string()), HasSubstr("No such file")));
  fs::create_directory(at("folder"));
  EXPECT_THAT(publish("folder"), HasSubstr("Is a directory"));
  EXPECT_THAT(publish("folder/"), HasSubstr("Is a directory"));
  EXPECT_THAT(publish(std::string(256, 'n')), HasSubstr("File name too long"));
  EXPECT_EQ(names(), std::vector<std::string>{"folder"});
  EXPECT_TRUE(fs::is_empty(at("folder")));
}

TEST_F(FileTest, CheckCreatableNamesWhatIsWrong) {
  const auto check = [&](const std::string& name) {
    return message_of(ExitCode::cannot_create, [&] { check_creatable(at(name)); });
  };
  check_creatable(at("new"));
  publish_file(at("file"), bytes_of("x"));
  check_creatable(at("file"));
  EXPECT_THAT(check("no/x"), HasSubstr("'" + at("no").string() + "' does not exist"));
  EXPECT_THAT(check("file/x"), HasSubstr("is not a folder"));
  EXPECT_THAT(check(""), HasSubstr("is a folder"));
  EXPECT_EQ(names(), std::vector<std::string>{"file"});
}

TEST_F(FileTest, CheckCreatableSeesAClosedFolder) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  fs::create_directory(at("closed"));
  fs::permissions(at("closed"), fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_THAT(message_of(ExitCode::cannot_create, [&] { check_creatable(at("closed") / "x"); }),
              HasSubstr("Permission denied"));
}

TEST_F(FileTest, AFileThatNobodyMayWriteIsNotReplaced) {
  publish_file(at("x"), bytes_of("x"));
  fs::permissions(at("x"), fs::perms::owner_read);
  fs::create_symlink("x", at("link"));
  for (const char* const name : {"x", "link"}) {
    EXPECT_THAT(message_of(ExitCode::cannot_create, [&] { check_creatable(at(name)); }),
                AllOf(HasSubstr("nobody may write (mode 400)"), HasSubstr("chmod u+w")));
  }
}

TEST_F(FileTest, CheckCreatableLooksAtWhatALinkLeadsTo) {
  fs::create_symlink("new", at("dangling"));
  EXPECT_NO_THROW(check_creatable(at("dangling")));
  fs::create_symlink("no/x", at("nowhere"));
  fs::create_symlink(".", at("to-folder"));
  fs::create_symlink("circle", at("circle"));
  const auto check = [&](const std::string& name) {
    return message_of(ExitCode::cannot_create, [&] { check_creatable(at(name)); });
  };
  EXPECT_THAT(check("nowhere"), HasSubstr("'" + at("no").string() + "' does not exist"));
  EXPECT_THAT(check("to-folder"), HasSubstr("is a folder"));
  EXPECT_THAT(check("circle"), HasSubstr("Too many levels of symbolic links"));
  EXPECT_THAT(check(std::string(256, 'n')), HasSubstr("File name too long"));
}

TEST_F(FileTest, MakesFoldersThatAreMissing) {
  make_folders(at("a/b/c"));
  make_folders(at("a/b/c"));
  make_folders(at("a/d/"));
  EXPECT_TRUE(fs::is_directory(at("a/b/c")));
  EXPECT_TRUE(fs::is_directory(at("a/d")));
  publish_file(at("x"), bytes_of("x"));
  for (const char* const name : {"x", "x/y"}) {
    EXPECT_THAT(message_of(ExitCode::cannot_create, [&] { make_folders(at(name)); }),
                AllOf(HasSubstr("cannot make the folder"), HasSubstr("Not a directory")));
  }
  const fs::path before = fs::current_path();
  fs::current_path(folder_.path());
  make_folders("here/too");
  fs::current_path(before);
  EXPECT_TRUE(fs::is_directory(at("here/too")));
}

}  // namespace
}  // namespace icl::store
