// The backend on a graphics card, whichever card it is.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "lib/backend/backend.hpp"
#include "lib/backend/gpu_device.hpp"
#include "lib/backend/gpu_spectra.hpp"
#include "lib/core/export.hpp"

namespace attnspec {

struct GpuOptions {
  GpuMethod method = GpuMethod::gram;
  std::size_t most_bytes = 0;               ///< of the card's memory, with what its libraries take; 0: four fifths of
                                            ///< what is free now
  unsigned threads = 1;                     ///< of the host
  std::optional<GpuEigenRoute> route = {};  ///< none: the table's
};

/// `host` answers what is asked once a head and not in every trial.
ATTNSPEC_API std::unique_ptr<Backend> make_gpu_backend(std::unique_ptr<GpuDevice> device, std::unique_ptr<Backend> host,
                                                       const GpuOptions& options);

}  // namespace attnspec
