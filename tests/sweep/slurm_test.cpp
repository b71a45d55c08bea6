#include "icl/sweep/slurm.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/runs.hpp"

namespace icl::sweep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

SlurmOptions sample() {
  SlurmOptions options;
  options.program = "/opt/icl/bin/icl";
  options.folder = "/data/sweep";
  options.sweep = "/data/sweep/slurm/0123.toml";
  options.tasks = 7;
  options.cpus = 16;
  options.threads = 3;
  return options;
}

TEST(BatchScript, AsksForAnArrayThatIsToldOfItsEndAndQueuedAgain) {
  const std::string script = batch_script(sample());
  EXPECT_THAT(script, testing::StartsWith("#!/bin/bash\n"));
  for (const char* option :
       {"--array=0-6", "--ntasks=1", "--cpus-per-task=16", "--signal=TERM@120", "--requeue",
        "--open-mode=append", "--output='/data/sweep/slurm/%A_%a.out'"}) {
    EXPECT_THAT(script, HasSubstr("\n#SBATCH " + std::string(option) + "\n"));
  }
}

TEST(BatchScript, RunsAsManyAtOnceAsHaveTheirThreads) {
  const auto script_for = [](int cpus, int threads) {
    SlurmOptions options = sample();
    options.cpus = cpus;
    options.threads = threads;
    return batch_script(options);
  };
  EXPECT_THAT(script_for(16, 3), HasSubstr(" --jobs 5 --threads 3\n"));
  EXPECT_THAT(script_for(16, 1), HasSubstr(" --jobs 16 --threads 1\n"));
  EXPECT_THAT(script_for(2, 4), HasSubstr(" --jobs 1 --threads 4\n"));
}

TEST(BatchScript, HandsOnOptionsOfSbatchBeforeTheFirstCommand) {
  const std::vector<std::string> extra = {"--time=02:00:00", "-p short"};
  SlurmOptions options = sample();
  options.sbatch_options = extra;
  const std::string script = batch_script(options);
  EXPECT_THAT(script, HasSubstr("\n#SBATCH --time=02:00:00\n#SBATCH -p short\n"));
  // sbatch reads no option after the first command.
  EXPECT_LT(script.find("#SBATCH -p short"), script.find("\nsrun "));
  EXPECT_THAT(batch_script(sample()), Not(HasSubstr("--time")));
}

TEST(BatchScript, RefusesWhatWouldBecomeALineOfItsOwn) {
  SlurmOptions options = sample();
  options.folder = "/data/a\nb";
  test::expect_error(ExitCode::usage, "holds a line break", [&] { (void)batch_script(options); });
  options.folder = "/data/a\\b";
  test::expect_error(ExitCode::usage, "holds a backslash", [&] { (void)batch_script(options); });
  options = sample();
  options.program = "/opt/a\rb";
  test::expect_error(ExitCode::usage, "holds a line break", [&] { (void)batch_script(options); });
  for (const std::string option : {"time=02:00:00", "", " --time=1", "--time=1\nrm -r /"}) {
    const std::vector<std::string> extra = {"--ok", option};
    options = sample();
    options.sbatch_options = extra;
    test::expect_error(ExitCode::usage, "--sbatch '" + option + "': expected an option of sbatch",
                       [&] { (void)batch_script(options); });
  }
}

// sbatch takes any beginning of an option that is no other's too, and letters behind letters.
TEST(BatchScript, RefusesWhatItSetsItselfHoweverItIsWritten) {
  const auto script_with = [](const std::string& option) {
    const std::vector<std::string> extra = {"--ok", option};
    SlurmOptions options = sample();
    options.sbatch_options = extra;
    return batch_script(options);
  };
  for (const std::string option :
       {"--array=0-9", "--array 0-9", "--arr=0-9", "--ar=1", "--a=1", "-a0-9", "-a 0-9", "-Ha0-9",
        "-vQa 1", "--time=1 --array=0-9", "--comment='x y' -a1", "--arra\\y=1"}) {
    test::expect_error(ExitCode::usage, "--sbatch '" + option + "': --tasks sets the array",
                       [&] { (void)script_with(option); });
  }
  test::expect_error(ExitCode::usage, "one process", [&] { (void)script_with("-n 4"); });
  test::expect_error(ExitCode::usage, "one process", [&] { (void)script_with("--ntasks=4"); });
  test::expect_error(ExitCode::usage, "set the CPUs", [&] { (void)script_with("-c4"); });
  test::expect_error(ExitCode::usage, "set the CPUs", [&] { (void)script_with("--cpus-per-t=4"); });
  for (const std::string option : {"--account=a", "-A array", "--acctg-freq=1", "-p array", "-t 10",
                                   "--comment='-a 0-9'", "--ntasks-per-node=1", "-N 1", "-D /a"}) {
    EXPECT_THAT(script_with(option), HasSubstr("\n#SBATCH " + option + "\n"));
  }
}

