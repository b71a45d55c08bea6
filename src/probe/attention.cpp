#include <array>

#include "icl/probe/probe.hpp"

namespace icl::probe {
namespace {

constexpr std::array attention_columns{
    Column{"attention_copy", "1", "attention on the copies of the target",
           "< sum of a_j over the copies >", of_icl},
    Column{"attention_self", "1", "attention on the target itself", "< a_N >", of_icl},
    Column{"attention_entropy", "nat", "entropy of the target's attention", "< -sum_j a_j ln a_j >",
           of_icl},
};

Passes attention_passes(const config::Capabilities& /*has*/) { return {.trained = true}; }

void read_attention(const View& view, std::span<double> values) {
  values[0] = mean(view.sequences.attention_copy);
  values[1] = mean(view.sequences.attention_self);
  values[2] = mean(view.sequences.attention_entropy);
}

}  // namespace

const Probe probes::attention{attention_columns, attention_passes, read_attention};

}  // namespace icl::probe
