#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "icl/analysis/landscape_file.hpp"
#include "icl/core/error.hpp"
#include "icl/io/export.hpp"
#include "icl/io/footprint.hpp"
#include "icl/io/replay.hpp"
#include "icl/theory/flow.hpp"

/// The commands of the program, as the command line gives them. Each returns the exit status, or
/// throws Error.
namespace icl::cli {

/// What every command that trains into a file understands.
struct OutputOptions {
  int threads = 0;      ///< 0: see choose_threads()
  bool force = false;   ///< replace an existing file
  bool resume = false;  ///< go on with an existing file, or start
  bool quiet = false;
  std::optional<int> parent;  ///< stop when this process ends, which started us
  io::KernelChange kernel_change = io::KernelChange::refuse;
  bool ignore_memory_limit = false;
  std::string command_line;  ///< for the record
};

struct TrainCommand {
  std::filesystem::path config;
  std::vector<std::string> overrides;        ///< --set key=value
  std::optional<std::filesystem::path> out;  ///< default: CONFIG's name with .h5, in this folder
  std::optional<std::filesystem::path> items_folder;  ///< default: that of `config`
  bool dry_run = false;
  OutputOptions output;
};
ExitCode run(const TrainCommand&);

struct BranchCommand {
  std::filesystem::path run;
  std::int64_t at = 0;
  std::vector<std::string> overrides;
  std::filesystem::path out;
  OutputOptions output;
};
ExitCode run(const BranchCommand&);

struct VerifyCommand {
  std::filesystem::path run;
  std::vector<std::string> overrides;  ///< where the items lie now
  int threads = 0;
  bool quiet = false;
  bool ignore_memory_limit = false;
};
ExitCode run(const VerifyCommand&);

/// The settings of a run, or those that hold a word.
struct KeysCommand {
  std::string word;
};
ExitCode run(const KeysCommand&);

struct InfoCommand {
  std::filesystem::path run;
  bool json = false;
};
ExitCode run(const InfoCommand&);

struct ExportCommand {
  std::filesystem::path run;
  std::filesystem::path out;
  bool force = false;
  bool ignore_memory_limit = false;
  io::ExportRequest request;
  std::vector<std::string> overrides;  ///< where the items lie now
};
ExitCode run(const ExportCommand&);

struct BenchCommand {
  std::optional<std::filesystem::path> config;  ///< default: the paper's run
  std::vector<std::string> overrides;
  int threads = 1;
  double seconds = 5;
  bool json = false;
  bool ignore_memory_limit = false;
};
ExitCode run(const BenchCommand&);

struct SweepCommand {
  std::filesystem::path config;
  std::filesystem::path out;
  std::optional<std::string> scale;  ///< its name; none: the file's base settings
  std::vector<std::string> axes;     ///< --axis KEY=VALUES
  std::optional<std::string> seeds;  ///< in place of the file's
  std::vector<std::string> overrides;
  std::optional<std::filesystem::path> items_folder;  ///< default: that of `config`
  std::string shard = "0/1";
  std::optional<std::string> kernels;  ///< own or avx2, in place of the file's
  io::KernelChange kernel_change = io::KernelChange::refuse;
  int jobs = 0;     ///< 0: see choose_threads(), by threads
  int threads = 1;  ///< of each run
  bool dry_run = false;
  bool json = false;
  bool yes = false;  ///< even if the grid is huge
  bool quiet = false;
  bool ignore_memory_limit = false;
  bool slurm = false;   ///< write a batch script in place of training
  bool submit = false;  ///< and hand it to sbatch
  int tasks = 0;        ///< of the job array; 0: as many as are needed
  std::vector<std::string> sbatch_options;
  std::optional<std::filesystem::path> prologue;  ///< lines for the batch script
};
ExitCode run(const SweepCommand&);

/// An item of experiments/, or all of them: sweep, merge, picture, verdict.
struct ReproduceCommand {
  std::string name;
  std::string scale = "desk";
  std::filesystem::path out = "results";
  std::optional<std::filesystem::path> experiments;  ///< default: those of this program
  bool list = false;
  bool dry_run = false;
  SweepCommand sweep;  ///< what is asked for beside: jobs, threads, axes, seeds, slurm ...
};
ExitCode run(const ReproduceCommand&);

/// `icl plot` of a file, `icl report` of a folder of results.
struct DrawCommand {
  std::string what;  ///< "plot" or "report"
  std::filesystem::path in;
  std::optional<std::filesystem::path> out;
};
ExitCode run(const DrawCommand&);

struct StatusCommand {
  std::filesystem::path folder;
  bool json = false;
};
ExitCode run(const StatusCommand&);

struct MergeCommand {
  std::filesystem::path folder;
  std::filesystem::path out;
  bool force = false;
  std::vector<std::string> series = {};  ///< of /metrics; empty: all
};
ExitCode run(const MergeCommand&);

struct TauStarCommand {
  double beta0 = 0;
  double w0 = 0;
  double c2 = 0.5;  ///< of a memoriser that knows nothing
  double beta_end = theory::no_cut;
  std::optional<std::int64_t> N;  ///< to say the step of acquisition too
  double learning_rate = 0.01;
  bool landscape = false;  ///< the same by descent on the un-expanded landscape, to 95 % accuracy
  bool attend_self = false;
  std::optional<double> A;  ///< with nu: I_K(infinity) = A K^nu, to say the threshold K* too
  std::optional<double> nu;
  bool json = false;
};
ExitCode run(const TauStarCommand&);

struct PredictCommand {
  std::filesystem::path run;
  bool json = false;
  bool write = false;  ///< publish the file again, with /theory as this program computes it
};
ExitCode run(const PredictCommand&);

struct LandscapeCommand {
  analysis::LandscapeRequest request;
  /// Whose N, self-attention and margins to take, in place of those of the request.
  std::optional<std::filesystem::path> run;
  std::optional<std::int64_t> step;  ///< default: the run's last
  std::int64_t samples = 256;        ///< of its margins
  int threads = 0;
  std::filesystem::path out;
  bool force = false;
  bool ignore_memory_limit = false;
};
ExitCode run(const LandscapeCommand&);

/// The number of threads to use: `requested`, or for 0 that of choose_threads(). Throws
/// Error(ExitCode::usage) outside 1 to Workers::max_threads.
[[nodiscard]] int resolve_threads(int requested);

/// The same, with the threads started: where the machine gives none, Error(ExitCode::resources) if
/// they were asked for, else 1.
[[nodiscard]] int start_threads_for(int requested);

/// Throws Error(ExitCode::resources) if the memory does not fit in what there is, unless that is to
/// be ignored. `who` is the subject of the sentence: "this run".
void check_memory(const io::Footprint&, const std::string& who, bool ignore);

}  // namespace icl::cli