TEST(BatchScript, AsksForTimeAndMemoryUnlessTheUserDoes) {
  const auto script_with = [](const std::vector<std::string>& extra) {
    SlurmOptions options = sample();
    options.sbatch_options = extra;
    options.task_seconds = 3600;
    options.task_bytes = 1.5e9;
    return batch_script(options);
  };
  EXPECT_THAT(script_with({}), HasSubstr("\n#SBATCH --time=02:10:00\n#SBATCH --mem=1431M\n"));
  SlurmOptions longer = sample();
  longer.task_seconds = 42901;
  EXPECT_THAT(batch_script(longer), HasSubstr("\n# A day at most; then the task publishes what it "
                                              "has and is queued again.\n#SBATCH --time=24:00:00"));
  longer.task_seconds = 42900;
  EXPECT_THAT(batch_script(longer), Not(HasSubstr("# A day at most")));
  for (const std::string option : {"--time=1", "--tim=1", "-t1", "-vt 1"}) {
    EXPECT_THAT(script_with({option}), Not(HasSubstr("--time=02"))) << option;
  }
  for (const std::string option : {"--mem=1G", "--mem-per-cpu=1G", "--mem-per-g=1G"}) {
    EXPECT_THAT(script_with({option}), Not(HasSubstr("1431M"))) << option;
  }
  EXPECT_THAT(script_with({"--mem-bind=local", "--time-min=5"}),
              testing::AllOf(HasSubstr("1431M"), HasSubstr("--time=02")));
}

TEST(TimeLimit, IsTwiceTheWorkAndTenMinutesButAtMostADay) {
  EXPECT_EQ(time_limit(1), "00:11:00");
  EXPECT_EQ(time_limit(5 * 3600), "10:10:00");
  EXPECT_EQ(time_limit(1e9), "24:00:00");
  EXPECT_FALSE(is_cut_to_a_day(42900));
  EXPECT_TRUE(is_cut_to_a_day(42901));
}

TEST(BatchScript, RunsInTheFolderItWasWrittenFrom) {
  SlurmOptions options = sample();
  options.working_folder = "/data/my project";
  options.items_folder = "/data/it's";
  const std::string script = batch_script(options);
  EXPECT_THAT(script, HasSubstr("\n#SBATCH --chdir='/data/my project'\n"));
  EXPECT_THAT(script, HasSubstr(" --items-folder '/data/it'\\''s' \\\n"));
}

// Before the first command, #SBATCH lines of a prologue would be options.
TEST(BatchScript, RunsThePrologueBehindACommand) {
  SlurmOptions options = sample();
  options.prologue = "#SBATCH --array=0-99\nmodule load gcc";
  const std::string script = batch_script(options);
  EXPECT_THAT(script, HasSubstr("\n#SBATCH --array=0-99\nmodule load gcc\nsrun "));
  EXPECT_LT(script.find("\ntask="), script.find("#SBATCH --array=0-99"));
}

/// Runs the script with functions in place of Slurm's programs.
class BatchScriptRun : public testing::Test {
 protected:
  /// The exit status of the script when that of srun is `status` and squeue shows these states of
  /// the job, one a call, the last one from then on ("" if it gets no answer). The first
  /// `deaf_calls` of scontrol fail.
  [[nodiscard]] int run(const std::string& script, int status,
                        const std::vector<std::string>& states, int deaf_calls = 0) const {
    std::ofstream(folder_ / "script") << script;
    std::ofstream left(folder_ / "states");
    for (const std::string& state : states) left << state << "\n";
    left.close();
    std::ofstream(folder_ / "deaf") << deaf_calls << "\n";
    std::ofstream(folder_ / "slurm.sh")
        << "srun() { printf '%s\\n' \"$@\" > " << arguments().string() << "; return " << status
        << "; }\ncd '" << folder_.path().string() << "'\n"
        << R"(
sleep() { :; }
squeue() {
  [[ $2 == --jobs=15_2 ]] || return
  head -n 1 states
  if (($(wc -l < states) > 1)); then sed -i 1d states; fi
}
scontrol() {
  deaf=$(< deaf)
  echo $((deaf - 1)) > deaf
  ((deaf <= 0)) && echo "$@" >> requeued
}
)";
    const std::string command =
        "BASH_ENV='" + (folder_ / "slurm.sh").string() +
        "' SLURM_JOB_ID=15 SLURM_ARRAY_JOB_ID=15 SLURM_ARRAY_TASK_ID=2 bash '" +
        (folder_ / "script").string() + "'";
    const int result = std::system(command.c_str());
    EXPECT_TRUE(WIFEXITED(result));
    return WEXITSTATUS(result);
  }
  [[nodiscard]] std::filesystem::path arguments() const { return folder_ / "arguments"; }
  [[nodiscard]] std::filesystem::path requeued() const { return folder_ / "requeued"; }

  [[nodiscard]] static std::vector<std::string> lines_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

 private:
  test::TemporaryFolder folder_;
};

