#include "engine/layers/step.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace studio::engine {
namespace {

// Rows of T * G in one piece of attention: long enough to share each load of keys and values between many queries,
// short enough that the last piece does not keep the other threads waiting.
constexpr int kAttentionRows = 64;
// Tokens of which one thread rotates queries and keys and stores the latter: two threads rarely share a page.
constexpr int kStoredTokens = 2 * kPageTokens;
// Up to here the pieces of elementwise work are smaller than a barrier: the caller's thread does them.
constexpr int kAloneTokens = 1;
// Of the weights that attention asks for, a thread: half of a second-level cache of 1 MB.
constexpr size_t kAheadBytes = 512 << 10;
// Columns whose codes of a block share cache lines, at most (activations.cc).
constexpr int kColumnGroup = 16;

}  // namespace

Step::Step(const KernelSet& kernels, ThreadPool& pool, RopeTable& rope, int rotary_dim, bool is_fine, int max_tokens)
    : kernels_(kernels),
      pool_(pool),
      rope_(rope),
      gated_(kernels, pool, max_tokens),
      rotary_dim_(rotary_dim),
      is_fine_(is_fine),
      ahead_(static_cast<size_t>(pool.threads())) {
  const auto angles = static_cast<size_t>(max_tokens) * static_cast<size_t>(rotary_dim / 2);
  cos_.resize(angles);
  sin_.resize(angles);
  positions_.reserve(static_cast<size_t>(max_tokens));
}

void Step::begin(std::span<const StepRun> runs) {
  runs_.assign(runs.begin(), runs.end());
  positions_.clear();
  for (const StepRun& run : runs_) {
    for (int t = 0; t < run.tokens; ++t) positions_.push_back(run.first_position + t);
  }
  tokens_ = static_cast<int>(positions_.size());
  rope_.gather(positions_, cos_.data(), sin_.data());
}

// Runs fn(columns begin, end, values begin, end) over an input of `columns` by `k`. Codes of one block lie side by side
// for a group of columns, which two threads should not write at once: the threads share out groups, or, where these are
// few, the blocks of all columns.
template <typename Fn>
void Step::for_parts(int columns, int k, Fn fn) {
  if (columns <= kAloneTokens) return fn(0, columns, 0, k);
  if (columns >= kColumnGroup * pool_.threads() || k % kActivationBlock != 0) {
    return pool_.parallel_for(columns, kColumnGroup, [&](int64_t begin, int64_t end, int) {
      fn(static_cast<int>(begin), static_cast<int>(end), 0, k);
    });
  }
  const int blocks = k / kActivationBlock, threads = pool_.threads();
  pool_.parallel_for(blocks, (blocks + threads - 1) / threads, [&](int64_t begin, int64_t end, int) {
    fn(0, columns, static_cast<int>(begin) * kActivationBlock, static_cast<int>(end) * kActivationBlock);
  });
}

void Step::norm(const float* x, std::span<const float> weight, float eps, Activations& y, int rows, int terms,
                Activations* first) {
  const int k = static_cast<int>(weight.size());
  y.reset(rows, k, terms);
  if (first != nullptr) first->reset(rows, k);
  const NormInput in{x, weight.size(), weight.data(), eps, k};
  for_parts(rows, k, [&](int begin, int end, int k_begin, int k_end) {
    kernels_.rms_norm_quantize(in, y.view(), begin, end, k_begin, k_end);
    if (first != nullptr) first->take_first_terms(y, begin, end, k_begin, k_end);
  });
}

void Step::norm_heads(float* x, int heads, std::span<const float> weight, float eps) {
  const NormInput in{x, weight.size(), weight.data(), eps, static_cast<int>(weight.size())};
  pool_.parallel_for(static_cast<int64_t>(tokens_) * heads, heads, [&](int64_t begin, int64_t end, int) {
    kernels_.rms_norm(in, x, weight.size(), static_cast<int>(begin), static_cast<int>(end));
  });
}

