#pragma once

#include <string_view>

namespace icl {

/// What CMake knew when it built this program.
struct BuildInfo {
  std::string_view version;   ///< of icl
  std::string_view commit;    ///< of the source, "-dirty" if it was changed; "unknown" outside git
  std::string_view compiler;  ///< name and version
  std::string_view flags;     ///< of the C++ compiler
  std::string_view build_type;  ///< Release, Debug, ...
};
[[nodiscard]] const BuildInfo& build_info();

}  // namespace icl
