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
///                       "previous/0.2@:500"       head 2 of layer 0 is, or to previous
///                       "none/1"                  all heads of layer 1 are
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

/// What attention is clamped to over a range of steps: the target's in the last layer, or that of
/// one head or of all heads of a layer.
struct Clamping {
  Clamp to = Clamp::copy;
  std::optional<std::int64_t> layer;
  std::optional<std::int64_t> head;  ///< only with a layer
  std::int64_t first = 0;
  std::optional<std::int64_t> last;

  [[nodiscard]] bool holds(std::int64_t step) const {
    return step >= first && (!last || step < *last);
  }
};

/// "copy", "none/1", "previous/0.2".
[[nodiscard]] std::string name_of(const Clamping&);

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
