#include <array>

#include "icl/probe/probe.hpp"

namespace icl::probe {
namespace {

constexpr std::array norm_columns{
    Column{"norm", "1", "Euclidean norm of the parameter", "sqrt(sum of squares)", of_icl,
           Each::parameter},
    Column{"gradient_norm", "1", "Euclidean norm of the gradient on the next training batch",
           "sqrt(sum of squares)", of_icl, Each::parameter},
    Column{"update_norm", "1", "Euclidean norm of the next update", "sqrt(sum of squares)", of_icl,
           Each::parameter},
};

void read_norms(const View& view, std::span<double> values) {
  if (view.update == nullptr) return;
  const std::span<const Norms> all = view.update->norms(view.workers);
  for (std::size_t i = 0; i < all.size(); ++i) {
    values[i] = all[i].value;
    values[all.size() + i] = all[i].gradient;
    values[2 * all.size() + i] = all[i].update;
  }
}

}  // namespace

const Probe probes::norms{norm_columns, nullptr, read_norms, true};

}  // namespace icl::probe
