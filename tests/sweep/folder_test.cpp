#include "icl/sweep/folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "icl/config/toml.hpp"
#include "icl/run/encode.hpp"
#include "icl/store/envelope.hpp"
#include "icl/store/file.hpp"
#include "icl/store/lock.hpp"
#include "icl/sweep/plan.hpp"
#include "support/runs.hpp"

namespace icl::sweep {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using testing::ElementsAre;
using testing::HasSubstr;

/// The tiny run as the base, but for data.K.
config::Sweep tiny_sweep(const std::string& grid) {
  constexpr std::array<std::string_view, 2> varied{"train.seed", "data.K"};
  return config::parse_sweep(config::to_toml(test::tiny_config(), varied) + grid, "sweep.toml");
}

const std::string two_seeds = "[sweep]\nseeds = 2\n[sweep.axes]\ndata.K = [24]\n";

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  return text;
}

// ---- claiming -----------------------------------------------------------------------------------

TEST(FolderClaim, MakesTheFolderWithTheResolvedSweep) {
  const test::TemporaryFolder temporary;
  const Folder folder(temporary / "new" / "deep");
  const config::Sweep sweep = tiny_sweep(two_seeds);
  folder.claim(Plan(sweep));
  EXPECT_THAT(text_of(folder.path() / "sweep.toml"),
              testing::StartsWith(config::to_toml(sweep) + "\n# xxh128 "));
  EXPECT_EQ(folder.sweep(), sweep);
  EXPECT_NO_THROW(folder.claim(Plan(sweep)));
  EXPECT_EQ(folder.sweep(), sweep);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1) << "nothing else";
}

TEST(FolderClaim, TakesASweepWithOtherValuesSeedsAndAxes) {
  const test::TemporaryFolder temporary;
  const Folder folder(temporary / "sweep");
  folder.claim(Plan(tiny_sweep(two_seeds)));
  config::Sweep later = tiny_sweep("[sweep]\nseeds = [9]\n[sweep.axes]\ndata.K = [24, 48, inf]\n");
  folder.claim(Plan(later));
  EXPECT_EQ(folder.sweep(), later);
  later.base.record.publish_seconds = 3;
  folder.claim(Plan(later));
  EXPECT_EQ(folder.sweep(), later);
  later = tiny_sweep("[sweep.axes]\nseed.items = [1, 2]\ndata.K = [24]\n");
  folder.claim(Plan(later));
  EXPECT_EQ(folder.sweep(), later);
}

/// Expects that a folder of two_seeds refuses the sweep, for this reason, and stays as it was.
void expect_refused(const config::Sweep& sweep, const std::string& reason) {
  const test::TemporaryFolder temporary;
  const Folder folder(temporary / "sweep");
  folder.claim(Plan(tiny_sweep(two_seeds)));
  const std::string before = text_of(folder.manifest());
  expect_error(ExitCode::cannot_create,
               "'" + folder.path().string() + "' holds another sweep: " + reason +
                   "; another --out keeps both",
               [&] { folder.claim(Plan(sweep)); });
  EXPECT_EQ(text_of(folder.manifest()), before);
}

TEST(FolderClaim, RefusesRunsThatDifferInMoreThanTheGrid) {
  config::Sweep other = tiny_sweep(two_seeds);
  other.base.train.learning_rate = 0.2;
  expect_refused(other, "train.learning_rate is 0.1 there and 0.2 here");
  other = tiny_sweep(two_seeds);
  other.base.seed.items = 5;
  expect_refused(other, "seed.items is not set there and 5 here");
  expect_refused(tiny_sweep("[sweep]\nseeds = 2\n"), "data.K is an axis there");
  other = tiny_sweep(two_seeds);
  other.kernels = config::Kernels::avx2;
  expect_refused(other, "sweep.kernels differs");
}

TEST(FolderClaim, MakesALostManifestAnewIfTheRunsAreThisSweeps) {
  const test::TemporaryFolder temporary;
  const Folder folder(temporary.path());
  const Plan plan(tiny_sweep(two_seeds));
  const fs::path run = folder.run_file(plan.hash(1));
  fs::create_directories(run.parent_path());
  std::ofstream(run) << "anything";
  EXPECT_NO_THROW(folder.claim(plan));
  EXPECT_EQ(folder.sweep(), plan.sweep());
  fs::remove(folder.manifest());
  const fs::path foreign = folder.run_file(std::string(32, 'a'));
  fs::create_directories(foreign.parent_path());
  std::ofstream(foreign) << "anything";
  expect_error(ExitCode::cannot_create, "holds a run that is none of this sweep's: aaaa",
               [&] { folder.claim(plan); });
}

