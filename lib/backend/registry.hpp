// Every backend, in one explicit table: what is usable here, why not, and how to make it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/backend/backend.hpp"
#include "lib/backend/gpu_facts.hpp"
#include "lib/core/export.hpp"

namespace attnspec {

struct BackendEntry {
  std::string device;       ///< "cpu" or "cuda"
  std::string method;       ///< as --method takes it
  std::string description;  ///< one line
  bool usable = false;
  std::string reason;  ///< why not, and the remedy; empty where usable
};

/// The BLAS library behind the fast CPU backends.
struct BlasFacts {
  bool loaded = false;
  std::string config;         ///< OpenBLAS's own line: version and build
  std::string kernel;         ///< the kernel in use
  std::string kernel_choice;  ///< how it was chosen
  std::string failure;        ///< why it could not be loaded
};

/// Loads what can be loaded here to find out.
ATTNSPEC_API std::vector<BackendEntry> list_backends();
ATTNSPEC_API std::optional<GpuFacts> gpu_facts();
ATTNSPEC_API BlasFacts blas_facts();

struct BackendRequest {
  std::string device = "auto";  ///< auto, cpu, cuda
  std::string method = "auto";  ///< auto, or a method of the table
  unsigned threads = 1;
  bool half_precision = false;   ///< what is computed was stored in half precision or less: `auto` heeds it
  std::size_t device_bytes = 0;  ///< of the GPU's memory; 0: four fifths of what is free
};

struct ChosenBackend {
  std::unique_ptr<Backend> backend;
  std::string device, method;
  std::string card;    ///< the GPU with its driver and libraries; empty on the CPU
  std::string choice;  ///< what `auto` chose and why, in a sentence; empty where nothing was left to choose
};

/// How a backend wants to be fed.
struct Feeding {
  std::size_t batch = 0;  ///< matrices in a batch; 0: it does not mind
  unsigned callers = 1;   ///< threads that read batches and bring them
  bool spare = false;     ///< one of them only where the others wait for the file
};
ATTNSPEC_API Feeding feeding_of(const BackendRequest& request, unsigned threads);

/// Throws Error(usage) for a method that does not exist, Error(unsupported) for one that can not work here.
ATTNSPEC_API ChosenBackend make_backend(const BackendRequest& request);

}  // namespace attnspec
