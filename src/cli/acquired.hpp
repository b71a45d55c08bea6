#pragma once

#include <string>

#include "icl/sweep/folder.hpp"
#include "icl/sweep/plan.hpp"

namespace icl::cli {

/// Prints, under a title, how many runs of a sweep acquired ICL at each point, and when; and
/// between which K the threshold lies, all else being equal.
void print_acquired(const std::string& title, const sweep::Plan&, const sweep::Folder&);

}  // namespace icl::cli
