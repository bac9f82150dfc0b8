// attnspec backends: what can compute here, with which BLAS kernel; why not?
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "lib/backend/registry.hpp"
#include "tools/commands.hpp"
#include "tools/options.hpp"
#include "tools/output.hpp"
#include "tools/terminal.hpp"

namespace attnspec {
namespace {

std::string as_json(const std::vector<BackendEntry>& entries, const BlasFacts& blas) {
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
  json["threads"] = usable_threads({});
  return json.dump(2) + "\n";
}

std::string as_text(const std::vector<BackendEntry>& entries, const BlasFacts& blas, const Terminal& terminal) {
  std::string text = terminal.bold(fmt::format("{:<8}{:<11}{:<8}{}\n", "device", "method", "usable", "what it is"));
  for (const BackendEntry& entry : entries) {
    text +=
        fmt::format("{:<8}{:<11}{:<8}{}\n", entry.device, entry.method, entry.usable ? "yes" : "no", entry.description);
    if (!entry.usable) text += fmt::format("{:<27}{}\n", "", entry.reason);
  }
  if (blas.loaded)
    text += fmt::format("\nBLAS     {}\nkernel   {} ({})\n", blas.config, blas.kernel, blas.kernel_choice);
  else
    text += fmt::format("\nBLAS     none: {}\n", blas.failure);
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
    print(report->json ? as_json(entries, blas) : as_text(entries, blas, Terminal(report->color)));
    exit_code = exit_done;
  });
}

}  // namespace attnspec
