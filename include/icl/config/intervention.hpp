#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace icl::config {

/// What is done to one sub-circuit over a range of steps. As text, "NAME*FACTOR@FIRST:LAST":
/// steps FIRST <= step < LAST, counted from 0; without FIRST from the beginning, without LAST to
/// the end, without @ always. Several are separated by commas.
///
///     intervene.freeze  "memoriser@:10000"        these parameters stay as they are
///     intervene.clamp   "copy@2000:4000"          attention is clamped: copy, uniform or none
///     intervene.rate    "memoriser*0.5"           factor on the learning rate
///
/// NAME of freeze and rate is attention or memoriser (the two groups of parameters), or a parameter
/// by its torch name, or the first dotted parts of it ("mlp.0").
struct Intervention {
  std::string name;
  double factor = 1;  ///< only of rate
  std::int64_t first = 0;
  std::optional<std::int64_t> last;

  [[nodiscard]] bool holds(std::int64_t step) const {
    return step >= first && (!last || step < *last);
  }
};

enum class Factor { none, required };

/// Nothing if the text is not in that form.
[[nodiscard]] std::optional<std::vector<Intervention>> parse_interventions(std::string_view text,
                                                                           Factor factor);

}  // namespace icl::config
