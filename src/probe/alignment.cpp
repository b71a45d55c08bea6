#include <array>

#include "icl/model/model.hpp"
#include "icl/probe/probe.hpp"

namespace icl::probe {
namespace {

constexpr std::array alignment_columns{
    Column{"identity_alignment", "1", "alignment of queries and keys with the identity on items",
           "tr(A)/(sqrt(D) |A|_F), A the item block of G W_k^T W_q G, G = diag(gain)", of_icl},
};

void read_alignment(const View& view, std::span<double> values) {
  values[0] = view.model.identity_alignment();
}

}  // namespace

const Probe probes::alignment{alignment_columns, nullptr, read_alignment};

}  // namespace icl::probe