void Step::quantize(const float* x, Activations& y) {
  const auto stride = static_cast<size_t>(y.k());
  for_parts(y.columns(), y.k(), [&](int begin, int end, int k_begin, int k_end) {
    kernels_.quantize(x, stride, y.view(), begin, end, k_begin, k_end);
  });
}

void Step::refine(const PanelMatrix& head, const Activations& x, float range, float* logits, size_t stride) {
  // A row of logits is cut into as many pieces as keep all threads busy with one row.
  constexpr int64_t kPieces = 16;
  const int64_t panels = head.panels(), rows = head.rows();
  const auto panel_of = [&](int64_t piece) { return piece * panels / kPieces; };
  const auto for_pieces = [&](auto fn) {
    pool_.parallel_for(x.columns() * kPieces, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) fn(i, logits + static_cast<size_t>(i / kPieces) * stride);
    });
  };
  tops_.resize(static_cast<size_t>(x.columns() * kPieces));
  for_pieces([&](int64_t i, const float* row) {
    const int64_t begin = panel_of(i % kPieces) * kPanelRows;
    const int64_t end = std::min(rows, panel_of(i % kPieces + 1) * kPanelRows);
    tops_[static_cast<size_t>(i)] = begin < end ? kernels_.max(row + begin, static_cast<size_t>(end - begin))
                                                : -std::numeric_limits<float>::infinity();
  });
  for_pieces([&](int64_t i, float* row) {
    const auto first = tops_.begin() + i / kPieces * kPieces;
    const float least = *std::max_element(first, first + kPieces) - range;
    kernels_.refine(head.view(), x.view(), static_cast<int>(i / kPieces), least, row,
                    static_cast<int>(panel_of(i % kPieces)), static_cast<int>(panel_of(i % kPieces + 1)));
  });
}

void Step::attend(const AttentionJob& job) {
  const int group = job.shape.heads / job.shape.kv_heads;
  const auto is_one_piece = [&](const StepRun& run) { return run.tokens * group <= kAttentionRows; };
  const bool are_short = std::all_of(runs_.begin(), runs_.end(), is_one_piece);
  if (!are_short) {
    pool_.parallel_for(tokens_, kStoredTokens, [&](int64_t begin, int64_t end, int) {
      for (const StepRun& run : runs_) {
        const int from = std::max(static_cast<int>(begin) - run.first_row, 0);
        const int to = std::min(static_cast<int>(end) - run.first_row, run.tokens);
        if (from < to) rotate_and_store(job, run, from, to, 0, job.shape.kv_heads);
      }
    });
  }
  items_.clear();
  for (const StepRun& run : runs_) {
    const int rows = run.tokens * group;
    for (int head = 0; head < job.shape.kv_heads; ++head) {
      for (int begin = 0; begin < rows; begin += kAttentionRows) {
        items_.push_back({&run, head, begin, std::min(rows, begin + kAttentionRows)});
      }
    }
  }
  look_ahead(job);
  pool_.parallel_for(static_cast<int64_t>(items_.size()), 1, [&](int64_t begin, int64_t end, int thread) {
    int64_t asked_for = -1;
    for (int64_t i = begin; i < end; ++i) {
      const AttentionItem& item = items_[static_cast<size_t>(i)];
      // Of a short run one thread does all there is to do for a head: nobody else needs it.
      if (are_short) rotate_and_store(job, *item.run, 0, item.run->tokens, item.kv_head, item.kv_head + 1);
      AttentionArgs args = attention_args(job, *item.run, item.kv_head), next;
      args.is_asked_for = i == asked_for;
      args.weights = &ahead_[static_cast<size_t>(thread)];
      if (i + 1 < static_cast<int64_t>(items_.size())) {
        const AttentionItem& after = items_[static_cast<size_t>(i + 1)];
        next = attention_args(job, *after.run, after.kv_head);
        args.next = &next;
        asked_for = i + 1;
      }
      kernels_.attention(args, item.begin, item.end);
    }
  });
}

