#include "icl/nn/fit.hpp"

#include "icl/core/error.hpp"

namespace icl::nn {
namespace {

std::string shape(std::int64_t rows, std::int64_t columns) {
  return '[' + std::to_string(rows) + ", " + std::to_string(columns) + ']';
}

}  // namespace

void report_misfit(const std::string& who, std::string_view what, ConstMatrixView given,
                   std::int64_t rows, std::int64_t columns) {
  throw Error(ExitCode::internal, who + " needs " + std::string(what) + ' ' + shape(rows, columns) +
                                      " and was given " + shape(given.rows, given.columns));
}

}  // namespace icl::nn
