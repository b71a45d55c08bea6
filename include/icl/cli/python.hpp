#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "icl/core/error.hpp"

/// The analysis in Python that belongs to this program, and where it lies.
namespace icl::cli {

/// Where the experiments and the package icl_lab lie: beside the program, as installed
/// (PREFIX/share/icl for PREFIX/bin/icl), or above it, as built (the source tree of build/release).
struct Home {
  std::filesystem::path experiments;
  std::filesystem::path python;  ///< for PYTHONPATH
};

/// Throws Error(unavailable) if there is neither.
[[nodiscard]] Home find_home();

/// An interpreter that has all that icl_lab imports: $ICL_PYTHON if that is set, else python3 of
/// $PATH, else /usr/bin/python3. Nothing if none of them has.
[[nodiscard]] std::optional<std::string> find_python();

/// What is to be installed where find_python() finds nothing: a sentence.
[[nodiscard]] std::string what_python_needs();

/// Runs `python -m icl_lab ARGUMENTS...` with $ICL_PROGRAM for this program, and says what it says;
/// `done` or `check_failed`. Throws Error with its message and status if it fails, and
/// Error(unavailable) if it cannot be started or the interpreter fails.
[[nodiscard]] ExitCode run_lab(const std::string& python, const Home&,
                               const std::vector<std::string>& arguments);

}  // namespace icl::cli
