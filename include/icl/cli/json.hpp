#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "icl/config/fields.hpp"
#include "icl/run/run_record.hpp"

namespace icl::cli {

/// What commands print with --json: members stay in the order in which they were added.
using Json = nlohmann::ordered_json;

/// Null for what JSON cannot say: an unset key, NaN. Infinity is "inf".
[[nodiscard]] Json to_json(const config::Value&);
/// {"data.K": 10000, ...}: every key.
[[nodiscard]] Json to_json(const config::Config&);
[[nodiscard]] Json to_json(const run::Stretch&);

/// What --json prints: ASCII alone, so that a terminal obeys nothing in it; bytes that are no text
/// become U+FFFD.
[[nodiscard]] std::string json_text(const Json&);

}  // namespace icl::cli