// The beginning of each thread's share of what is multiplied next, as much as its cache has room for.
void Step::look_ahead(const AttentionJob& job) {
  const auto threads = static_cast<int64_t>(ahead_.size());
  for (int64_t thread = 0; thread < threads; ++thread) {
    WeightsAhead& ahead = ahead_[static_cast<size_t>(thread)];
    size_t room = kAheadBytes;
    for (int i = 0; i < WeightsAhead::kMaxSpans; ++i) {
      ahead.bytes[i] = 0;
      if (job.after[i] == nullptr) continue;
      const std::span<const uint8_t> panels = job.after[i]->data();
      const size_t bytes_of_one = job.after[i]->view().panel_bytes;
      const auto first = static_cast<size_t>(job.after[i]->panels() * thread / threads) * bytes_of_one;
      const auto last = static_cast<size_t>(job.after[i]->panels() * (thread + 1) / threads) * bytes_of_one;
      ahead.spans[i] = panels.data() + first;
      // The last two are read in turns.
      ahead.bytes[i] = std::min(last - first, i + 2 == WeightsAhead::kMaxSpans ? room / 2 : room) / 64 * 64;
      room -= ahead.bytes[i];
    }
  }
}

// Tokens [begin, end) of a run, for kv heads [head_begin, head_end) and the query heads that share them.
void Step::rotate_and_store(const AttentionJob& job, const StepRun& run, int begin, int end, int head_begin,
                            int head_end) {
  const HeadShape& shape = job.shape;
  const int group = shape.heads / shape.kv_heads, dim = shape.head_dim;
  RopeArgs args;
  args.head_dim = dim;
  args.rotary_dim = rotary_dim_;
  args.interleaved = job.interleaved;
  args.cos = cos_.data();
  args.sin = sin_.data();
  args.x = job.q + head_begin * group * dim;
  args.heads = (head_end - head_begin) * group;
  args.stride = static_cast<size_t>(shape.heads * dim);
  kernels_.rope(args, run.first_row + begin, run.first_row + end);
  args.x = job.k + head_begin * dim;
  args.heads = head_end - head_begin;
  args.stride = static_cast<size_t>(shape.kv_heads * dim);
  kernels_.rope(args, run.first_row + begin, run.first_row + end);

  for (int head = head_begin; head < head_end; ++head) {
    const size_t offset = static_cast<size_t>(run.first_row + begin) * args.stride + static_cast<size_t>(head * dim);
    KvStoreArgs store;
    store.pages = job.pages->view(job.layer, head);
    store.page_table = run.sequence->page_table();
    store.first = run.first_position + begin;
    store.n = end - begin;
    store.k = job.k + offset;
    store.v = job.v + offset;
    if (job.k_center != nullptr) store.k_center = job.k_center + head * dim;
    store.k_stride = store.v_stride = args.stride;
    kernels_.store_kv(store);
  }
}

AttentionArgs Step::attention_args(const AttentionJob& job, const StepRun& run, int kv_head) const {
  const HeadShape& shape = job.shape;
  const int group = shape.heads / shape.kv_heads;
  const auto stride = static_cast<size_t>(shape.heads * shape.head_dim);
  const size_t offset = static_cast<size_t>(run.first_row) * stride +
                        static_cast<size_t>(kv_head * group) * static_cast<size_t>(shape.head_dim);
  AttentionArgs args;
  args.pages = job.pages->view(job.layer, kv_head);
  args.page_table = run.sequence->page_table();
  args.first = run.first_position;
  args.group = group;
  args.scale = 1.0f / std::sqrt(static_cast<float>(shape.head_dim));
  args.is_fine = is_fine_;
  args.q = job.q + offset;
  args.q_stride = stride;
  args.out = job.out + offset;
  args.out_stride = stride;
  return args;
}

}  // namespace studio::engine
