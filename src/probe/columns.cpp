#include "icl/probe/columns.hpp"

#include <array>

namespace icl::probe {
namespace {

using config::ProbeName;

constexpr std::array table{
    Column{ProbeName::memorisation, "c1", "1", "memorisation signal on training items",
           "< sigma(-phi+) >, phi+ the memoriser's logit times the label",
           [](const Reading& r) { return r.c1; }, of_the_paper},
    Column{ProbeName::memorisation, "c2", "1", "curvature of the loss under memorisation",
           "1 - < sigma(-phi+)^2 > / c1", [](const Reading& r) { return r.c2; }, of_the_paper},
    Column{ProbeName::memorisation, "c3", "1", "exponential margin on training items",
           "< e^-phi+ >", [](const Reading& r) { return r.c3; }, of_the_paper},
    Column{ProbeName::memorisation, "phi_mean", "nat", "memoriser's margin on training items",
           "< phi+ >; phi = z without attention (minimal, memoriser), (z(+) + z(-))/2 with "
           "attention clamped to a copy of label +-1 (other systems)",
           [](const Reading& r) { return r.margin.mean; }, of_icl},
    Column{ProbeName::memorisation, "phi_deviation", "nat",
           "spread of the memoriser's margin over training items", "standard deviation of phi+",
           [](const Reading& r) { return r.margin.deviation; }, of_icl},
    Column{
        ProbeName::effective, "effective_beta", "nat", "effective beta, mean over sequences",
        "< score on the copy minus log-mean-exp of the scores on the other context tokens >: the "
        "target's score on itself is left out, several copies count as one with their mean weight, "
        "and a context of copies alone is passed over",
        [](const Reading& r) { return r.effective_beta.mean; }, of_icl},
    Column{ProbeName::effective, "effective_beta_deviation", "nat",
           "effective beta, spread over sequences", "standard deviation",
           [](const Reading& r) { return r.effective_beta.deviation; }, of_icl},
    Column{ProbeName::effective, "effective_w", "nat", "effective w, mean over items",
           "(z(+) - z(-))/2, z(l) the logit with attention clamped to a copy of label l",
           [](const Reading& r) { return r.effective_w.mean; }, of_icl},
    Column{ProbeName::effective, "effective_w_deviation", "nat", "effective w, spread over items",
           "standard deviation", [](const Reading& r) { return r.effective_w.deviation; }, of_icl},
    Column{ProbeName::effective, "effective_nonlinearity", "nat",
           "how far the logit is from linear in the copy's label",
           "root mean square of z(no label) - (z(+) + z(-))/2",
           [](const Reading& r) { return r.nonlinearity; }, of_icl},
    Column{ProbeName::effective, "self_minus_copy", "nat",
           "score on the target itself minus that on the copy", "< s_N - s_copy >",
           [](const Reading& r) { return r.self_minus_copy; }, of_icl},
    Column{ProbeName::attention, "attention_copy", "1", "attention on the copies of the target",
           "< sum of a_j over the copies >", [](const Reading& r) { return r.attention_copy; },
           of_icl},
    Column{ProbeName::attention, "attention_self", "1", "attention on the target itself", "< a_N >",
           [](const Reading& r) { return r.attention_self; }, of_icl},
    Column{ProbeName::attention, "attention_entropy", "nat", "entropy of the target's attention",
           "< -sum_j a_j ln a_j >", [](const Reading& r) { return r.attention_entropy; }, of_icl},
    Column{ProbeName::margins, "attention_margin", "nat",
           "logit margin that the attention term adds",
           "< y (z - z0) >, z0 the logit without the attention term",
           [](const Reading& r) { return r.attention_margin; }, of_icl},
    Column{ProbeName::margins, "memoriser_margin", "nat", "logit margin of the MLP path alone",
           "< y z0 >", [](const Reading& r) { return r.memoriser_margin; }, of_icl},
    Column{ProbeName::alignment, "identity_alignment", "1",
           "alignment of queries and keys with the identity on items",
           "tr(A)/(sqrt(D) |A|_F), A the item block of G W_k^T W_q G, G = diag(gain)",
           [](const Reading& r) { return r.alignment; }, of_icl},
    Column{ProbeName::lesions, "uniform_icl_loss", "nat",
           "lesion: loss on novel items with uniform attention", "mean softplus(-y z)",
           [](const Reading& r) { return r.uniform_icl.loss; }, of_icl},
    Column{ProbeName::lesions, "uniform_icl_accuracy", "1",
           "lesion: accuracy on novel items with uniform attention", "share with y z > 0",
           [](const Reading& r) { return r.uniform_icl.accuracy; }, of_icl},
    Column{ProbeName::lesions, "uniform_iwl_loss", "nat",
           "lesion: loss on training items with uniform attention", "mean softplus(-y z)",
           [](const Reading& r) { return r.uniform_iwl.loss; }, of_icl},
    Column{ProbeName::lesions, "uniform_iwl_accuracy", "1",
           "lesion: accuracy on training items with uniform attention", "share with y z > 0",
           [](const Reading& r) { return r.uniform_iwl.accuracy; }, of_icl},
    Column{ProbeName::lesions, "no_attention_icl_loss", "nat",
           "lesion: loss on novel items without the attention term", "mean softplus(-y z0)",
           [](const Reading& r) { return r.none_icl.loss; }, of_icl},
    Column{ProbeName::lesions, "no_attention_icl_accuracy", "1",
           "lesion: accuracy on novel items without the attention term", "share with y z0 > 0",
           [](const Reading& r) { return r.none_icl.accuracy; }, of_icl},
    Column{ProbeName::lesions, "no_attention_iwl_loss", "nat",
           "lesion: loss on training items without the attention term", "mean softplus(-y z0)",
           [](const Reading& r) { return r.none_iwl.loss; }, of_icl},
    Column{ProbeName::lesions, "no_attention_iwl_accuracy", "1",
           "lesion: accuracy on training items without the attention term", "share with y z0 > 0",
           [](const Reading& r) { return r.none_iwl.accuracy; }, of_icl},
    Column{ProbeName::lesions, "novel_margin_deviation", "nat",
           "spread over novel items of the margin without the attention term",
           "standard deviation of y z0", [](const Reading& r) { return r.novel_margin.deviation; },
           of_icl},
    Column{ProbeName::lesions, "clamped_icl_loss", "nat",
           "lesion: loss on novel items with attention clamped to the copy", "mean softplus(-y z)",
           [](const Reading& r) { return r.copy_icl.loss; }, of_icl},
    Column{ProbeName::lesions, "clamped_icl_accuracy", "1",
           "lesion: accuracy on novel items with attention clamped to the copy",
           "share with y z > 0", [](const Reading& r) { return r.copy_icl.accuracy; }, of_icl},
};

}  // namespace

std::span<const Column> columns() { return table; }

}  // namespace icl::probe
