// The walk: read heads, put them on trial together, draw, count, judge.
#include "analysis/verification.hpp"

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "analysis/constructions.hpp"
#include "analysis/head_on_trial.hpp"
#include "analysis/k_sweep.hpp"
#include "analysis/lemma1_trial.hpp"
#include "analysis/theorem_trial.hpp"
#include "lib/core/error.hpp"
#include "lib/core/gaussian_map.hpp"
#include "lib/core/parallel.hpp"

namespace attnspec {
namespace {

/// One head with all that it is asked.
struct Subject {
  std::unique_ptr<Lemma1Trial> lemma1;
  std::unique_ptr<TheoremTrial> theorems;
};

/// Heads that try the same constructions, with their tally.
struct Panel {
  std::vector<Construction> constructions;
  std::optional<RandomConstructions> named;  ///< the theorems' panels
  std::vector<std::size_t> subjects;
  std::vector<const Head*> heads;
  std::vector<HeadCriteria> criteria;
  std::unique_ptr<TrialTally> tally;

  bool has_work() const { return !heads.empty() && !constructions.empty(); }
};

class Walk {
 public:
  Walk(const AttentionDump& dump, Backend& backend, const VerifyOptions& options, VerifyObserver& observer)
      : info_(dump.info()),
        backend_(backend),
        options_(options),
        observer_(observer),
        kinds_(column_kinds(info_, options.columns)),
        reader_(dump.read_heads()) {
    result_.matrices = options.selection.matrices();
    DumpVerification& verification = result_.verification;
    verification.dump = info_.file;
    verification.model = info_.model;
    verification.epsilons = options.epsilons;
    verification.trials = options.trials;
    verification.confidence = options.confidence;
  }

  VerificationResult run() {
    std::size_t at = recall();
    const std::size_t together = std::clamp<std::size_t>(cost_of(info_, options_).heads_together, 1, most_together);
    while (at < result_.matrices && result_.finished) {
      std::vector<MatrixId> ids;
      for (; ids.size() < together && at < result_.matrices; ++at) {
        if (!ids.empty() && ids.front().sample != id(at).sample) break;
        ids.push_back(id(at));
      }
      batch(ids);
    }
    sort_rows(result_.verification.rows);
    return std::move(result_);
  }

 private:
  /// Enough to share a projection, few enough that an interrupted run loses little.
  static constexpr std::size_t most_together = 32;

  MatrixId id(std::size_t at) const {
    const Selection& selection = options_.selection;
    const std::size_t heads = selection.heads.size(), layers = selection.layers.size();
    return {selection.samples[at / heads / layers], selection.layers[at / heads % layers], selection.heads[at % heads]};
  }

  /// Batches of an earlier run; how many matrices they cover.
  std::size_t recall() {
    std::size_t matrices = 0;
    for (VerifiedBatch known; matrices < result_.matrices && observer_.recall(known);) {
      matrices += known.matrices;
      add(std::move(known));
    }
    return matrices;
  }

  void add(VerifiedBatch batch) {
    result_.done += batch.done;
    units_before_ += batch.done * options_.trials;
    skipped_ += batch.matrices - batch.done;
    for (const auto& [kind, count] : batch.skipped) result_.skipped[kind] += count;
    for (const auto& [kind, count] : batch.warnings) result_.warnings[kind] += count;
    std::vector<VerifyRow>& rows = result_.verification.rows;
    rows.insert(rows.end(), std::make_move_iterator(batch.rows.begin()), std::make_move_iterator(batch.rows.end()));
  }

  bool wants(Claim claim) const { return options_.claims.contains(claim); }
  /// Pooling needs them whatever the claim, so that a claim's rows do not depend on the others.
  bool wants_logits() const { return wants(Claim::theorem2) || options_.constructions.contains("pool"); }
  bool wants_theorems() const { return wants(Claim::theorem1) || wants(Claim::theorem2); }

