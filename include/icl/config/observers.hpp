#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "icl/config/task.hpp"

namespace icl::config {

struct Config;

/// The ideal observers that record.observers names.
enum class ObserverName : std::uint8_t {
  memoriser,
  copier,
  ridge,
  dmmse,
  unigram_inference,
  bigram_inference,
  unigram_retrieval,
  bigram_retrieval,
  inference,
  retrieval
};

struct ObserverRow {
  std::string_view name;
  ObserverName observer;
  TaskKind task;             ///< whose sequences it sees
  std::string_view is;       ///< what it is: "the memoriser, who ..."
  std::string_view formula;  ///< of its answer
  std::string_view source;
};

inline constexpr std::string_view four_algorithms = "Park et al. 2024, arXiv:2412.01003";

/// A row for each, in the order of the enumeration. A new one is an enumerator and a row here, its
/// numbers in theory/, and a case in the observer() of its task.
inline constexpr std::array observers{
    ObserverRow{"memoriser", ObserverName::memoriser, TaskKind::labels,
                "the posterior over the K training items, which knows their labels by heart and "
                "nothing of the context",
                "p(l) = sum over items k with label l of p_k exp(-|y - x_k/s|^2 D s^2/(2 "
                "epsilon^2)), normalised; s^2 = 1 + epsilon^2, epsilon = data.noise, y the target; "
                "at epsilon = 0 the label of the item that equals y, the p_k where none does",
                "derived; the two ways to answer: Nguyen & Reddy 2024, arXiv:2412.00104"},
    ObserverRow{"copier", ObserverName::copier, TaskKind::labels,
                "the posterior over the tokens of the context, one of which shows the target's "
                "item, which knows nothing of the training items",
                "p(l) = sum over tokens j with label l of exp(D (rho y . y_j - rho^2 (|y|^2 + "
                "|y_j|^2)/2)/(1 - rho^2)), normalised; rho = 1/(1 + data.noise^2), y the target; "
                "without noise the label of the token that equals y, all labels equally where none "
                "does",
                "derived; the two ways to answer: Nguyen & Reddy 2024, arXiv:2412.00104"},
    ObserverRow{"ridge", ObserverName::ridge, TaskKind::regression,
                "ridge regression on the context, ideal where w ~ N(0, I)",
                "x_N . (X^T X + sigma^2 I)^-1 X^T y, sigma = data.noise",
                "Raventos et al. 2023, arXiv:2306.15063"},
    ObserverRow{"dmmse", ObserverName::dmmse, TaskKind::regression,
                "the discrete minimum-mean-square estimator, ideal where w is one of the K tasks",
                "x_N . sum over tasks m of w_m p_m, p_m ~ exp(-sum over the context of (y - w_m . "
                "x)^2/(2 sigma^2)), sigma = data.noise",
                "Raventos et al. 2023, arXiv:2306.15063"},
    ObserverRow{"unigram_inference", ObserverName::unigram_inference, TaskKind::chains,
                "who counts the symbols of the context",
                "p(s) = (n_s + alpha)/(N + S alpha), n_s of the N symbols being s, alpha = "
                "data.concentration",
                four_algorithms},
    ObserverRow{"bigram_inference", ObserverName::bigram_inference, TaskKind::chains,
                "who counts what came after the last symbol, ideal where each chain is a new one",
                "p(s) = (n_s + alpha)/(n + S alpha), s being n_s of the n symbols that came after "
                "the last one's earlier places, alpha = data.concentration",
                four_algorithms},
    ObserverRow{"unigram_retrieval", ObserverName::unigram_retrieval, TaskKind::chains,
                "the posterior over the K training chains by how often each has the symbols",
                "p(s) = sum over chains k of p_k f_k(s), p_k ~ product over the N symbols of "
                "f_k(s_j), f_k = f_k P_k",
                four_algorithms},
    ObserverRow{"bigram_retrieval", ObserverName::bigram_retrieval, TaskKind::chains,
                "the posterior over the K training chains by their transitions, ideal where the "
                "chain is one of these",
                "p(s) = sum over chains k of p_k P_k(s_N, s), p_k ~ f_k(s_1) product over j = 2 to "
                "N of P_k(s_(j-1), s_j), f_k = f_k P_k",
                four_algorithms},
    ObserverRow{"inference", ObserverName::inference, TaskKind::urns,
                "who counts the symbols of the context, ideal where each urn is a new one",
                "p(s) = (n_s + alpha)/(N + S alpha), n_s of the N symbols being s, alpha = "
                "data.concentration",
                "derived: the mean of p_s in the posterior of a Dirichlet(alpha) prior"},
    ObserverRow{
        "retrieval", ObserverName::retrieval, TaskKind::urns,
        "the posterior over the K training urns, ideal where the urn is one of these",
        "p(s) = sum over urns k of w_k p_k(s), w_k ~ product over the N symbols of p_k(s_j)",
        "derived: Bayes' rule, the urns equally likely beforehand"},
};
[[nodiscard]] constexpr const ObserverRow& row_of(ObserverName name) {
  return observers.at(static_cast<std::size_t>(name));
}
static_assert([] {
  for (std::size_t i = 0; i < observers.size(); ++i) {
    if (static_cast<std::size_t>(observers[i].observer) != i) return false;
  }
  return true;
}());

/// Those of record.observers, in the order of the table.
[[nodiscard]] std::vector<ObserverName> observers_of(const Config&);

}  // namespace icl::config
