#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "icl/config/choice.hpp"

namespace icl::config {

struct Config;

/// How a token becomes a vector of the model's width.
enum class ReadIn : std::uint8_t {
  none,    ///< it is one
  linear,  ///< by a matrix W_E
};
constexpr auto words(ReadIn /*type*/) {
  return std::to_array<std::string_view>({"none", "linear"});
}

/// Where layer norms stand.
enum class Norm : std::uint8_t {
  none,
  input,  ///< one, of the tokens
  pre,    ///< before each attention, each MLP and the readout
};
constexpr auto words(Norm /*type*/) {
  return std::to_array<std::string_view>({"none", "input", "pre"});
}

/// What weights are made of scores.
enum class AttentionKind : std::uint8_t {
  softmax,
  linear,  ///< the scores themselves, over the number of tokens that are attended to
};
constexpr auto words(AttentionKind /*type*/) {
  return std::to_array<std::string_view>({"softmax", "linear"});
}

/// What scores q . k are multiplied by.
enum class AttentionScale : std::uint8_t {
  none,
  d_head,  ///< 1 / sqrt(d_head)
};
constexpr auto words(AttentionScale /*type*/) {
  return std::to_array<std::string_view>({"none", "d_head"});
}

/// What is made of the heads' results, side by side.
enum class HeadOutput : std::uint8_t {
  none,    ///< they are added to the residual stream as they are
  linear,  ///< W_O times them is
};
constexpr auto words(HeadOutput /*type*/) {
  return std::to_array<std::string_view>({"none", "linear"});
}

/// Which layers have an MLP behind their attention.
enum class MlpIn : std::uint8_t {
  none,
  inner,  ///< all but the last, behind which the readout stands
  every,
};
constexpr auto words(MlpIn /*type*/) {
  return std::to_array<std::string_view>({"none", "inner", "every"});
}

/// The nonlinearity of these MLPs.
enum class ActFn : std::uint8_t {
  relu,
  gelu_new,  ///< x sigma(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3)
};
constexpr auto words(ActFn /*type*/) {
  return std::to_array<std::string_view>({"relu", "gelu_new"});
}

/// What is added to what it reads.
enum class Residual : std::uint8_t {
  both,       ///< the result of attention and that of the MLP
  attention,  ///< that of attention alone: the MLP's takes the place of what it reads
};
constexpr auto words(Residual /*type*/) {
  return std::to_array<std::string_view>({"both", "attention"});
}

/// How a token says where in its sequence it stands.
enum class Positions : std::uint8_t {
  none,
  onehot,      ///< n_ctx entries before its own, of which one is 1
  learned,     ///< a trained vector of each place, added
  sinusoidal,  ///< sines and cosines, added (Vaswani et al. 2017)
  rotary,      ///< queries and keys turned by angles (Su et al. 2021)
};
constexpr auto words(Positions /*type*/) {
  return std::to_array<std::string_view>({"none", "onehot", "learned", "sinusoidal", "rotary"});
}

/// At which of the n_ctx places a sequence begins.
enum class Shift : std::uint8_t {
  none,    ///< the first
  random,  ///< any from which its tokens fit, drawn anew for each sequence (Reddy 2024)
};
constexpr auto words(Shift /*type*/) { return std::to_array<std::string_view>({"none", "random"}); }

/// What makes the logits of the target's vector.
enum class ReadoutKind : std::uint8_t {
  linear,
  mlp,  ///< two hidden layers of model.hidden units, ReLU
};
constexpr auto words(ReadoutKind /*type*/) {
  return std::to_array<std::string_view>({"linear", "mlp"});
}

/// The keys of the system blocks, by the names that TransformerLens has for them where it has some.
/// All may be absent, so that a run of another system holds none; BlocksShape says what is then
/// meant.
struct Blocks {
  std::optional<std::int64_t> n_layers, n_heads, d_model, d_head, d_mlp, mlp_layers, n_ctx;
  std::optional<ReadIn> read_in;
  std::optional<Norm> norm;
  std::optional<AttentionKind> attention;
  std::optional<AttentionScale> attn_scale;
  std::optional<HeadOutput> output;
  std::optional<MlpIn> mlp;
  std::optional<ActFn> act_fn;
  std::optional<Residual> residual;
  std::optional<Positions> positions;
  std::optional<Shift> shift;
  std::optional<ReadoutKind> readout;
  bool operator==(const Blocks&) const = default;
};

/// The same with every value that is meant.
struct BlocksShape {
  Layout layout;
  std::int64_t tokens;       ///< T tokens in a sequence
  std::int64_t token;        ///< entries of a token, without its position
  std::int64_t label;        ///< entries of its label among them
  std::int64_t label_count;  ///< L, or 2 signs
  bool label_vectors;        ///< whether labels have vectors of D entries
  std::int64_t n_ctx;        ///< places that positions know
  std::int64_t d_input;      ///< what the read-in reads: a token, behind its one-hot position
  std::int64_t n_layers, n_heads, d_model, d_head, d_mlp, mlp_layers;
  ReadIn read_in;
  Norm norm;
  AttentionKind attention;
  AttentionScale attn_scale;
  HeadOutput output;
  MlpIn mlp;
  ActFn act_fn;
  Residual residual;
  Positions positions;
  Shift shift;
  ReadoutKind readout;
  /// Layers in which all tokens attend multiply them by W_q^T W_k, made once a step: with one head
  /// that is no narrower than a token and not turned, where a batch has at least twice as many
  /// tokens as a token has entries, since it is more work otherwise. The bits depend on it: another
  /// rule is another row of the table in run/numerics.cpp.
  bool merges_queries_and_keys;

  /// Whether layer l = 0, 1, ... has an MLP.
  [[nodiscard]] bool has_mlp(std::int64_t l) const {
    return mlp == MlpIn::every || (mlp == MlpIn::inner && l + 1 < n_layers);
  }
};
[[nodiscard]] BlocksShape blocks_shape(const Config&);

/// From how many places a sequence may begin: 1 unless positions are shifted.
[[nodiscard]] std::int64_t starts(const Config&);

}  // namespace icl::config
