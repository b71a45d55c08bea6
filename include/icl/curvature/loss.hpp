#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "icl/core/parallel.hpp"
#include "icl/curvature/circuits.hpp"
#include "icl/curvature/vectors.hpp"
#include "icl/precise/network.hpp"

namespace icl::curvature {

/// The mean logistic loss L(w) of a network over n = M B fixed sequences, in double: without weight
/// decay. Each batch is a task of its own, and the batches are added up in order.
class Loss {
 public:
  /// A network for each of the M batches. The sequences and the workers' stop outlive it.
  Loss(const icl_precise::Sequences&, std::int64_t batches, std::int64_t batch_size,
       const Workers&);

  [[nodiscard]] std::int64_t size() const { return size_; }  ///< d
  [[nodiscard]] std::int64_t sequences() const { return batches_ * batch_size_; }
  [[nodiscard]] std::int64_t batches() const { return batches_; }
  [[nodiscard]] const Workers& workers() const { return workers_; }

  /// L(w); g [d] <- its gradient.
  double gradient(std::span<const double> w, std::span<double> g);

  /// From now on the ReLUs let through what they let through at w: L is then smooth, and its second
  /// derivatives at w are those that L has there. (Where a ReLU switches within a difference
  /// quotient, that would be a jump over a step, of any size.)
  void hold_relus(std::span<const double> w);
  void free_relus();

  /// out <- F v at w, the true Fisher matrix, over the labels that the network itself gives with
  /// its probabilities p = sigma(z): F = mean of p (1 - p) (dz/dw)(dz/dw)^T. It is the Gauss-Newton
  /// matrix of L (Martens 2020, arXiv 1412.1193; not the "empirical Fisher", Kunstner et al. 2019,
  /// arXiv 1905.12558). By central differences of the logits, with held ReLUs.
  void fisher_product(std::span<const double> w, std::span<const double> v, std::span<double> out);

  /// What the gradient of each sequence by itself gives, for each circuit.
  struct Moments {
    double fisher_trace = 0;  ///< of F: mean of p (1 - p) |dz/dw|^2
    double square = 0;        ///< mean of |dl/dw|^2, l = softplus(-y z)
  };
  /// One backward pass a sequence; with free ReLUs.
  [[nodiscard]] std::vector<Moments> moments(std::span<const double> w,
                                             const std::vector<Circuit>&);

 private:
  struct Part {
    std::unique_ptr<icl_precise::Network> network;
    Vector g;
    double loss = 0;
  };
  /// out <- the sum of the parts' g.
  void add_up(std::span<double> out) const;

  const icl_precise::Sequences& sequences_;
  std::int64_t batches_, batch_size_, size_;
  Workers workers_;
  std::vector<Part> parts_;
};

/// Mean of softplus(-y z); dz <- its gradient in z.
double logistic_loss(std::span<const double> z, std::span<const std::int32_t> y,
                     std::span<double> dz);

}  // namespace icl::curvature