TEST(FolderClaim, RefusesFiles) {
  const test::TemporaryFolder temporary;
  std::ofstream(temporary / "file") << "text";
  for (const fs::path& path : {temporary / "file", temporary / "file" / "below"}) {
    expect_error(ExitCode::cannot_create, "cannot make the folder '" + path.string() + "'",
                 [&] { Folder(path).claim(Plan(tiny_sweep(two_seeds))); });
  }
  EXPECT_EQ(text_of(temporary / "file"), "text");
}

TEST(FolderSweep, OfAFolderWithoutOneIsBadInput) {
  const test::TemporaryFolder temporary;
  const Folder folder(temporary.path());
  expect_error(ExitCode::bad_input, "holds no sweep: it has no sweep.toml",
               [&] { (void)folder.sweep(); });
  std::ofstream(folder.manifest()) << "[sweep]\nseeds = 0\n";
  expect_error(ExitCode::bad_input, "was not written by icl sweep", [&] { (void)folder.sweep(); });
  expect_error(ExitCode::bad_input, "was not written by icl sweep",
               [&] { folder.claim(Plan(tiny_sweep(two_seeds))); });
  // Only where there are runs may it be that of a sweep, which was changed.
  fs::create_directory(temporary / "runs");
  expect_error(ExitCode::bad_input, "makes it anew", [&] { (void)folder.sweep(); });
}

/// The text of a sweep.toml with another last line.
std::string sealed(const std::string& manifest, const std::string& from, const std::string& to) {
  std::string text = manifest.substr(0, manifest.rfind("\n# xxh128 "));
  text.replace(text.find(from), from.size(), to);
  return text + "\n# xxh128 " + store::hash_hex(std::as_bytes(std::span(text))) + "\n";
}

// A new key, with its default, must not orphan the sweeps that were begun before it.
TEST(FolderSweep, OfAProgramThatKnewFewerKeysIsTheSame) {
  const test::TemporaryFolder temporary;
  const Folder folder(temporary.path());
  const Plan plan(tiny_sweep(two_seeds));
  folder.claim(plan);
  const std::string before = text_of(folder.manifest());
  std::ofstream(folder.manifest()) << sealed(before, "zipf = 0.0\n", "");
  EXPECT_EQ(folder.sweep(), plan.sweep());
  folder.claim(plan);
  std::ofstream(folder.manifest()) << sealed(before, "zipf = 0.0\n", "zopf = 0.0\n");
  expect_error(ExitCode::bad_input, "was written by another version of icl",
               [&] { (void)folder.sweep(); });
}

// ---- runs ---------------------------------------------------------------------------------------

TEST(FolderRuns, LieInFoldersOfTheirFirstTwoDigits) {
  const std::string hash = "0123456789abcdef0123456789abcdef";
  EXPECT_EQ(Folder("/data/sweep").run_file(hash).string(), "/data/sweep/runs/01/" + hash + ".h5");
}

/// A folder whose runs are the two of `plan`.
class FolderStatus : public testing::Test {
 protected:
  FolderStatus() {
    for (std::size_t run = 0; run < plan.size(); ++run) {
      fs::create_directories(folder.run_file(plan.hash(run)).parent_path());
    }
  }
  void publish(const run::RunRecord& record, std::size_t run = 0) const {
    store::publish_file(folder.run_file(plan.hash(run)), run::encode(record));
  }
  [[nodiscard]] run::RunRecord train(std::optional<std::int64_t> stop_after = {}) const {
    return test::train_record(plan.config(0), stop_after);
  }
  [[nodiscard]] RunStatus status() const { return folder.status(plan.hash(0)); }
  [[nodiscard]] fs::path file() const { return folder.run_file(plan.hash(0)); }

  test::TemporaryFolder temporary;
  Plan plan{tiny_sweep(two_seeds)};
  Folder folder{temporary.path()};
};

TEST_F(FolderStatus, IsWaitingWithoutAFile) {
  EXPECT_EQ(status().state, RunState::waiting);
  EXPECT_EQ(status().step, 0);
  EXPECT_EQ(Folder("/nonexistent").status(plan.hash(0)).state, RunState::waiting);
}

