#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "icl/core/enumeration.hpp"

namespace icl::config {

/// The choices of the configuration. A choice is an enumeration, and words() gives the word of each
/// of its values, in their order: the words are what TOML, the command line and run files hold, and
/// nothing but this table knows them. A new value is an enumerator and its word here; without the
/// word, or a case where -Wswitch asks for one, it does not compile.

/// How the labels of a training sequence are distributed.
enum class LabelRule : std::uint8_t {
  independent,
  equal_sequence,  ///< N/2 of the N tokens, the target included, carry each label; N even
  equal_context,   ///< (N-1)/2 of the N-1 context tokens carry each label; N odd
  equal_others,    ///< (N-2)/2 of the N-2 tokens beside target and copy carry each label; N even
};
constexpr auto words(LabelRule /*type*/) {
  return std::to_array<std::string_view>(
      {"independent", "equal_sequence", "equal_context", "equal_others"});
}

/// How a token holds its label.
enum class LabelCode : std::uint8_t {
  onehot,  ///< two entries: (1, 0) for -1, (0, 1) for +1, (0, 0) for the target
  scalar,  ///< one entry: -1, +1, or 0 for the target
};
constexpr auto words(LabelCode /*type*/) {
  return std::to_array<std::string_view>({"onehot", "scalar"});
}

/// How items and labels make the tokens of a sequence.
enum class Layout : std::uint8_t {
  concatenated,  ///< [x ; l] in one token: N tokens
  interleaved,   ///< x, l, x, l, ..., x: 2 N - 1 tokens
};
constexpr auto words(Layout /*type*/) {
  return std::to_array<std::string_view>({"concatenated", "interleaved"});
}

/// The vectors of L labels.
enum class LabelVectors : std::uint8_t {
  onehot,    ///< L entries, of which one is 1
  gaussian,  ///< D entries from N(0, 1/D), drawn once and not trained
};
constexpr auto words(LabelVectors /*type*/) {
  return std::to_array<std::string_view>({"onehot", "gaussian"});
}

/// What is done to items that come from a file.
enum class ItemScale : std::uint8_t {
  unit,  ///< one factor for all that makes the mean squared norm 1
  none,
};
constexpr auto words(ItemScale /*type*/) {
  return std::to_array<std::string_view>({"unit", "none"});
}

/// How the learning rate goes on after its warm-up.
enum class RateSchedule : std::uint8_t {
  constant,
  cosine,    ///< half a cosine, down to 0 at the end of the run
  triangle,  ///< a line, down to 0 at the end of the run
};
constexpr auto words(RateSchedule /*type*/) {
  return std::to_array<std::string_view>({"constant", "cosine", "triangle"});
}

/// Where training asks for answers.
enum class LossAt : std::uint8_t {
  query,  ///< behind the last token alone: its label, its y, or the symbol that comes next
  every,  ///< behind every item or symbol of a sequence
};
constexpr auto words(LossAt /*type*/) {
  return std::to_array<std::string_view>({"query", "every"});
}

/// What attention is clamped to: the target's, or that of a head.
enum class Clamp : std::uint8_t {
  copy,
  uniform,
  none,
  previous,  ///< of a head alone: each token's on the one before
};
constexpr auto words(Clamp /*type*/) {
  return std::to_array<std::string_view>({"copy", "uniform", "none", "previous"});
}

/// The words of a choice, in the order of its values.
template <class Choice>
constexpr auto words_of = [] {
  constexpr auto all = words(Choice{});
  static_assert(all.size() == enumerator_count<Choice>(), "a word for each value of the choice");
  return all;
}();

/// The word of a value.
template <class Choice>
[[nodiscard]] constexpr std::string_view word(Choice value) {
  return words_of<Choice>.at(static_cast<std::size_t>(value));
}

/// The value of a word; nothing if there is no such word.
template <class Choice>
[[nodiscard]] constexpr std::optional<Choice> choice_of(std::string_view text) {
  constexpr auto all = words_of<Choice>;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i] == text) return static_cast<Choice>(i);
  }
  return std::nullopt;
}

}  // namespace icl::config
