#pragma once

#include <toml++/toml.h>

#include <string_view>
#include <vector>

#include "icl/config/sweep.hpp"

namespace icl::config {

/// The grids of a sweep that is being put together: as they are written, without the keys that they
/// do not name.
class Grids {
 public:
  /// Those of a list [[sweep.grid]], found at `where` in `source`, in place of all. Error(usage)
  /// for what is no such list.
  void replace(const toml::node&, std::string_view where, std::string_view source);
  /// A key was set after it stood in grids: that value is now all of it.
  void narrow(const Field&, const Value&);
  /// A key got an axis in a scale or on the command line, which is meant for all grids.
  void forget(const Field*);
  /// Whether one of them names the key.
  [[nodiscard]] bool name(const Field*) const;
  /// Gives them to a sweep whose base and axes are there: every grid then has every key that one of
  /// them names.
  void finish(Sweep&) const;

 private:
  std::vector<Sweep::Grid> grids_;
};

}  // namespace icl::config
