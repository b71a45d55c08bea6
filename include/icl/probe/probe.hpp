#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/config/probe_set.hpp"
#include "icl/core/parallel.hpp"
#include "icl/model/model.hpp"
#include "icl/nn/attending.hpp"
#include "icl/probe/head_scores.hpp"
#include "icl/probe/memory.hpp"
#include "icl/probe/score.hpp"

namespace icl::probe {

/// What a column of a probe is there for: once, or once for each of these.
enum class Each : std::uint8_t {
  run,
  parameter,   ///< a column NAME.PARAMETER
  head,        ///< a column NAME_L_H for head H of layer L, layer by layer
  inner_head,  ///< the same for the layers but the last, of which the target alone attends
};

/// What a run's sequences have to have for a column.
enum class Needs : std::uint8_t {
  nothing,
  copies,         ///< of the target: config::TaskRow::copies
  right_answers,  ///< answers that are right or wrong: config::LossRow::judges
};

/// A column of /metrics that a probe fills. In its texts {unit}, {loss} and {margin} stand for
/// those of the run's loss (config::LossRow), and {icl} for what ICL is measured on.
struct Column {
  std::string_view name;
  std::string_view units;
  std::string_view description;
  std::string_view formula;
  std::string_view source;
  Each each = Each::run;
  Needs needs = Needs::nothing;
};

/// Where a formula comes from.
inline constexpr std::string_view of_the_paper =
    "Nguyen & Reddy (2024), arXiv 2412.00104, theory of the minimal model";
inline constexpr std::string_view of_icl = "icl, this project's own";

/// Forward passes over the probe sequences.
struct Passes {
  bool trained = false;  ///< with the attention that the model trains with: margin, attention_*
  bool learned = false;  ///< with learned attention, whatever it trains with: beta, self_minus_copy
  bool bare = false;     ///< without the attention term: bare_margin
  /// With attention clamped to copies that carry +1, -1 and no label: positive, negative, nil.
  bool clamped = false;
  bool heads = false;  ///< with the attention that the model trains with: the weights of each head
};

/// What these passes gave, a number for each probe sequence; y its answer, z its logit; of L
/// labels, y z stands for nn::Loss::margin(). What no probe asked for is left as it was.
struct Sequences {
  std::vector<double> margin;                   ///< y z
  std::vector<double> bare_margin;              ///< y z0
  std::vector<double> positive, negative, nil;  ///< z(+), z(-), z(no label)
  std::vector<double> phi;                      ///< phi+, the memoriser's margin
  std::vector<double> beta, self_minus_copy;    ///< of Scores
  std::vector<double> attention_copy, attention_self, attention_entropy;
  bool attends_to_itself = false;  ///< otherwise self_minus_copy means nothing
  std::vector<HeadScores> heads;   ///< means over the sequences, layer by layer
};

/// Sums over the sequences of an evaluation set.
struct Cut {
  Score score;
  Spread margin;  ///< y z
};

/// Passes over the sequences of an evaluation set with attention replaced.
class Surgery {
 public:
  Surgery() = default;
  Surgery(const Surgery&) = delete;
  Surgery& operator=(const Surgery&) = delete;
  virtual ~Surgery() = default;
  /// A Cut for each of `attendings`, over probe.sequences sequences of the set of that number; NaN
  /// if the task has no such set.
  virtual void cut(std::size_t set, std::span<const nn::Attending> attendings,
                   std::span<Cut> cuts) = 0;
  /// The scores over the same sequences where one head gives zeros and all else is as the model
  /// trains, for each head, layer by layer.
  virtual void cut_heads(std::size_t set, std::span<Score> scores) = 0;
};

/// Euclidean norms of one parameter, of the gradient of the next training batch, and of the update
/// that this gradient makes.
struct Norms {
  double value = 0;
  double gradient = 0;
  double update = 0;
};

/// The next update of a run that trains.
class NextUpdate {
 public:
  NextUpdate() = default;
  NextUpdate(const NextUpdate&) = delete;
  NextUpdate& operator=(const NextUpdate&) = delete;
  virtual ~NextUpdate() = default;
  [[nodiscard]] virtual std::size_t parameters() const = 0;
  /// Computes the gradient on the next training batch, and from it the norms of each parameter;
  /// changes nothing. Valid until the next call.
  [[nodiscard]] virtual std::span<const Norms> norms(const Workers&) = 0;
};

/// What a probe may look at.
struct View {
  const config::Capabilities& has;  ///< of the system
  const model::Model& model;
  const Sequences& sequences;
  Surgery& surgery;
  NextUpdate* update;            ///< nullptr of a model that is not being trained
  Memory& memory;                ///< between evaluations
  std::vector<double>& scratch;  ///< with room for a number for each sequence
  std::span<Score> of_heads;     ///< scratch with room for one of each head
  const Workers& workers;
};

/// A probe: src/probe/NAME.cpp defines it for the row of NAME in config::ICL_PROBES.
struct Probe {
  std::span<const Column> columns;
  /// The passes that it reads in a system; nullptr: none.
  Passes (*passes)(const config::Capabilities&);
  /// Writes the value of each column, in their order; of one that is there for each of something,
  /// that of each. They come as NaN; what the run has no column for is left out afterwards.
  void (*read)(const View&, std::span<double> values);
  bool reads_update = false;  ///< View::update
};

namespace probes {
#define ICL_ROW(name, ...) extern const Probe name;
ICL_PROBES(ICL_ROW)
#undef ICL_ROW
}  // namespace probes

[[nodiscard]] const Probe& probe_of(config::ProbeName);

/// Whether a probe of a run of this configuration reads its updates: then a gradient is kept.
[[nodiscard]] bool reads_update(const config::Config&);

// ---- What probes are written with ----

/// Mean, and mean and standard deviation. No sums are split.
[[nodiscard]] double mean(std::span<const double>);
[[nodiscard]] Spread spread(std::span<const double>);

/// Two neighbouring values.
inline void write(const Spread& spread, std::span<double> values) {
  values[0] = spread.mean;
  values[1] = spread.deviation;
}
inline void write(const Score& score, std::span<double> values) {
  values[0] = score.loss;
  values[1] = score.accuracy;
}

}  // namespace icl::probe
