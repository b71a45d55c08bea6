#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "icl/core/error.hpp"

namespace icl::fuzz {

/// Ends the fuzzer, which keeps the input.
[[noreturn]] inline void violated(std::string_view property, std::string_view by) {
  std::fprintf(stderr, "PROPERTY VIOLATED: %.*s\n%.*s\n", static_cast<int>(property.size()),
               property.data(), static_cast<int>(by.size()), by.data());
  std::abort();
}

inline void require(bool holds, std::string_view property, std::string_view by = {}) {
  if (!holds) violated(property, by);
}

/// What an input may end in: nothing, or an Error that blames the input and says why. A child that
/// a busy machine gave no time is no finding: that error says so (io/isolated).
template <class Work>
void expect_blame_of_the_input(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    if (std::string_view(error.what()).find("this says nothing about the file") !=
        std::string_view::npos) {
      return;
    }
    require(error.code() == ExitCode::usage || error.code() == ExitCode::bad_input,
            "the input is blamed", error.what());
    require(!std::string_view(error.what()).empty(), "an error says something");
  }
}

/// Counts a child that a signal ended. One that ended by itself without an answer is a violation: a
/// sanitizer found something in it.
inline void count_death(std::string_view error, long& deaths) {
  require(error.find("ends the process that does it") == std::string_view::npos,
          "a child says what it found", error);
  if (error.find("ends in signal") != std::string_view::npos) ++deaths;
}

}  // namespace icl::fuzz
