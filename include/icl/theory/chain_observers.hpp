#pragma once

#include <cstdint>
#include <span>

/// \file
/// Ideal observers of sequences of S symbols that a Markov chain makes (Park et al. 2024, arXiv
/// 2412.01003, section 3; the statistics of n-grams: Edelman et al. 2024). Each writes, for the
/// last m places i of a sequence s_0, s_1, ..., s_(n-1), the probabilities [m, S] of the symbol
/// that comes after s_i, of what it has seen up to s_i. Pure functions; may be used from any
/// thread.

namespace icl::theory {

/// A sequence of symbols 0 to S - 1.
struct ChainSequence {
  std::span<const std::int32_t> symbols;  ///< [n]
  std::size_t count = 0;                  ///< S
};

/// How often symbols came, with a Dirichlet(alpha) prior over their frequencies:
/// p(s) = (n_s + alpha) / (n + S alpha), n_s counted over s_0 .. s_i. alpha > 0.
void unigram(const ChainSequence&, double alpha, std::span<double> probabilities);

/// How often symbols came after s_i, with a Dirichlet(alpha) prior over each row of the transition
/// matrix: p(s) = (n_(s_i s) + alpha) / (sum over s' of n_(s_i s') + S alpha), transitions counted
/// over s_0 .. s_i. This is ideal where each sequence has a new chain. alpha > 0.
void bigram(const ChainSequence&, double alpha, std::span<double> probabilities);

/// The posterior over K known chains by their transitions, `chains` [K, S, S] with rows that sum to
/// 1: p(s) = sum over k of p_k P_k(s_i, s), p_k ~ f_k(s_0) product of P_k(s_(j-1), s_j), where s_0
/// comes from f_k = `starts` [K, S]; all chains are equally likely beforehand. This is ideal where
/// each sequence has one of these chains. A sequence that no chain can have made from s_j on: the
/// p_k of s_(j-1) are kept.
void known_chains(const ChainSequence&, std::span<const double> chains,
                  std::span<const double> starts, std::span<double> probabilities);

/// The posterior over K known chains by how often each has the symbols, f_k = `frequencies` [K, S],
/// in whatever order: p(s) = sum over k of p_k f_k(s), p_k ~ product of f_k(s_j).
void known_frequencies(const ChainSequence&, std::span<const double> frequencies,
                       std::span<double> probabilities);

/// The frequencies [S] that a chain [S, S] keeps, f = f P, |f| = 1: by elimination without
/// differences (Grassmann, Taksar & Heyman 1985). Every symbol must be reached from every other.
/// `scratch` is room for [S, S].
void stationary(std::span<const double> chain, std::span<double> scratch,
                std::span<double> frequencies);

}  // namespace icl::theory
