#pragma once

#include <string>
#include <string_view>

#include "icl/config/config.hpp"

/// Keys that hold a list of words keep one spelling of all texts that mean the same, so that equal
/// runs are one run.
namespace icl::config {

/// The text as the key `name` keeps it; as it stands if the key holds no list, or not this one:
///
///     probe.record, record.activations  names once each, in the order of their table: "logit
///     query" record.snapshot_steps             ranges once each, rising: "0:3, 5, 40::5"
///     intervene.freeze, .clamp          by their first steps: "mlp.0@:10, attention"
///     intervene.rate                    in their order, on which the rounding of a product depends
[[nodiscard]] std::string spelled(std::string_view name, std::string_view text);

/// A configuration whose lists may be spelled as older programs kept them, as spelled() has them:
/// equal for equal runs.
[[nodiscard]] Config respelled(const Config&);

/// parse() of a text that to_toml() wrote, its lists spelled as they are there: older programs kept
/// them as they were given, and a run is known by them. Errors as for parse().
[[nodiscard]] Config parse_stored(std::string_view text, std::string_view source_name);

}  // namespace icl::config
