// What `verify` found as gnuplot scripts: a claim's failure rates, the RMS error, and the k that is really needed.
#pragma once

#include <string_view>
#include <vector>

#include "analysis/verify_row.hpp"
#include "analysis/writers/figure.hpp"
#include "lib/core/export.hpp"

namespace attnspec {

/// Every figure shows what a dump has at the n that most of its matrices have, and at most six panels; its data
/// name the panels that it leaves out. A panel without a number says why. Rows that were made from V are preferred to
/// those made from other columns. All throw Error(internal) without a dump.

/// verify_lemma1, verify_theorem1, verify_theorem2 (the claim's name as in VerifyRow): failure rate against k, a panel
/// a dump and epsilon. A point is the median head at this k (the lower one of an even number) with its own confidence
/// interval as a bar, the pale bar behind it reaches from the least to the greatest rate of all heads; a sample's head
/// counts as a head. The dashed line is the claimed bound, the line through a series the exact law of the heads drawn.
/// Theorem 2 has a panel for each norm of V. Throws Error(internal) for another claim.
ATTNSPEC_API Figure verify_claim_figure(const std::vector<DumpVerification>& dumps, std::string_view claim);

/// verify_rms: the measured RMS relative error of Theorem 1's construction against the exact sqrt((1 + rho^2)/k), a
/// point a head and k, and their ratio below, a panel a dump.
ATTNSPEC_API Figure verify_rms_figure(const std::vector<DumpVerification>& dumps);

/// verify_needed_k: the k whose exact RMS relative error is epsilon, (1 + rho^2)/epsilon^2, by layer and head, mean
/// over samples, a panel a dump and epsilon.
ATTNSPEC_API Figure verify_needed_k_figure(const std::vector<DumpVerification>& dumps);

}  // namespace attnspec
