// The columns of the two tables; papers and programs rely on their names.
#include "analysis/writers/spectrum_table.hpp"

#include <numeric>
#include <utility>

#include "analysis/writers/csv.hpp"
#include "lib/core/parallel.hpp"

namespace attnspec {
namespace {

constexpr const char* spectrum_header =
    "dump,model,layer,head,n,index,index_fraction,sigma_mean,sigma_sd,cumulative_mean,cumulative_sd,energy_mean,energy_"
    "sd,"
    "samples";

constexpr const char* summary_header =
    "dump,model,layer,head,n,samples,index,cumulative_at_index_mean,cumulative_at_index_sd,energy_at_index_mean,"
    "effective_rank_mean,effective_rank_sd,stable_rank_mean,participation_ratio_mean,k90_mean,k95_mean,k99_mean,"
    "energy_k90_mean,energy_k95_mean,energy_k99_mean,nuclear_norm_mean,spectral_norm_mean,numerical_rank_mean,"
    "rank_tolerance,quantisation_floor,error_bound,skipped";

CsvText& begin(CsvText& csv, const DumpSummary& dump, const HeadSummary& head) {
  return csv.field(dump.dump).field(dump.model).field(head.layer).field(head.head).field(head.n);
}

void write_curve(CsvText& csv, const DumpSummary& dump, const HeadSummary& head) {
  CsvText names;
  begin(names, dump, head);
  for (std::size_t j = 0; j < head.n; ++j) {
    csv.fields(names).field(j + 1).field(static_cast<double>(j + 1) / static_cast<double>(head.n));
    csv.field(head.sigma[j].mean).field(head.sigma[j].sd);
    csv.field(head.cumulative[j].mean).field(head.cumulative[j].sd);
    csv.field(head.energy[j].mean).field(head.energy[j].sd);
    csv.field(head.samples).end_row();
  }
}

void write_measures(CsvText& csv, const HeadSummary& head) {
  csv.field(head.cumulative_at_index.mean).field(head.cumulative_at_index.sd).field(head.energy_at_index.mean);
  csv.field(head.effective_rank.mean).field(head.effective_rank.sd);
  csv.field(head.stable_rank_mean).field(head.participation_ratio_mean);
  csv.field(head.k90_mean).field(head.k95_mean).field(head.k99_mean);
  csv.field(head.energy_k90_mean).field(head.energy_k95_mean).field(head.energy_k99_mean);
  csv.field(head.nuclear_norm_mean).field(head.spectral_norm_mean).field(head.numerical_rank_mean);
  csv.field(head.rank_tolerance).field(head.quantisation_floor).field(head.error_bound);
}

constexpr std::size_t measure_columns = 19;  // of write_measures, empty where no sample came through

}  // namespace

std::string spectrum_csv(const std::vector<DumpSummary>& dumps, unsigned threads) {
  std::vector<std::pair<const DumpSummary*, const HeadSummary*>> curves;
  for (const DumpSummary& dump : dumps)
    for (const HeadSummary& head : dump.rows)
      if (head.samples > 0) curves.emplace_back(&dump, &head);
  std::vector<std::string> texts(curves.size());
  for_each_index(curves.size(), threads, [&](std::size_t i, std::size_t) {
    CsvText csv;
    write_curve(csv, *curves[i].first, *curves[i].second);
    texts[i] = csv.take();
  });
  std::string whole = CsvText(spectrum_header).take();
  whole.reserve(std::accumulate(texts.begin(), texts.end(), whole.size(),
                                [](std::size_t sum, const std::string& text) { return sum + text.size(); }));
  for (std::string& text : texts) whole += std::exchange(text, {});
  return whole;
}

std::string summary_csv(const std::vector<DumpSummary>& dumps) {
  CsvText csv(summary_header);
  for (const DumpSummary& dump : dumps)
    for (const HeadSummary& head : dump.rows) {
      begin(csv, dump, head).field(head.samples).field(head.index);
      if (head.samples > 0)
        write_measures(csv, head);
      else
        for (std::size_t i = 0; i < measure_columns; ++i) csv.field("");
      csv.field(head.skipped).end_row();
    }
  return csv.take();
}

}  // namespace attnspec
