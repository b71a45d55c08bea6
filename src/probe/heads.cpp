#include <array>

#include "icl/probe/probe.hpp"

namespace icl::probe {
namespace {

constexpr std::array head_columns{
    Column{"attention_on_copy", "1",
           "attention of the target on the tokens that hold its copies' items, by head",
           "< sum over the copies i of a_T(i) >", of_icl, Each::head},
    Column{"attention_after_copy", "1",
           "attention of the target on the tokens after its copies, by head: the score of an "
           "induction head; with data.layout = interleaved these hold the copies' labels",
           "< sum over the copies i of a_T(i+1) >", of_icl, Each::head},
    Column{"attention_on_previous", "1",
           "attention of a token on the one before, by head: the score of a previous-token head; "
           "with data.layout = interleaved of the labels on their items, otherwise of all tokens "
           "but the first",
           "< mean over i of a_i(i-1) >", of_icl, Each::inner_head},
};

Passes head_passes(const config::Capabilities& /*has*/) { return {.heads = true}; }

void read_heads(const View& view, std::span<double> values) {
  const auto& heads = view.sequences.heads;
  for (std::size_t i = 0; i < heads.size(); ++i) {
    values[i] = heads[i].on_copy;
    values[heads.size() + i] = heads[i].after_copy;
    const std::size_t previous = 2 * heads.size() + i;
    if (previous < values.size()) values[previous] = heads[i].on_previous;
  }
}

}  // namespace

const Probe probes::heads{head_columns, head_passes, read_heads};

}  // namespace icl::probe
