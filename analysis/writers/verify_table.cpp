// The columns of verify.csv; papers and programs rely on their names.
#include "analysis/writers/verify_table.hpp"

#include <optional>

#include "analysis/writers/csv.hpp"

namespace attnspec {
namespace {

constexpr const char* header =
    "dump,model,claim,reading,construction,columns,norm,delta,logits,layer,head,sample,n,d,epsilon,k,k_source,trials,"
    "failures,failure_rate,ci_low,ci_high,row_failure_rate,row_failure_se,claimed_bound,exact_rate,zero_failure_rate,"
    "rms_relative_error,rms_predicted,rho,verdict,reason,tested,exact_upper,rms_se";

template <typename Number>
CsvText& field(CsvText& csv, const std::optional<Number>& number) {
  return number ? csv.field(*number) : csv.field("");
}

void write_claim(CsvText& csv, const VerifyRow& row) {
  csv.field(row.claim).field(row.reading).field(row.construction).field(row.columns);
  csv.field(row.norm).field(row.delta).field(row.logits);
  csv.field(row.id.layer).field(row.id.head).field(row.id.sample).field(row.n);
  field(csv, row.d == 0 ? std::nullopt : std::optional(row.d));
  field(csv, row.epsilon);
  field(csv, row.k).field(row.k_source);
}

void write_rates(CsvText& csv, const VerifyRow& row) {
  csv.field(row.trials).field(row.failures);
  field(csv, row.failure_rate);
  field(csv, row.interval ? std::optional(row.interval->low) : std::nullopt);
  field(csv, row.interval ? std::optional(row.interval->high) : std::nullopt);
  for (const auto& number : {row.row_failure_rate, row.row_failure_se, row.claimed_bound, row.exact_rate,
                             row.zero_failure_rate, row.rms_relative_error, row.rms_predicted, row.rho})
    field(csv, number);
}

}  // namespace

std::string verify_csv(const std::vector<DumpVerification>& dumps) {
  CsvText csv(header);
  for (const DumpVerification& dump : dumps) {
    for (const VerifyRow& row : dump.rows) {
      csv.field(dump.dump).field(dump.model);
      write_claim(csv, row);
      write_rates(csv, row);
      csv.field(name_of(row.judgement.verdict)).field(row.judgement.reason).field(row.tested);
      field(csv, row.exact_upper);
      field(csv, row.rms_se).end_row();
    }
  }
  return csv.take();
}

}  // namespace attnspec
