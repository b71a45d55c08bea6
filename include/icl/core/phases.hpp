#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "icl/core/clock.hpp"
#include "icl/core/enumeration.hpp"

namespace icl {

/// What the time of a run goes into.
enum class Phase : std::uint8_t {
  sampling,            ///< sequences and, at K = infinity, items
  attention_forward,   ///< tokens gathered and normalised, scores, softmax, projections
  attention_backward,  ///< the same backwards, with its gradients and their updates
  mlp_gemm,            ///< products of the MLP; the SGD update of its weights rides on them
  elementwise,         ///< biases, ReLU, readout, loss
  update,              ///< what does not ride on a product: weight decay, the check for NaN
  evaluation,          ///< ICL and IWL accuracy
  recording,           ///< metrics, snapshots, publishing
};
inline constexpr auto phase_names = std::to_array<std::string_view>(
    {"sampling", "attention forward", "attention backward", "MLP products", "element-wise",
     "weight decay and checks", "evaluation", "recording"});
inline constexpr std::size_t phase_count = enumerator_count<Phase>();
static_assert(phase_names.size() == phase_count);

/// Seconds by phase.
class PhaseSeconds {
 public:
  [[nodiscard]] double operator[](Phase phase) const {
    return seconds_[static_cast<std::size_t>(phase)];
  }
  double& operator[](Phase phase) { return seconds_[static_cast<std::size_t>(phase)]; }

 private:
  std::array<double, phase_count> seconds_{};
};

/// Time spent in each phase, added up over all threads, and how often threads shared work. Safe to
/// add to from any thread.
class PhaseTimes {
 public:
  void add(Phase phase, Clock::duration time) {
    ticks_[static_cast<std::size_t>(phase)].fetch_add(time.count(), std::memory_order_relaxed);
  }
  [[nodiscard]] PhaseSeconds seconds() const {
    PhaseSeconds all;
    for (std::size_t p = 0; p < phase_count; ++p) {
      const Clock::duration time(ticks_[p].load(std::memory_order_relaxed));
      all[static_cast<Phase>(p)] = icl::seconds(time);
    }
    return all;
  }
  void add_shared_loop() { shared_loops_.fetch_add(1, std::memory_order_relaxed); }
  /// The loops that several threads shared, each with a barrier at its end.
  [[nodiscard]] std::int64_t shared_loops() const {
    return shared_loops_.load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<Clock::rep>, phase_count> ticks_{};
  std::atomic<std::int64_t> shared_loops_{0};
};

/// Adds the time of its life to a phase, less that of scopes within it on the same thread. With no
/// times to add to it does nothing, not even look at the clock.
class PhaseScope {
 public:
  PhaseScope(PhaseTimes* times, Phase phase) : times_(times), phase_(phase) {
    if (times_ != nullptr) enter();
  }
  ~PhaseScope() {
    if (times_ != nullptr) leave();
  }
  PhaseScope(const PhaseScope&) = delete;
  PhaseScope& operator=(const PhaseScope&) = delete;

 private:
  void enter();
  void leave();

  PhaseTimes* times_;
  Phase phase_;
  Clock::time_point start_;
  Clock::duration inner_{};
  PhaseScope* outer_ = nullptr;
};

}  // namespace icl
