#include "icl/cli/stored_run.hpp"

#include <fmt/format.h>

#include "icl/config/field_values.hpp"
#include "icl/config/spelling.hpp"
#include "icl/config/toml.hpp"
#include "icl/run/decode.hpp"
#include "icl/run/longer.hpp"
#include "icl/run/replay.hpp"

namespace icl::cli {
namespace {

bool is_same_branch(const std::optional<run::Origin>& a, const std::optional<run::Origin>& b) {
  if (a.has_value() != b.has_value()) return false;
  return !a ||
         (a->parent_hash == b->parent_hash && a->state.progress.step == b->state.progress.step);
}

std::string hash_of(const config::Config& config, const std::optional<run::Origin>& origin) {
  run::RunRecord empty;
  empty.config = config;
  empty.origin = origin;
  return run::run_hash(empty);
}

/// The first key in which the configurations differ, and how.
std::string difference(const config::Config& before, const config::Config& now) {
  for (const config::Field& field : config::fields()) {
    const config::Value there = config::get(field, before);
    const config::Value here = config::get(field, now);
    if (there == here || field.decides == config::Decides::writing) continue;
    return fmt::format("{} is {} there and {} here", field.name, config::to_text(there),
                       config::to_text(here));
  }
  return "it is another branch";
}

Error another_run(const std::string& file, const std::string& difference) {
  return {ExitCode::cannot_create,
          fmt::format("'{}' holds another run: {}; choose another --out, or else --force replaces "
                      "it",
                      file, difference)};
}

}  // namespace

config::Config with_places_of(const config::Config& recorded, config::Config config) {
  const auto take = [](const std::optional<std::string>& from, std::optional<std::string>& to) {
    if (from && to) to = from;
  };
  take(recorded.data.items, config.data.items);
  take(recorded.data.novel_items, config.data.novel_items);
  return config;
}

std::optional<StoredRun> stored_run(const Session& session) {
  std::error_code ignored;
  if (!session.options.resume || !std::filesystem::is_regular_file(session.out, ignored)) {
    return std::nullopt;
  }
  const std::string file = session.out.string();
  StoredRun stored{run::read_run(session.out).record, session.places};
  const config::Config before = config::respelled(stored.record.config);
  const config::Config config = with_places_of(before, config::respelled(session.config));
  const bool same_branch = is_same_branch(stored.record.origin, session.origin);
  if (hash_of(config, session.origin) != hash_of(before, stored.record.origin)) {
    stored.longer = same_branch && run::is_longer(config, before);
    if (same_branch && run::is_longer(before, config)) {
      throw Error(ExitCode::cannot_create,
                  fmt::format("'{}' holds the same run with train.epochs = {}, and is not cut to "
                              "{}: choose another --out",
                              file, before.train.epochs, config.train.epochs));
    }
    if (!stored.longer) throw another_run(file, difference(before, config));
  }
  if (config.data == session.config.data) return stored;
  // The items are said to lie elsewhere: whether they are the same, their hash tells.
  stored.places.items = session.places.items ? session.places.items : session.config.data.items;
  if (session.config.data.novel_items && !stored.places.novel_items) {
    stored.places.novel_items = session.config.data.novel_items;
  }
  const auto items = run::read_items(before, stored.places);
  if (items->hash != stored.record.items_hash) {
    throw another_run(file, difference(before, session.config) + ", and these are other items");
  }
  return stored;
}

void require_reproducible(run::RunRecord& recorded, const std::string& file) {
  if (recorded.mixed_kernel_sets) {
    throw Error(ExitCode::check_failed,
                fmt::format("'{}' was resumed under other BLAS kernels, so no single run gives its "
                            "bits again",
                            file));
  }
  run::require_same_bits(recorded, file, run::KernelChange::refuse_kernels);
}

run::ItemPlaces moved_items(const config::Config& recorded,
                            std::span<const std::string> overrides) {
  run::ItemPlaces places;
  if (overrides.empty()) return places;
  const config::Config config = config::with_overrides(recorded, overrides);
  if (with_places_of(recorded, config) != recorded) {
    throw Error(ExitCode::usage,
                fmt::format("--set: here it only says where data.items and data.novel_items of the "
                            "run lie now; {}",
                            difference(recorded, with_places_of(recorded, config))));
  }
  if (config.data.items != recorded.data.items) places.items = config.data.items;
  if (config.data.novel_items != recorded.data.novel_items) {
    places.novel_items = config.data.novel_items;
  }
  return places;
}

}  // namespace icl::cli
