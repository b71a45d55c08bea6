#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/core/batch.hpp"
#include "icl/core/parallel.hpp"
#include "icl/nn/attending.hpp"
#include "icl/nn/parameter.hpp"

namespace icl::model {

class Model;

/// The weights of every head that forward left.
struct HeadWeights {
  std::span<const Tensor* const> layers;  ///< a [B, H, Tq, T], Tq = T queries, or the last alone
  std::int64_t stride = 1;  ///< tokens from an item to the next: 2 where its label stands between
};

/// What a system keeps between forward and backward for one batch: each system has its own kind.
/// Owned by the caller, so that forward is const and a model may be run on several batches at once.
class Activations {
 public:
  explicit Activations(std::int64_t answers, Storage storage, std::int64_t outputs = 1)
      : logits({answers, outputs}, storage), dlogits({answers, outputs}, storage) {}
  Activations(const Activations&) = delete;
  Activations& operator=(const Activations&) = delete;
  virtual ~Activations() = default;

  /// What forward computed, by name and in its order, logits last: where to look for the origin of
  /// a number that is not finite.
  using NamedTensor = std::pair<std::string_view, const Tensor*>;
  [[nodiscard]] virtual std::vector<NamedTensor> forward_tensors() const = 0;

  /// The weights a [B, N] of the target's attention (in the last layer) that forward left, itself
  /// last; nullptr for a system without attention.
  [[nodiscard]] virtual const Tensor* attention() const { return nullptr; }
  /// Empty for a system without Capabilities::heads.
  [[nodiscard]] virtual HeadWeights heads() const { return {}; }

  /// From now on every ReLU of the network lets through what it let through in the last forward
  /// pass, whatever its inputs: the logits are then smooth in the parameters, and their second
  /// derivatives are those of the network wherever it has any.
  virtual void hold_relus() = 0;

  /// z [B, C]: C = 1, or what config::asked_of() says of the system blocks; or [B N, C], sequence
  /// after sequence, of make_training_activations() where training asks at every position
  /// (train.loss_at).
  Tensor logits;
  Tensor dlogits;  ///< as logits, to be filled before backward

  /// What the target attends to (in the last layer) in the next forward pass, and in the backward
  /// pass that follows it.
  nn::Attending attending = nn::Attending::learned;
  /// What heads are clamped to then, in a system with Capabilities::heads; the owner's.
  std::span<const nn::HeadClamp> clamped_heads;
  void clamp(const nn::Clamps& clamps) {
    attending = clamps.target;
    clamped_heads = clamps.heads;
  }

 private:
  friend class Model;
  const Model* owner_ = nullptr;  ///< whose make_activations() made them
  std::int64_t batch_ = 0;        ///< room for so many sequences
  std::int64_t length_ = 0;       ///< of so many tokens
};

/// A system of Nguyen & Reddy (2024): parameters, and one logit z for each sequence, or
/// in the system blocks as many outputs as config::asked_of() says.
class Model : public TokenEncoder {
 public:
  /// The trained tensors, in a fixed order.
  [[nodiscard]] virtual std::vector<nn::Parameter*> parameters() = 0;

  /// Draws all parameters: a pure function of the seed.
  virtual void initialise(std::int64_t seed) = 0;

  /// Adds `amount` W_k P to W_q, P the projection on the entries of an item: W_k^T W_q takes up
  /// amount W_k^T W_k P, whose mean over weights as they are drawn is amount/3 P. It is the
  /// direction in W_q in which the mean score of an item on itself rises fastest. Nothing happens
  /// in a system without init.beta0.
  virtual void favour_copies(Real /*amount*/) {}

  /// What the MLP of one step of training cannot avoid on `batch` sequences: floating-point
  /// operations of its products forward and backward, two for a multiply-add.
  [[nodiscard]] virtual double mlp_flops(std::int64_t batch) const = 0;

  /// tr(A) / (sqrt(D) |A|_F), A the block of G W_k^T W_q G between items (in the last layer), G =
  /// diag(gain): 1 for a multiple of the identity. NaN for a system without these matrices.
  [[nodiscard]] virtual double identity_alignment() const { return nan; }

  /// Room for batches of up to `batch` sequences of `length` tokens, of which the target alone is
  /// asked for an answer.
  [[nodiscard]] std::unique_ptr<Activations> make_activations(std::int64_t batch,
                                                              std::int64_t length) const {
    return owned(new_activations(batch, length, {}), batch, length);
  }
  /// The same for training, which may ask every item of a sequence (train.loss_at).
  [[nodiscard]] std::unique_ptr<Activations> make_training_activations(std::int64_t batch,
                                                                       std::int64_t length) const {
    return owned(new_training_activations(batch, length, {}), batch, length);
  }
  /// Bytes that make_activations() takes, and make_training_activations().
  [[nodiscard]] double activation_bytes(std::int64_t batch, std::int64_t length) const {
    double bytes = 0;
    static_cast<void>(new_activations(batch, length, Storage::on_paper(&bytes)));
    return bytes;
  }
  [[nodiscard]] double training_activation_bytes(std::int64_t batch, std::int64_t length) const {
    double bytes = 0;
    static_cast<void>(new_training_activations(batch, length, Storage::on_paper(&bytes)));
    return bytes;
  }

  /// Fills the logits of the batch. Error(internal) if the activations are not this model's own, or
  /// have no room for the batch.
  virtual void forward(const Batch&, Activations&, const Workers&) const = 0;

  /// From dlogits and what forward of the same batch left: hands each parameter's gradient to its
  /// sink. A sink may change the value, so that forward must run again before the next backward.
  virtual void backward(const Batch&, Activations&, const Workers&) = 0;

 private:
  [[nodiscard]] virtual std::unique_ptr<Activations> new_activations(std::int64_t batch,
                                                                     std::int64_t length,
                                                                     Storage storage) const = 0;
  /// Of a system that training asks for more than the answer to the target.
  [[nodiscard]] virtual std::unique_ptr<Activations> new_training_activations(
      std::int64_t batch, std::int64_t length, Storage storage) const {
    return new_activations(batch, length, storage);
  }
  [[nodiscard]] std::unique_ptr<Activations> owned(std::unique_ptr<Activations> activations,
                                                   std::int64_t batch, std::int64_t length) const {
    activations->owner_ = this;
    activations->batch_ = batch;
    activations->length_ = length;
    return activations;
  }
  void require_fitting(const Batch&, const Activations&) const;

 protected:
  /// The activations as the kind that this model's new_activations() makes.
  template <class Own>
  [[nodiscard]] Own& own(const Batch& batch, Activations& activations) const {
    require_fitting(batch, activations);
    return static_cast<Own&>(activations);
  }

  static constexpr double nan = std::numeric_limits<double>::quiet_NaN();
};

/// The model that model.system names, uninitialised.
[[nodiscard]] std::unique_ptr<Model> make_model(const config::Config&);

/// The same on paper: the names, axes and shapes of its parameters, its width of tokens, operations
/// and bytes. It has no values: it can be neither initialised nor run.
[[nodiscard]] std::unique_ptr<Model> describe_model(const config::Config&);

/// Floating-point operations of one step's products with the weights of an MLP of these widths on
/// `rows` inputs: forward, gradient of the input, gradient of the weight.
[[nodiscard]] double mlp_step_flops(std::int64_t rows, std::initializer_list<std::int64_t> widths);

/// Number of trained numbers.
[[nodiscard]] std::int64_t parameter_count(Model&);

}  // namespace icl::model
