#pragma once

#include <cstdint>
#include <span>

#include "icl/core/matrix_view.hpp"
#include "icl/core/tensor.hpp"

namespace icl {

/// A label as a token holds it: -1 or +1 where there are two signs, 1 to L where there are L labels
/// (data.label_count), and 0 where a token has none.
using Label = std::int32_t;

/// Its place among all labels: 0 for the sign -1 and 1 for +1, or of L labels 0 to L - 1.
[[nodiscard]] constexpr std::int32_t index_of(Label label, bool signs) {
  return signs ? static_cast<std::int32_t>(label > 0) : label - 1;
}

/// How a model wants its tokens: the one place where the task meets the model, which otherwise do
/// not know each other. A token is an item x [D] with a label, which for the target is 0: it is
/// what the model is asked for.
class TokenEncoder {
 public:
  TokenEncoder() = default;
  TokenEncoder(const TokenEncoder&) = default;
  TokenEncoder& operator=(const TokenEncoder&) = default;
  virtual ~TokenEncoder() = default;

  /// Length W of an encoded token: a multiple of simd::lanes.
  [[nodiscard]] virtual std::int64_t token_width() const = 0;
  /// Writes the token of `item` [D] with `label` to row [W].
  virtual void encode(std::span<const float> item, Label label, Real* row) const = 0;
  /// Whether the model reads more than the target: otherwise a sequence is the target alone.
  [[nodiscard]] virtual bool reads_context() const { return true; }
};

/// Encoded tokens, once with the item's label and once without it.
struct TokenTable {
  Tensor context;  ///< [K, W]
  Tensor target;   ///< [K, W]
};

/// B sequences of N tokens: row numbers in a token table, never the rows themselves, so that a
/// model reads them straight from the table.
struct Batch {
  std::int64_t size = 0;    ///< B
  std::int64_t length = 0;  ///< N, the target included
  const TokenTable* table = nullptr;
  BasicTensor<std::int32_t> items;  ///< [B, N] rows of table->context; the last of table->target
  BasicTensor<Label> answer;        ///< [B] the target's label; empty where numbers are asked for
  Tensor value;                     ///< [B, P] the numbers asked for; empty where it is a label
  BasicTensor<std::uint8_t> copy;   ///< [B, N-1] 1 where a context token is a copy of the target

  /// [B] places before that of the first token, where sequences are shifted; otherwise empty.
  BasicTensor<std::int32_t> shift;

  /// Where tokens are drawn anew for each sequence, a batch has tokens of its own, and scratch
  /// space to draw them.
  struct Fresh {
    TokenTable tokens;          ///< [B (N-1), W] and [B, W]
    BasicTensor<Label> labels;  ///< [B, N-1]
    /// Scratch space of each task that fills a part of the batch: items to be encoded, and noise.
    BasicTensor<float> item;
    /// [B, N] the number of each token's item, or of the sequence's task or chain, among those of
    /// its table; -1 of a new one.
    BasicTensor<std::int32_t> drawn;
    /// Scratch space of the same for the numbers of a latent that is drawn for a sequence.
    BasicTensor<double> latent = {};
  } fresh;
};

/// What is asked of a model about a batch: R answers, sequence after sequence, each a label or P
/// numbers. They lie somewhere else.
struct Answers {
  /// Those of the targets alone, R = B.
  // NOLINTNEXTLINE(google-explicit-constructor): what a batch asks for
  Answers(const Batch& batch)
      : count(batch.size), labels(batch.answer.values()), values(batch.value) {}
  Answers(std::int64_t answers, std::span<const Label> some_labels, ConstMatrixView some_values)
      : count(answers), labels(some_labels), values(some_values) {}

  std::int64_t count;             ///< R
  std::span<const Label> labels;  ///< [R] or more; empty where numbers are asked for
  ConstMatrixView values;         ///< [R, P]; empty where it is labels
};

}  // namespace icl
