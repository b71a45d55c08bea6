#include "icl/core/abrupt_end.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace icl {
namespace {

namespace fs = std::filesystem;

class AbruptEnd : public testing::Test {
 protected:
  fs::path write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  AbruptEnd() { fs::create_directories(folder_); }
  ~AbruptEnd() override { fs::remove_all(folder_); }

  fs::path folder_ = fs::path(testing::TempDir()) / ("icl-abrupt-end-" + std::to_string(getpid()));
};

TEST_F(AbruptEnd, TakesWhatIsPerishable) {
  const fs::path file = write("file", "anything");
  const fs::path lock = write("lock", "mine");
  const fs::path kept = write("kept", "ended in time");
  fs::create_directory(folder_ / "folder");
  const fs::path inner = write("folder/inner", "");
  const Perishable a(file.native());
  const Perishable b(lock.native(), "mine");
  const Perishable c(inner.native());
  const Perishable d((folder_ / "folder").native());
  { const Perishable ended(kept.native()); }
  remove_perishables();
  EXPECT_FALSE(fs::exists(file));
  EXPECT_FALSE(fs::exists(lock));
  EXPECT_FALSE(fs::exists(folder_ / "folder"));
  EXPECT_TRUE(fs::exists(kept));
}

TEST_F(AbruptEnd, LeavesWhatSaysSomethingElse) {
  const fs::path shorter = write("shorter", "min");
  const fs::path longer = write("longer", "mine, too");
  const fs::path other = write("other", "your");
  const Perishable a(shorter.native(), "mine");
  const Perishable b(longer.native(), "mine");
  const Perishable c(other.native(), "mine");
  const Perishable none((folder_ / "none").native(), "mine");
  remove_perishables();
  EXPECT_TRUE(fs::exists(shorter));
  EXPECT_TRUE(fs::exists(longer));
  EXPECT_TRUE(fs::exists(other));
}

TEST_F(AbruptEnd, HasRoomForEightAndUsesItAgain) {
  for (int round = 0; round < 3; ++round) {
    std::vector<std::unique_ptr<Perishable>> all;
    for (int i = 0; i < 9; ++i) {
      all.push_back(std::make_unique<Perishable>(write(std::to_string(i), "x").native()));
    }
    remove_perishables();
    EXPECT_FALSE(fs::exists(folder_ / "7"));
    EXPECT_TRUE(fs::exists(folder_ / "8")) << "there is no room for it, and nothing happens";
  }
  const Perishable too_long(std::string(5000, 'x'));
  remove_perishables();
}

TEST(Unbroken, Counts) {
  EXPECT_FALSE(Unbroken::any());
  {
    const Unbroken one;
    { const Unbroken two; }
    EXPECT_TRUE(Unbroken::any());
  }
  EXPECT_FALSE(Unbroken::any());
}

}  // namespace
}  // namespace icl
