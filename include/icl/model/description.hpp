#pragma once

#include <string>
#include <vector>

#include "icl/config/config.hpp"

namespace icl::model {

/// What one parameter is.
struct ParameterRole {
  std::string name;         ///< in the torch state_dict
  std::string sub_circuit;  ///< "attention" or "memoriser", as intervene.* names them
  std::string role;         ///< "W_q, W_k and W_v, in rows 0:X, X:2X and 2X:3X"
};

/// A system in words from which it can be rebuilt without this program: X, H, L and so on are the
/// numbers that `sizes` names.
struct Description {
  std::string system;  ///< "S1, the one-layer transformer"
  std::string source;
  std::string input;    ///< what a token is
  std::string forward;  ///< from tokens to the logit z
  std::string output;   ///< what z means, loss and gradient
  std::string initial;  ///< how the parameters are drawn
  std::vector<std::pair<std::string, std::int64_t>> sizes;
  std::vector<ParameterRole> parameters;  ///< in the model's order
};

[[nodiscard]] Description describe(const config::Config&);

}  // namespace icl::model
