#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/model/model.hpp"
#include "icl/nn/loss.hpp"
#include "support/models.hpp"
#include "support/same_bits.hpp"
#include "support/sample.hpp"
#include "support/sinks.hpp"

namespace icl::test {

/// A model of any system, a batch and the activations between them.
struct ModelCase {
  ModelCase(const config::Config& config, const SampleShape& s)
      : model(model::make_model(config)),
        loss(config::asked_of(config)),
        sample(s, *model),
        activations(model->make_training_activations(s.batch, s.length)),
        labels(Sample::draw_labels(s.labels, activations->logits.extent(0), 3)) {
    randomise(*model);
  }
  /// What training asks: the sample's answers, or random ones of each item.
  [[nodiscard]] Answers asked() const {
    if (labels.size() == sample.batch.size) return sample.batch;
    return {labels.size(), labels.values(), {}};
  }
  void forward(const Workers& workers = Workers(1)) {
    model->forward(sample.batch, *activations, workers);
  }
  /// Of the mean loss.
  void backward(const Workers& workers = Workers(1)) {
    loss.gradient(asked(), activations->logits, activations->dlogits);
    model->backward(sample.batch, *activations, workers);
  }
  /// Logits and parameters after three steps of SGD.
  [[nodiscard]] std::vector<Tensor> three_steps(const Workers& workers) {
    for (nn::Parameter* p : model->parameters()) set_step(*p, 0.1, 0.3);
    for (int step = 0; step < 3; ++step) {
      forward(workers);
      backward(workers);
    }
    forward(workers);
    auto all = tensors(activations->logits);
    for (nn::Parameter* p : model->parameters()) all.push_back(std::move(p->value));
    return all;
  }

  std::unique_ptr<model::Model> model;
  nn::Loss loss;
  Sample sample;
  std::unique_ptr<model::Activations> activations;
  BasicTensor<Label> labels;
};

/// Points the sinks of all parameters at tensors of gradients.
inline std::vector<Tensor> collect_gradients(model::Model& model) {
  const auto parameters = model.parameters();
  std::vector<Tensor> gradients(parameters.size());
  for (std::size_t i = 0; i < gradients.size(); ++i) set_gradient(*parameters[i], gradients[i]);
  return gradients;
}

inline double largest_of(const Tensor& tensor) {
  double largest = 0;
  for (const Real v : tensor.values()) largest = std::max(largest, std::abs(double{v}));
  return largest;
}

}  // namespace icl::test
