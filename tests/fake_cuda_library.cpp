// The fake card as a libattnspec-cuda.so, so that the whole program can be run on one. ATTNSPEC_FAKE_GPU says what it
// shall do: "memory=1000000 failing_call=50 no_convergence_of=3", each where it is wanted.
#include <cstdlib>
#include <sstream>

#include "lib/backend/cuda/entry.hpp"
#include "tests/support/fake_gpu.hpp"

attnspec::GpuDevice* attnspec_cuda_device(std::string* reason) {
  reason->clear();
  const auto log = std::make_shared<attnspec::test::FakeGpuLog>();
  const char* wanted = std::getenv("ATTNSPEC_FAKE_GPU");
  std::istringstream words(wanted == nullptr ? "" : wanted);
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    const std::size_t number = std::stoul(word.substr(equals + 1));
    const std::string name = word.substr(0, equals);
    if (name == "memory") log->memory = number;
    if (name == "failing_call") log->failing_call = number;
    if (name == "no_convergence_of") log->no_convergence_of = number;
  }
  return new attnspec::test::FakeGpu(log);
}