  void batch(std::span<const MatrixId> ids) {
    VerifiedBatch found;
    found.matrices = ids.size();
    std::vector<HeadInputs> inputs;
    for (const MatrixId& id : ids) {
      HeadInputs one = reader_.read(id);
      if (is_fit(one, found)) inputs.push_back(std::move(one));
    }
    found.done = inputs.size();
    if (!inputs.empty()) try_heads(std::move(inputs), found, found.matrices - found.done);
    if (!result_.finished) return;
    observer_.on_batch(found);
    add(std::move(found));
  }

  void try_heads(std::vector<HeadInputs> inputs, VerifiedBatch& found, std::size_t skipped_here) {
    std::vector<Subject> subjects(inputs.size());
    for_each_index(inputs.size(), options_.threads,
                   [&](std::size_t i, std::size_t) { prepare(inputs[i], subjects[i]); });
    const std::size_t tokens = inputs.front().attention.shape().cols;
    inputs.clear();
    std::vector<Panel> panels = panels_of(subjects, tokens);
    draw(panels, tokens, subjects.size(), skipped_here);
    if (result_.finished) found.rows = conclude(panels, subjects, tokens);
  }

  /// Looks at a head's findings as the options say; false: it is left out.
  bool is_fit(const HeadInputs& inputs, VerifiedBatch& found) {
    const MatrixId id = inputs.attention.id(0);
    std::optional<MatrixFinding> finding = finding_of(info_, id, inputs.attention.soundness(0));
    if (!finding && inputs.value) finding = finding_of(info_, id, "/value", inputs.value->values);
    if (!finding) return true;
    const bool refused = finding->severity == Severity::refused;
    if (refused && options_.on_bad == OnBad::error) throw Error(ErrorKind::input, finding->sentence);
    const bool no_numbers = inputs.attention.soundness(0).not_finite > 0 || finding->kind.ends_with("not_finite");
    const bool skip = refused && (options_.on_bad == OnBad::skip || no_numbers);
    if (!skip) finding->severity = Severity::warning;
    ++(skip ? found.skipped : found.warnings)[finding->kind];
    observer_.on_finding(*finding);
    return !skip;
  }

  void prepare(const HeadInputs& inputs, Subject& subject) {
    if (wants(Claim::lemma1))
      subject.lemma1 = std::make_unique<Lemma1Trial>(inputs, options_.columns, options_, backend_);
    if (!wants_theorems()) return;
    subject.theorems = std::make_unique<TheoremTrial>(
        put_on_trial(info_, inputs, kinds_, wants_logits(), options_.seed, backend_), head_dimension(info_), options_);
    subject.theorems->try_baselines(backend_);
  }

  std::vector<Panel> panels_of(const std::vector<Subject>& subjects, std::size_t tokens) const {
    std::vector<Panel> panels;
    if (wants(Claim::lemma1)) {
      Panel& panel = panels.emplace_back();
      for (const std::size_t k : lemma1_ks(tokens)) panel.constructions.push_back(theorem1_construction(k));
      for (std::size_t s = 0; s < subjects.size(); ++s) {
        HeadCriteria criteria = subjects[s].lemma1->criteria();
        std::vector<std::size_t> every(criteria.criteria.size());
        std::iota(every.begin(), every.end(), std::size_t{0});
        criteria.of_construction.assign(panel.constructions.size(), every);
        add(panel, s, subjects[s].lemma1->head(), std::move(criteria));
      }
    }
    // In the limit delta -> 0, before it, and without logits; whoever stands beside a head does not change its numbers.
    for (const auto& [logits, limit] : {std::pair(true, true), std::pair(true, false), std::pair(false, false)}) {
      if (!wants_theorems()) break;
      Panel& panel = panels.emplace_back();
      panel.named.emplace(options_, tokens, head_dimension(info_), logits, limit);
      panel.constructions = panel.named->all();
      for (std::size_t s = 0; s < subjects.size(); ++s) {
        const TheoremTrial& trial = *subjects[s].theorems;
        if (trial.has_logits() == logits && (!logits || trial.in_the_limit() == limit))
          add(panel, s, trial.trial().head, trial.criteria(*panel.named));
      }
    }
    for (Panel& panel : panels)
      panel.tally = std::make_unique<TrialTally>(panel.criteria, panel.constructions.size(), options_.epsilons.size());
    return panels;
  }

