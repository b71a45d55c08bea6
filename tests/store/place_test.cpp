#include "icl/store/place.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "support/errors.hpp"
#include "support/folder.hpp"

namespace icl::store {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

void make(const fs::path& path) { std::ofstream(path) << "content"; }

std::set<std::string> names(const test::TemporaryFolder& folder) {
  std::set<std::string> all;
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    all.insert(entry.path().filename());
  }
  return all;
}

TEST(FollowLinks, LeadsToTheFileThroughChainsAndToNothing) {
  const test::TemporaryFolder folder;
  fs::create_directory(folder / "d");
  fs::create_symlink("d/file", folder / "a");
  fs::create_symlink(folder / "a", folder / "b");
  EXPECT_EQ(follow_links(folder / "plain"), folder / "plain");
  EXPECT_EQ(follow_links(folder / "b"), folder / "d/file") << "which does not exist yet";
  fs::create_symlink("circle-2", folder / "circle-1");
  fs::create_symlink("circle-1", folder / "circle-2");
  test::expect_error(ExitCode::cannot_create, "Too many levels of symbolic links",
                     [&] { (void)follow_links(folder / "circle-1"); });
}

TEST(Place, OfALinkIsThatOfItsFile) {
  const test::TemporaryFolder folder;
  fs::create_directory(folder / "d");
  fs::create_symlink("d/file", folder / "link");
  const Place place(folder / "link");
  EXPECT_EQ(place.given(), folder / "link");
  EXPECT_EQ(place.path(), folder / "d/file");
  EXPECT_EQ(place.lock_path(), folder / "d/file.lock");
  EXPECT_EQ(Place(folder / "d/file").lock_path(), place.lock_path());
}

TEST(Place, NamesFitWhateverTheOutputIsCalled) {
  const test::TemporaryFolder folder;
  std::set<std::string> locks;
  for (std::size_t bytes = 190; bytes <= 255; ++bytes) {
    for (const std::string& letter : {std::string("n"), std::string("\xc3\xa9")}) {
      std::string name;
      while (name.size() + letter.size() <= bytes) name += letter;
      const Place place(folder / name);
      for (const std::string& made : {place.lock_name(), place.temporary_name(), place.draft_name(),
                                      place.numbered_name(2)}) {
        EXPECT_LE(made.size(), 255U);
        EXPECT_NO_THROW(make(place.beside(made)));
        EXPECT_TRUE(fs::exists(place.beside(made))) << made;
      }
      locks.insert(place.lock_name());
    }
  }
  // Equal beginnings, other names: other locks. (Of two-byte letters there are half as many names.)
  EXPECT_EQ(locks.size(), 66U + 33U);
  EXPECT_EQ(Place(folder / "run.h5").lock_name(), "run.h5.lock");
}

TEST(Place, CutsNoCharacterInTwo) {
  const test::TemporaryFolder folder;
  std::string name = "x";
  while (name.size() < 254) name += "\xc3\xa9";
  const std::string lock = Place(folder / name).lock_name();
  const std::size_t cut = lock.find('~');
  ASSERT_NE(cut, std::string::npos);
  EXPECT_EQ((cut - 1) % 2, 0U) << lock;
}

TEST(Place, RemovesTheTemporaryFilesOfAnyProcessAndNothingElse) {
  const test::TemporaryFolder folder;
  const Place place(folder / "x");
  const std::string own = place.temporary_name();
  EXPECT_THAT(own, StartsWith(".x.tmp-"));
  EXPECT_NE(own, place.temporary_name());
  for (const std::string& name : {own, std::string(".x.tmp-elsewhere-1-00000000"),
                                  std::string(".x.tmp-a-b-999999-0123abcd")}) {
    make(folder / name);
  }
  const std::set<std::string> kept = {
      "x",
      ".x.tmp-h-99999999999999999999-00000000",  // no process has this number
      ".x.tmp-1",
      ".x.tmp-h--5-0000000g",
      ".x.tmp-h-12345-0000000g",
      ".x.tmp-h-0-00000000",
      ".x.tmp-y.tmp-h-1-00000000",  // of the output "x.tmp-y"
      ".x.lock-h-1-00000000",
      ".y.tmp-h-1-00000000",
  };
  for (const std::string& name : kept) make(folder / name);
  place.remove_temporaries();
  EXPECT_EQ(names(folder), kept);
}

TEST(Place, RemovesTheDraftsOfEndedProcessesOfThisHostAlone) {
  const test::TemporaryFolder folder;
  const Place place(folder / "x");
  const std::string own = place.draft_name();
  const std::string number = "-" + std::to_string(getpid()) + "-";
  std::string dead = own;
  dead.replace(dead.find(number), number.size(), "-99999999-");  // more than Linux has
  make(folder / own);
  make(folder / dead);
  make(folder / ".x.lock-elsewhere-99999999-00000000");
  place.remove_drafts();
  EXPECT_EQ(names(folder), (std::set<std::string>{own, ".x.lock-elsewhere-99999999-00000000"}));
}

TEST(Place, SaysWhatIsWrong) {
  const test::TemporaryFolder folder;
  test::expect_error(ExitCode::io, "No such file or directory (opening its folder",
                     [&] { const Place place(folder / "no/x"); });
  for (const char* const name : {"", ".", ".."}) {
    test::expect_error(ExitCode::io, "Is a directory", [&] { const Place place(folder / name); });
  }
}

TEST(Place, IsFoundInAFolderThatMayNotBeListed) {
  const test::TemporaryFolder folder;
  fs::create_directory(folder / "closed");
  fs::permissions(folder / "closed", fs::perms::owner_write | fs::perms::owner_exec);
  const Place place(folder / "closed" / "x");
  EXPECT_EQ(sync_folder(place.folder()), 0);
  EXPECT_NO_THROW(place.remove_temporaries());
  fs::permissions(folder / "closed", fs::perms::owner_all);
}

}  // namespace
}  // namespace icl::store
