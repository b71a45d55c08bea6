#pragma once

#include <string>

#include "icl/store/compare.hpp"

namespace icl::run {

/// In what run files that earlier programs wrote may differ from what this program writes of the
/// same record, outside of /provenance: /model and keys of /config that they did not have, and
/// words that were improved since. All else is to be equal. `toml` is the file's /config/toml,
/// which names every key that its program had, set or not.
///
/// Who changes a long_name, a description, a formula or a source adds the earlier words here: a
/// test compares stored files.
[[nodiscard]] store::Leeway leeway_for_earlier_files(const std::string& toml);

}  // namespace icl::run