TEST_F(BatchScriptRun, TrainsOneShardWhateverThePathsHold) {
  SlurmOptions options = sample();
  options.program = "/opt/my tools/$HOME\\/icl";
  options.sweep = "/data/a 'copy'.toml";
  options.folder = "/data/it's \"mine\"; `now`";
  EXPECT_EQ(run(batch_script(options), 0, {"RUNNING"}), 0);
  EXPECT_THAT(lines_of(arguments()),
              ElementsAre("--ntasks=1", "--cpus-per-task=16", options.program.string(), "sweep",
                          options.sweep.string(), "--out", options.folder.string(), "--shard",
                          "2/7", "--jobs", "5", "--threads", "3"));
  EXPECT_FALSE(std::filesystem::exists(requeued()));
}

TEST_F(BatchScriptRun, IsQueuedAgainIfStoppedButNotIfCancelledOrFailed) {
  const std::string script = batch_script(sample());
  for (const std::string state : {"COMPLETING", "CANCELLED", "PENDING", "REQUEUED"}) {
    EXPECT_EQ(run(script, 75, {state}), 75);
  }
  for (const int status : {0, 1, 64, 65, 71, 74, 137}) {
    EXPECT_EQ(run(script, status, {"RUNNING"}), status);
  }
  EXPECT_FALSE(std::filesystem::exists(requeued()));
  EXPECT_EQ(run(script, 75, {"RUNNING"}), 75);
  EXPECT_THAT(lines_of(requeued()), ElementsAre("requeue 15_2"));
}

// SIGTERM in the few milliseconds before icl can catch it ends it: 128 + 15.
TEST_F(BatchScriptRun, IsQueuedAgainIfStoppedBeforeItCouldCatchTheSignal) {
  EXPECT_EQ(run(batch_script(sample()), 143, {"RUNNING"}), 143);
  EXPECT_THAT(lines_of(requeued()), ElementsAre("requeue 15_2"));
}

// icl ends within milliseconds of a preemption's SIGTERM, when Slurm may not know yet that its
// SIGCONT has arrived.
TEST_F(BatchScriptRun, AsksUntilItKnowsWhetherItWasCancelled) {
  const std::string script = batch_script(sample());
  EXPECT_EQ(run(script, 75, {"SIGNALING", "", "STOPPED", "COMPLETING"}), 75);
  EXPECT_FALSE(std::filesystem::exists(requeued()));
  EXPECT_EQ(run(script, 75, {"SIGNALING", "", "RUNNING"}), 75);
  EXPECT_THAT(lines_of(requeued()), ElementsAre("requeue 15_2"));
}

TEST_F(BatchScriptRun, TriesAgainIfItCouldNotBeQueued) {
  const std::string script = batch_script(sample());
  EXPECT_EQ(run(script, 75, {"RUNNING", "RUNNING", "COMPLETING"}, 2), 75);  // Slurm came first
  EXPECT_FALSE(std::filesystem::exists(requeued()));
  EXPECT_EQ(run(script, 75, {"RUNNING"}, 2), 75);
  EXPECT_THAT(lines_of(requeued()), ElementsAre("requeue 15_2"));
}

// A controller that never answers holds the allocation for a minute, not for ever.
TEST_F(BatchScriptRun, GivesUpAfterAMinute) {
  EXPECT_EQ(run(batch_script(sample()), 75, {""}), 75);
  EXPECT_FALSE(std::filesystem::exists(requeued()));
}

}  // namespace
}  // namespace icl::sweep
