#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

/// The network of a run in double, for a program whose numbers are floats elsewhere. The layers
/// below are built a second time in double, where the namespace icl has another name
/// (cmake/IclLayer.cmake), so what crosses here is numbers and text of the standard library alone.
namespace icl_precise {

/// Items that a run takes from a file; they must outlive the call that they are given to.
struct Items {
  std::int64_t classes = 0, exemplars = 1, dimension = 0;
  std::span<const float> rows;           ///< [classes, exemplars, dimension]
  std::span<const std::int32_t> labels;  ///< [classes]; empty: to be drawn
};

/// Which network, and which sequences. All of it was checked by who made it: for what does not fit,
/// std::runtime_error.
struct Description {
  std::string config;                 ///< the resolved configuration, as TOML
  Items training, novel;              ///< of a run with data.items
  std::int64_t batches = 0;           ///< M
  std::int64_t batch_size = 0;        ///< B
  std::string attending = "learned";  ///< or what attention is clamped to: copy, uniform, none
};

/// A network with parameters and activations of its own, for one thread at a time. It reads the
/// sequences of the set that made it.
class Network {
 public:
  Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  virtual ~Network() = default;

  /// Logits [count] of sequences first, ..., first + count - 1 of a batch at parameters w [d],
  /// which are all tensors of the model one behind the other. Valid until the next call.
  virtual std::span<const double> forward(std::int64_t batch, std::int64_t first,
                                          std::int64_t count, std::span<const double> w) = 0;

  /// g [d] <- sum_b dz_b dz(b)/dw for the sequences of the last forward pass, from dz [count]. What
  /// is not trained has a gradient of 0.
  virtual void backward(std::span<const double> dz, std::span<double> g) = 0;

  /// From now on every ReLU lets through what it let through in the last forward pass, which was
  /// over a whole batch; forward() is for that batch alone from here on. The logits are then smooth
  /// in w, with the second derivatives that the network has at that w.
  virtual void hold_relus() = 0;
  /// Undoes it.
  virtual void free_relus() = 0;
};

/// A fixed set of sequences of a run's training rule, M batches of B: those of the training steps
/// 2^32 - 1, 2^32 - 2, ..., which no run reaches. So they are a pure function of the run's seeds.
/// Steps at the end of an epoch of 60,000 sequences that has fewer than B left are passed over, and
/// with compat.s4_epoch those whose sequences a batch of B has taken already.
class Sequences {
 public:
  Sequences() = default;
  Sequences(const Sequences&) = delete;
  Sequences& operator=(const Sequences&) = delete;
  virtual ~Sequences() = default;

  /// d: the numbers that all parameters of the model have.
  [[nodiscard]] virtual std::int64_t parameters() const = 0;
  /// The answers of a batch: +-1, or 1 to L of L labels.
  [[nodiscard]] virtual std::span<const std::int32_t> answers(std::int64_t batch) const = 0;
  /// The sequences must outlive it. From any thread.
  [[nodiscard]] virtual std::unique_ptr<Network> network() const = 0;
};

[[nodiscard]] std::unique_ptr<Sequences> make_sequences(const Description&);

}  // namespace icl_precise
