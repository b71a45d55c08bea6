#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/store/group_writer.hpp"

/// What every file says of the configuration behind it.
namespace icl::run {

/// Writes /config: the text of a TOML file as dataset `toml`, and each key that is set as an
/// attribute (data.K, which may be infinite, as a float64; seeds that follow train.seed with the
/// value in force). Text of more than 32 KiB is cut there, and whole in `toml`. Of several runs:
/// `config` is what they share, and the keys that are `varied` are no attributes.
void write_config(store::Hdf5Writer& file, const std::string& toml, const config::Config& config,
                  std::span<const std::string_view> varied = {});

/// "S1, K = 512, N = 16, seed 0".
[[nodiscard]] std::string title_of(const config::Config& config);

/// The metrics that a reader draws of such a run when it is not told which, the first one before
/// the others: those of ICL, or of IWL in a system without context.
[[nodiscard]] std::vector<std::string> chief_metrics(const config::Config& config);

/// Adds attributes that say which run a group is of: K (float64), N, seed, system.
void say_which_run(store::GroupWriter& group, const config::Config& config);

}  // namespace icl::run