  static void add(Panel& panel, std::size_t subject, const Head& head, HeadCriteria criteria) {
    panel.subjects.push_back(subject);
    panel.heads.push_back(&head);
    panel.criteria.push_back(std::move(criteria));
  }

  std::vector<std::size_t> lemma1_ks(std::size_t tokens) const {
    return measured_ks(Claim::lemma1, options_.epsilons, tokens, head_dimension(info_), options_.ks);
  }

  /// All trials, a chunk of maps at a time, every panel on the same maps.
  void draw(std::vector<Panel>& panels, std::size_t tokens, std::size_t subjects, std::size_t skipped_here) {
    std::size_t largest_k = 0;
    for (const Panel& panel : panels)
      if (panel.has_work())
        for (const Construction& construction : panel.constructions) largest_k = std::max(largest_k, construction.k);
    const std::size_t chunk = Backend::trial_group * groups_at_once(largest_k, tokens, subjects, options_.threads);
    if (!report(0, subjects, skipped_here)) return;
    std::vector<std::shared_ptr<const void>> kept;  // on the card, from one chunk to the next
    for (const Panel& panel : panels)
      if (panel.has_work()) kept.push_back(backend_.keep(panel.heads));
    for (std::size_t first = 0; first < options_.trials; first += chunk) {
      const std::size_t count = std::min(chunk, options_.trials - first);
      std::vector<Matrix> maps(count);
      for_each_index(count, options_.threads, [&](std::size_t t, std::size_t) {
        maps[t] = normals_of({largest_k, tokens, options_.seed, first + t});
      });
      std::vector<ProjectionPair> pairs;
      for (const Matrix& map : maps) pairs.push_back({&map, &map});
      for (Panel& panel : panels) {
        if (!panel.has_work()) continue;
        panel.tally->begin_chunk(count);
        backend_.output_errors(panel.heads, pairs, panel.constructions, *panel.tally);
        panel.tally->end_chunk();
      }
      if (!report(first + count, subjects, skipped_here)) return;
    }
  }

  bool report(std::size_t trials, std::size_t subjects, std::size_t skipped_here) {
    const std::size_t total = (result_.matrices - skipped_ - skipped_here) * options_.trials;
    result_.finished = observer_.on_progress(units_before_ + trials * subjects, total);
    return result_.finished;
  }

  std::vector<VerifyRow> conclude(const std::vector<Panel>& panels, const std::vector<Subject>& subjects,
                                  std::size_t tokens) const {
    struct Answer {
      const Panel* panel;
      std::size_t place;
    };
    std::vector<Answer> answers;
    for (const Panel& panel : panels)
      for (std::size_t p = 0; p < panel.subjects.size(); ++p) answers.push_back({&panel, p});
    std::vector<std::vector<VerifyRow>> rows(answers.size());
    for_each_index(answers.size(), options_.threads, [&](std::size_t a, std::size_t) {
      const Panel& panel = *answers[a].panel;
      const std::size_t place = answers[a].place;
      const Subject& subject = subjects[panel.subjects[place]];
      rows[a] = panel.named ? subject.theorems->rows(*panel.tally, place, *panel.named)
                            : subject.lemma1->rows(*panel.tally, place, lemma1_ks(tokens), head_dimension(info_));
    });
    std::vector<VerifyRow> all;
    for (std::vector<VerifyRow>& some : rows)
      all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
    return all;
  }

  const DumpInfo& info_;
  Backend& backend_;
  const VerifyOptions& options_;
  VerifyObserver& observer_;
  std::vector<std::string> kinds_;
  HeadReader reader_;
  VerificationResult result_;
  std::size_t skipped_ = 0, units_before_ = 0;
};

}  // namespace

VerifyObserver::~VerifyObserver() = default;

std::size_t VerificationResult::skipped_total() const {
  return std::accumulate(skipped.begin(), skipped.end(), std::size_t{0},
                         [](std::size_t sum, const auto& kind) { return sum + kind.second; });
}

VerificationResult verify(const AttentionDump& dump, Backend& backend, const VerifyOptions& options,
                          VerifyObserver& observer) {
  return Walk(dump, backend, options, observer).run();
}

}  // namespace attnspec
