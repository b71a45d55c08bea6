#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "icl/config/choice.hpp"
#include "icl/config/written.hpp"

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

/// What attention is clamped to over a range of steps.
struct Clamping {
  Clamp to = Clamp::copy;
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

// ---- The values of intervene.* ----

[[nodiscard]] std::optional<std::vector<Intervention>> read_freezes(std::string_view text);
[[nodiscard]] std::optional<std::vector<Intervention>> read_rates(std::string_view text);
[[nodiscard]] std::optional<std::vector<Clamping>> read_clamps(std::string_view text);

using Freezes = Written<std::vector<Intervention>, read_freezes>;
using Rates = Written<std::vector<Intervention>, read_rates>;
using Clamps = Written<std::vector<Clamping>, read_clamps>;

}  // namespace icl::config
