#pragma once

#include <array>
#include <string_view>

namespace icl::config {

/// Of Kernels, in its order, as a sweep's file names them.
inline constexpr std::array<std::string_view, 2> kernel_names{"own", "avx2"};

}  // namespace icl::config
