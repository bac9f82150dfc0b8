// Names of how a spectrum can end.
#include "lib/core/spectrum.hpp"

namespace attnspec {

std::string_view name_of(SvdStatus status) {
  switch (status) {
    case SvdStatus::ok: return "ok";
    case SvdStatus::not_finite: return "not_finite";
    case SvdStatus::not_converged: return "not_converged";
    case SvdStatus::not_attention: return "not_attention";
  }
  return "unknown";
}

}  // namespace attnspec