TEST_F(FolderStatus, OfARunThatHasEnded) {
  run::RunRecord record = train();
  publish(record);
  EXPECT_EQ(status().state, RunState::done);
  EXPECT_EQ(status().step, 60);
  EXPECT_EQ(status().t_icl_step, record.t_icl_step);
  record.t_icl_step = 20;
  publish(record);
  EXPECT_EQ(status().t_icl_step, 20);
  record.status = run::RunStatus::diverged;
  record.stop_reason.clear();
  publish(record);
  EXPECT_EQ(status().state, RunState::diverged);
  // Also in the moment between the last publication and the release of the lock.
  const store::OutputLock lock(file());
  EXPECT_EQ(status().state, RunState::diverged);
}

TEST_F(FolderStatus, OfARunThatHasBegunDependsOnItsLock) {
  run::RunRecord record = train(33);
  for (const run::RunStatus written : {run::RunStatus::interrupted, run::RunStatus::running}) {
    record.status = written;
    publish(record);
    EXPECT_EQ(status().state, RunState::interrupted);
    EXPECT_EQ(status().step, 33);
    const store::OutputLock lock(file());
    EXPECT_EQ(status().state, RunState::running);
    EXPECT_EQ(status().step, 33);
  }
}

TEST_F(FolderStatus, IsRunningOnceTheLockIsTaken) {
  const store::OutputLock lock(file());
  EXPECT_EQ(status().state, RunState::running);
  EXPECT_EQ(folder.status(plan.hash(1)).state, RunState::waiting);
}

TEST_F(FolderStatus, OfAFileThatCannotBeReadIsDamaged) {
  publish(train());
  fs::resize_file(file(), fs::file_size(file()) - 1);
  EXPECT_EQ(status().state, RunState::damaged);
  EXPECT_THAT(status().problem, HasSubstr("'" + file().string() + "': cut short"));
  fs::resize_file(file(), 0);
  EXPECT_EQ(status().state, RunState::damaged);
  std::ofstream(file()) << "something else";
  EXPECT_EQ(status().state, RunState::damaged);
  EXPECT_THAT(status().problem, HasSubstr("not an icl run file"));
}

TEST_F(FolderStatus, OfAnotherRunsFileIsDamaged) {
  publish(train(), 1);
  const RunStatus other = folder.status(plan.hash(1));
  EXPECT_EQ(other.state, RunState::damaged);
  EXPECT_THAT(other.problem, HasSubstr("holds another run"));
}

TEST(RunState, HasANameAndMayBeFinal) {
  EXPECT_EQ(to_string(RunState::waiting), "waiting");
  EXPECT_EQ(to_string(RunState::damaged), "damaged");
  EXPECT_TRUE(has_ended(RunState::done));
  EXPECT_TRUE(has_ended(RunState::diverged));
  for (const RunState state :
       {RunState::waiting, RunState::running, RunState::interrupted, RunState::damaged}) {
    EXPECT_FALSE(has_ended(state)) << to_string(state);
  }
}

TEST(FolderStored, ListsRunFilesAloneSorted) {
  const test::TemporaryFolder temporary;
  const Folder folder(temporary.path());
  EXPECT_TRUE(folder.stored().empty());
  const auto hash = [](const std::string& digits) {
    return digits + std::string(32 - digits.size(), '0');
  };
  for (const std::string& name : {hash("ab"), hash("0f"), hash("ab7"), hash("c")}) {
    const fs::path file = folder.run_file(name);
    fs::create_directories(file.parent_path());
    std::ofstream(file) << "content";
    std::ofstream(file.string() + ".lock") << "host a\npid 1\nstarted 1\n";
    std::ofstream(file.parent_path() / store::Place(file).temporary_name()) << "half";
  }
  std::ofstream(temporary / "runs" / "notes.txt") << "text";
  std::ofstream(temporary / "runs" / (hash("dd") + ".h5")) << "not in a folder";
  std::ofstream(temporary / "runs" / "ab" / "short.h5") << "text";
  fs::create_directories(temporary / "runs" / "ee");
  const store::OutputLock held(folder.run_file(hash("ee")));
  EXPECT_THAT(folder.stored(), ElementsAre(hash("0f"), hash("ab"), hash("ab7"), hash("c")));
}

}  // namespace
}  // namespace icl::sweep
