// Field after field.
#include "tools/verify_record.hpp"

#include <cstdint>

#include "lib/core/record.hpp"

namespace attnspec {
namespace {

/// Every field of a row in its order; one list for writing and reading.
template <class Row, class Visitor>
void visit_fields(Row& row, Visitor visit) {
  for (auto* text : {&row.claim, &row.reading, &row.construction, &row.columns, &row.norm, &row.delta, &row.logits,
                     &row.k_source, &row.tested, &row.judgement.reason})
    visit(*text);
  visit(row.id);
  for (auto* number : {&row.n, &row.d, &row.trials, &row.failures}) visit(*number);
  visit(row.k);
  visit(row.interval);
  for (auto* number : {&row.epsilon, &row.failure_rate, &row.row_failure_rate, &row.row_failure_se, &row.claimed_bound,
                       &row.exact_rate, &row.zero_failure_rate, &row.rms_relative_error, &row.rms_predicted, &row.rho,
                       &row.exact_upper, &row.rms_se})
    visit(*number);
  visit(row.judgement.verdict);
}

void put(RecordWriter& out, const std::map<std::string, std::size_t>& counts) {
  out.put(static_cast<std::uint64_t>(counts.size()));
  for (const auto& [kind, count] : counts) out.put(kind).put(static_cast<std::uint64_t>(count));
}

void take(RecordReader& in, std::map<std::string, std::size_t>& counts) {
  for (std::size_t left = in.number(); left > 0; --left) {
    std::string kind;
    in.take(kind);
    counts[kind] = in.number();
  }
}

}  // namespace

std::string pack(const VerifiedBatch& batch) {
  RecordWriter out;
  out.put(static_cast<std::uint64_t>(batch.matrices)).put(static_cast<std::uint64_t>(batch.done));
  put(out, batch.skipped);
  put(out, batch.warnings);
  out.put(static_cast<std::uint64_t>(batch.rows.size()));
  for (const VerifyRow& row : batch.rows) visit_fields(row, [&out](const auto& field) { out.put(field); });
  return out.take();
}

VerifiedBatch unpack_batch(const std::string& bytes) {
  RecordReader in(bytes);
  VerifiedBatch batch;
  batch.matrices = in.number();
  batch.done = in.number();
  take(in, batch.skipped);
  take(in, batch.warnings);
  batch.rows.resize(in.number());
  for (VerifyRow& row : batch.rows) visit_fields(row, [&in](auto& field) { in.take(field); });
  return batch;
}

}  // namespace attnspec
