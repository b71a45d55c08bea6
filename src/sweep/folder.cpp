#include "icl/sweep/folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "icl/config/field_values.hpp"
#include "icl/core/error.hpp"
#include "icl/run/run_record.hpp"
#include "icl/store/envelope.hpp"
#include "icl/store/file.hpp"
#include "icl/store/lock.hpp"

namespace icl::sweep {
namespace {

namespace fs = std::filesystem;

bool is_varied(const config::Sweep& sweep, const config::Field& field) {
  const auto varied = sweep.varied();
  return std::ranges::find(varied, &field) != varied.end();
}

/// Why runs of both cannot be of one sweep; nothing if they can.
std::optional<std::string> difference(const config::Sweep& before, const config::Sweep& now) {
  if (before.kernels != now.kernels) return "sweep.kernels differs";
  for (const config::Field& field : config::fields()) {
    if (field.name == "train.seed" || field.decides == config::Decides::writing) continue;
    if (is_varied(now, field)) continue;
    if (is_varied(before, field)) return fmt::format("{} is an axis there", field.name);
    const auto then = config::to_text(config::get(field, before.base));
    const auto here = config::to_text(config::get(field, now.base));
    if (then != here) return fmt::format("{} is {} there and {} here", field.name, then, here);
  }
  return std::nullopt;
}

constexpr std::string_view hash_line = "\n# xxh128 ";

std::string with_hash(std::string_view text) {
  return fmt::format("{}{}{}\n", text, hash_line, store::hash_hex(std::as_bytes(std::span(text))));
}

/// The text of sweep.toml, whose last line tells whether it is whole.
std::string manifest_of(const config::Sweep& sweep) { return with_hash(config::to_toml(sweep)); }

/// Whether it is as it was written, by this program or by one that knew fewer keys.
bool is_whole_manifest(std::string_view text) {
  const std::size_t end = text.rfind(hash_line);
  return end != std::string_view::npos && with_hash(text.substr(0, end)) == text;
}

/// Only what is certain not to be there is absent.
bool is_there(const fs::path& path) {
  std::error_code error;
  const bool found = fs::exists(path, error);
  if (error) {
    throw Error(ExitCode::io,
                fmt::format("cannot look for '{}': {}", path.string(), error.message()));
  }
  return found;
}

}  // namespace

void Folder::claim(const Plan& plan) const {
  const config::Sweep& sweep = plan.sweep();
  const std::string text = manifest_of(sweep);
  // What is written must be read again: a sweep of thousands of fractions may be too long.
  try {
    if (config::parse_sweep(text, "") != sweep) {
      throw Error(ExitCode::internal, "the sweep does not survive being written as TOML");
    }
  } catch (const Error& error) {
    throw Error(error.code() == ExitCode::internal ? ExitCode::internal : ExitCode::usage,
                fmt::format("the sweep is too long to be kept{}", error.what()));
  }
  if (is_there(manifest()) && this->sweep() == sweep) return;
  store::make_folders(path_);
  // Others may claim it at the same moment, for this sweep or a longer one.
  store::OutputLock output(manifest(),
                           {.wait = store::OutputLock::patience * 3 / 2, .stop = nullptr});
  if (!is_claimed_for(plan)) output.publish(std::as_bytes(std::span(text)));
}

void Folder::check_claimable(const Plan& plan) const {
  // What publishing would need: of the folder, or of the first one that is missing.
  fs::path first = manifest();
  while (!first.parent_path().empty() && !is_there(first.parent_path())) {
    first = first.parent_path();
  }
  store::check_creatable(first);
  (void)is_claimed_for(plan);
}

bool Folder::is_claimed_for(const Plan& plan) const {
  const config::Sweep& sweep = plan.sweep();
  if (is_there(manifest())) {
    const config::Sweep before = this->sweep();
    if (before == sweep) return true;
    if (const auto reason = difference(before, sweep)) {
      throw Error(ExitCode::cannot_create,
                  fmt::format("'{}' holds another sweep: {}; another --out keeps both",
                              path_.string(), *reason));
    }
  } else {
    // A lost sweep.toml is made anew if it was this one.
    for (const std::string& hash : stored()) {
      if (plan.find(hash) == plan.size()) {
        throw Error(ExitCode::cannot_create,
                    fmt::format("'{}' has no sweep.toml, and holds a run that is none of this "
                                "sweep's: {}",
                                path_.string(), hash));
      }
    }
  }
  return false;
}

config::Sweep Folder::sweep() const {
  if (!is_there(manifest())) {
    std::error_code ignored;
    throw Error(ExitCode::bad_input,
                !is_there(path_) ? fmt::format("there is no folder '{}'", path_.string())
                : fs::is_directory(path_, ignored)
                    ? fmt::format("'{}' holds no sweep: it has no sweep.toml", path_.string())
                    : fmt::format("'{}' is a file, not the folder of a sweep", path_.string()));
  }
  const std::vector<std::byte> bytes = store::read_file(manifest());
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (is_whole_manifest(text)) {
    try {
      return config::parse_sweep(text, manifest().string());
    } catch (const Error& error) {
      throw Error(ExitCode::bad_input,
                  fmt::format("'{}' was written by another version of icl, whose sweep this one "
                              "cannot make: {}",
                              manifest().string(), error.what()));
    }
  }
  throw Error(ExitCode::bad_input,
              fmt::format("'{}' holds no sweep: '{}' was not written by icl sweep, or was changed "
                          "since{}",
                          path_.string(), manifest().string(),
                          is_there(path_ / "runs")
                              ? "; once it is moved away, icl sweep with the sweep's own file "
                                "makes it anew"
                              : ""));
}

fs::path Folder::run_file(const std::string& hash) const {
  return path_ / "runs" / hash.substr(0, 2) / (hash + ".h5");
}

RunStatus Folder::status(const std::string& hash) const {
  const fs::path file = run_file(hash);
  RunStatus status;
  // In this order: a run that ends in between is then seen as ended.
  bool written = false;
  try {
    written = store::is_being_written(file);
  } catch (const Error& error) {  // what lies there is no lock
    if (error.code() != ExitCode::cannot_create) throw;
    status.problem = error.what();
  }
  const auto begun = [&](RunState free) {
    if (!status.problem.empty()) return RunState::damaged;
    return written ? RunState::running : free;
  };
  if (!is_there(file)) {
    status.state = begun(RunState::waiting);
    return status;
  }
  try {
    const store::Envelope block = store::read_block(file, store::FileKind::run);
    if (block.config_xxh128 != hash) {
      throw Error(ExitCode::bad_input, fmt::format("'{}' holds another run", file.string()));
    }
    status.step = block.step;
    status.t_icl_step = block.t_icl_step;
    if (block.status == run::to_string(run::RunStatus::done)) {
      status.state = RunState::done;
    } else if (block.status == run::to_string(run::RunStatus::diverged)) {
      status.state = RunState::diverged;
    } else {
      status.state = begun(RunState::interrupted);
    }
    if (has_ended(status.state)) status.problem.clear();
  } catch (const Error& error) {
    status.state = RunState::damaged;
    status.problem = error.what();
  }
  return status;
}

std::vector<std::string> Folder::stored() const {
  constexpr std::size_t hash_digits = 32;
  constexpr std::string_view digits = "0123456789abcdef";
  std::vector<std::string> hashes;
  if (!is_there(path_ / "runs")) return hashes;
  const auto list = [](const fs::path& folder) {
    std::error_code error;
    fs::directory_iterator entries(folder, error);
    if (error) {
      throw Error(ExitCode::io,
                  fmt::format("cannot list '{}': {}", folder.string(), error.message()));
    }
    return entries;
  };
  for (const auto& group : list(path_ / "runs")) {
    if (!group.is_directory()) continue;
    for (const auto& file : list(group.path())) {
      const std::string stem = file.path().stem().string();
      const bool hash =
          stem.size() == hash_digits && stem.find_first_not_of(digits) == std::string::npos;
      if (hash && file.path() == run_file(stem)) hashes.push_back(stem);
    }
  }
  std::ranges::sort(hashes);
  return hashes;
}

std::vector<fs::path> Folder::strays() const {
  std::vector<fs::path> found;
  if (!is_there(path_ / "runs")) return found;
  std::error_code error;
  fs::recursive_directory_iterator entry(path_ / "runs", error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const fs::path& file = entry->path();
    std::error_code ignored;
    const bool is_run_file = file.extension() == ".h5" && entry->is_regular_file(ignored);
    if (is_run_file && file != run_file(file.stem().string())) found.push_back(file);
  }
  if (error) {
    throw Error(ExitCode::io,
                fmt::format("cannot list '{}': {}", (path_ / "runs").string(), error.message()));
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace icl::sweep
