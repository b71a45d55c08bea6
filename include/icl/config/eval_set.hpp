#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "icl/config/choice.hpp"
#include "icl/config/written.hpp"

namespace icl::config {

/// Which items the sequences of an evaluator hold.
enum class EvalItems : std::uint8_t {
  training,
  novel,  ///< those of ICL evaluation
};
constexpr auto words(EvalItems /*type*/) {
  return std::to_array<std::string_view>({"training", "novel"});
}

/// Which labels they carry. What is asked for is the label that the target's copies carry.
enum class EvalLabels : std::uint8_t {
  own,      ///< those that they have
  flipped,  ///< the other of two, or of L labels the next one, 1 after L: one for all of a sequence
  novel,    ///< drawn anew for each item of each sequence
};
constexpr auto words(EvalLabels /*type*/) {
  return std::to_array<std::string_view>({"own", "flipped", "novel"});
}

/// An evaluator of a run's own: a table [[eval.set]] of its TOML, and the columns NAME_loss and
/// NAME_accuracy of its metrics.
struct EvalSet {
  std::string name;
  EvalItems items = EvalItems::novel;
  EvalLabels labels = EvalLabels::own;
  /// How often the target's item stands in the context: 0 leaves it out, B is as data.copies has
  /// it; absent: as training has it where every sequence has a copy.
  std::optional<std::int64_t> copies;
  /// How many items there are to draw from, the first ones (under Zipf's law the most frequent);
  /// absent: all.
  std::optional<std::int64_t> support;
  bool operator==(const EvalSet&) const = default;
};

/// The value of eval.set: "NAME items=training labels=own copies=0 support=10, NAME ...", where all
/// but the name and items may be left out. Nothing if the text is not in that form.
[[nodiscard]] std::optional<std::vector<EvalSet>> read_eval_sets(std::string_view text);
using EvalSets = Written<std::vector<EvalSet>, read_eval_sets>;

/// The text of a value in one spelling.
[[nodiscard]] std::string text_of(const std::vector<EvalSet>&);

inline constexpr std::string_view eval_set_form =
    "NAME items=training|novel labels=own|flipped|novel copies=B support=M, ...";

}  // namespace icl::config
