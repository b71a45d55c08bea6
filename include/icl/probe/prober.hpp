#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "icl/config/probe_set.hpp"
#include "icl/core/parallel.hpp"
#include "icl/model/model.hpp"
#include "icl/probe/reading.hpp"
#include "icl/task/task.hpp"

namespace icl::probe {

/// Reads the probes of a run off its model, on sequences that depend on the step alone. No
/// allocation after construction.
///
/// Each quantity needs passes of its own over the probe's sequences: attention as learned, left
/// out, and clamped to copies that carry +1, -1 and no label; and for lesions over those of the
/// evaluation.
class Prober {
 public:
  /// Sequences in one forward pass.
  static constexpr std::int64_t chunk = 128;

  Prober(const config::Config&, const task::Task&, const model::Model&);

  /// `attending`: what the model's attention is clamped to while it trains, if it is.
  [[nodiscard]] Reading read(const model::Model&, std::int64_t step, nn::Attending attending,
                             const Workers&);

  /// phi+ of each probe sequence at the last read(), if that read `memorisation`.
  [[nodiscard]] std::span<const double> memoriser_margins() const { return phi_; }

 private:
  /// A logit for each probe sequence, times its answer.
  using Margins = std::vector<double>;

  [[nodiscard]] bool asked(config::ProbeName probe) const;
  void forward(const model::Model&, nn::Attending, const Workers&);
  void read_sequences(const model::Model&, std::int64_t step, nn::Attending, const Workers&);
  void read_weights(std::int64_t first);
  void read_scores(std::int64_t first);
  void read_clamped(const model::Model&, std::int64_t step, std::int64_t first, std::int64_t size,
                    const Workers&);
  void read_lesions(const model::Model&, std::int64_t step, const Workers&, Reading&);
  void read_memorisation(Reading&);
  void read_effective(Reading&);

  const task::Task& task_;
  config::Capabilities has_;  ///< of the system
  std::vector<config::ProbeName> probes_;
  std::int64_t sequences_;
  Batch batch_;
  std::unique_ptr<model::Activations> activations_;
  Margins whole_, bare_;               ///< y z and y z0
  Margins positive_, negative_, nil_;  ///< z(+), z(-), z(no label): not times y
  std::vector<double> answers_;
  std::vector<double> beta_, self_, copy_attention_, self_attention_, entropy_;
  Margins phi_;  ///< the memoriser's margins
  Margins scratch_;
  bool attends_to_itself_ = false;
};

}  // namespace icl::probe
