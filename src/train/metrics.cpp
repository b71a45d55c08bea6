#include "icl/train/metrics.hpp"

#include <array>

namespace icl::train {
namespace {

constexpr std::array table{
    Metric{"train_loss",
           "mean logistic loss of the training batches since the previous row (row 0: first batch)",
           "nat", [](const Evaluation& e) { return e.train.loss; }},
    Metric{"train_accuracy", "accuracy on the training batches since the previous row", "1",
           [](const Evaluation& e) { return e.train.accuracy; }},
    Metric{"icl_loss", "in-context learning: mean logistic loss on sequences of novel items", "nat",
           [](const Evaluation& e) { return e.icl.loss; }},
    Metric{"icl_accuracy", "in-context learning: accuracy on sequences of novel items", "1",
           [](const Evaluation& e) { return e.icl.accuracy; }},
    Metric{
        "iwl_loss",
        "in-weights learning: mean logistic loss on training items without a copy in the context",
        "nat", [](const Evaluation& e) { return e.iwl.loss; }},
    Metric{"iwl_accuracy",
           "in-weights learning: accuracy on training items without a copy in the context", "1",
           [](const Evaluation& e) { return e.iwl.accuracy; }},
};

}  // namespace

std::span<const Metric> metrics() { return table; }

}  // namespace icl::train
