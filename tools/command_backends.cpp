// attnspec backends: what can compute here, with which BLAS kernel; why not?
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <nlohmann/json.hpp>

#include "lib/backend/registry.hpp"
#include "tools/commands.hpp"
#include "tools/options.hpp"
#include "tools/output.hpp"
#include "tools/terminal.hpp"

namespace attnspec {
namespace {

double gibibytes(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 30); }

std::string as_json(const std::vector<BackendEntry>& entries, const BlasFacts& blas,
                    const std::optional<GpuFacts>& gpu) {
  nlohmann::ordered_json json;
  json["backends"] = nlohmann::ordered_json::array();
  for (const BackendEntry& entry : entries)
    json["backends"].push_back({{"device", entry.device},
                                {"method", entry.method},
                                {"usable", entry.usable},
                                {"description", entry.description},
                                {"reason", entry.reason}});
  json["blas"] = {{"loaded", blas.loaded},
                  {"library", blas.config},
                  {"kernel", blas.kernel},
                  {"kernel_choice", blas.kernel_choice},
                  {"failure", blas.failure}};
  json["gpu"] = nullptr;
  if (gpu)
    json["gpu"] = {{"name", gpu->name},           {"capability", gpu->capability},   {"driver", gpu->driver},
                   {"libraries", gpu->libraries}, {"total_bytes", gpu->total_bytes}, {"free_bytes", gpu->free_bytes}};
  json["threads"] = usable_threads({});
  return json.dump(2) + "\n";
}

std::string as_text(const std::vector<BackendEntry>& entries, const BlasFacts& blas, const std::optional<GpuFacts>& gpu,
                    const Terminal& terminal) {
  std::string text = terminal.bold(fmt::format("{:<8}{:<11}{:<8}{}\n", "device", "method", "usable", "what it is"));
  std::string said;  // rows of one device lack the same
  for (const BackendEntry& entry : entries) {
    text +=
        fmt::format("{:<8}{:<11}{:<8}{}\n", entry.device, entry.method, entry.usable ? "yes" : "no", entry.description);
    if (!entry.usable && entry.reason != said) text += fmt::format("{:<27}{}\n", "", entry.reason);
    said = entry.reason;
  }
  if (blas.loaded)
    text += fmt::format("\nBLAS     {}\nkernel   {} ({})\n", blas.config, blas.kernel, blas.kernel_choice);
  else
    text += fmt::format("\nBLAS     none: {}\n", blas.failure);
  if (gpu)
    text += fmt::format(
        "GPU      {}, {:.1f} GiB of which {:.1f} are free, compute capability {}\n         {}; driver for CUDA {}\n",
        gpu->name, gibibytes(gpu->total_bytes), gibibytes(gpu->free_bytes), gpu->capability, gpu->libraries,
        gpu->driver);
  return text + fmt::format("threads  {}\n", usable_threads({}));
}

}  // namespace

void add_backends_command(CLI::App& app, int& exit_code) {
  CLI::App& verb =
      *app.add_subcommand("backends",
                          "What can compute here, with which BLAS kernel; why not?\n\n"
                          "Examples:\n"
                          "  attnspec backends\n"
                          "  attnspec backends --json\n"
                          "  OPENBLAS_CORETYPE=Haswell attnspec backends     (your choice of kernel wins)\n");
  auto report = std::make_shared<ReportOptions>();
  add_report_options(verb, *report);
  verb.callback([report, &exit_code] {
    const auto entries = list_backends();
    const BlasFacts blas = blas_facts();
    const std::optional<GpuFacts> gpu = gpu_facts();
    print(report->json ? as_json(entries, blas, gpu) : as_text(entries, blas, gpu, Terminal(report->color)));
    exit_code = exit_done;
  });
}

}  // namespace attnspec
