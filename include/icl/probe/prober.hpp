#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/core/parallel.hpp"
#include "icl/model/model.hpp"
#include "icl/nn/loss.hpp"
#include "icl/probe/probe.hpp"
#include "icl/probe/reading.hpp"
#include "icl/task/task.hpp"

namespace icl::probe {

/// Reads the probes of a run off its model: makes the forward passes that they ask for, on
/// sequences that depend on the step alone, and knows none of them. No allocation after
/// construction.
class Prober {
 public:
  /// Sequences in one forward pass.
  static constexpr std::int64_t chunk = 128;

  /// Columns of each parameter are those of the update's; without one there are none.
  Prober(const config::Config&, const task::Task&, const model::Model&,
         NextUpdate* update = nullptr);

  /// What the model's attention is clamped to while it trains, if it is. Valid until the next call.
  [[nodiscard]] const Reading& read(const model::Model&, std::int64_t step, const nn::Clamps&,
                                    Memory&, const Workers&);

  /// phi+ of each probe sequence at the last read(), if a probe asked for it.
  [[nodiscard]] std::span<const double> memoriser_margins() const { return sequences_.phi; }

 private:
  class Cuts;

  /// With the attention that the model trains with, and with the target's replaced in the last
  /// layer, where heads of the layers below stay clamped as they are.
  void forward_trained(const model::Model&, const Workers&);
  void forward(const model::Model&, nn::Attending, const Workers&);
  void forward_without(const model::Model&, std::size_t head, const Workers&);
  void read_sequences(const model::Model&, std::int64_t step, const Workers&);
  /// The margins of the batch from number `first` on, or the logits if not `signed_by_answer`.
  void take(std::int64_t first, bool signed_by_answer, std::vector<double>& to) const;
  void read_weights(std::int64_t first);
  void read_scores(std::int64_t first);
  void read_heads();
  void finish_heads();
  void read_clamped(const model::Model&, std::int64_t step, std::int64_t first, std::int64_t size,
                    const Workers&);
  void set_phi();

  const task::Task& task_;
  config::Capabilities has_;  ///< of the system
  const config::TaskRow& of_task_;
  nn::Loss loss_;
  struct Asked {
    const Probe* probe;
    std::size_t values;  ///< in all its columns
  };
  std::vector<Asked> probes_;
  NextUpdate* update_;
  std::int64_t count_;  ///< of the probe sequences
  Passes passes_;
  bool reads_sequences_ = false;
  Batch batch_;
  std::unique_ptr<model::Activations> activations_;
  nn::Clamps clamps_;                       ///< while the model trains
  std::vector<nn::HeadClamp> below_;        ///< of them, those below the last layer
  std::vector<nn::HeadClamp> with_lesion_;  ///< all of them, and a lesion
  std::int64_t layers_ = 0, heads_ = 0;     ///< of the model; 0 where it has no Capabilities::heads
  Sequences sequences_;
  std::vector<double> answers_, scratch_;
  std::vector<Score> head_scores_;
  std::vector<double> written_;    ///< by the probes, in all their columns
  std::vector<std::size_t> kept_;  ///< of these, those that the run has: the reading's
  Reading reading_;
};

}  // namespace icl::probe
