#pragma once

#include <toml++/toml.h>

#include <string_view>

namespace icl::config {

/// What a sweep's file says about its runs beside what they are. It changes no run; whoever
/// analyses them reads it from the file.
///
///     [item]
///     title = "Where runs end"                 # one line
///     figure = "2b, 2c"                        # of the paper; absent if it has none
///     question = "What does task diversity decide?"
///
///     [[check]]                                # any number
///     name = "memorises few items"             # no two alike
///     quantity = "icl_at_smallest_K"           # as figure.py computes it, with an interval
///     bounds = [0.4, 0.6]                      # either may be infinite
///     source = "paper, figure 2b"              # where the bounds come from
///     scales = ["desk"]                        # absent: at every scale
///     note = "..."                             # what is known where it fails
///
/// Throws Error(usage), with file and line, for other keys, other types, missing keys, bounds that
/// are not in order, and two checks of one name.
void require_descriptions(const toml::table& document, std::string_view source_name);

}  // namespace icl::config
