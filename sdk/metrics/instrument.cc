#include "sdk/metrics/instrument.h"

#include <signalbox/common/diagnostics.h>

#include <algorithm>
#include <bit>
#include <exception>
#include <new>
#include <random>
#include <utility>

#include "sdk/metrics/attribute_set.h"

namespace signalbox::metrics::detail {
namespace {

using sdk::DiagnosticLevel;
using sdk::report_diagnostic;

std::uint32_t next_slot() noexcept {
  static std::atomic<std::uint32_t> next{0};
  return next.fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t next_id() noexcept {
  static std::atomic<std::uint64_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

// Differs from process to process, so that nobody can choose attributes that collide.
std::uint64_t hash_seed(std::uint64_t id) {
  static const std::uint64_t process = [] {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
  }();
  return process ^ (id * 0x9e3779b97f4a7c15);
}

template <Number T>
T from_bits(std::uint64_t bits) noexcept {
  return std::bit_cast<T>(bits);
}

template <Number T>
T difference(T now, T before) noexcept {
  if constexpr (std::same_as<T, std::int64_t>) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(now) -
                                     static_cast<std::uint64_t>(before));
  } else {
    return now - before;
  }
}

Instrument& to_instrument(InstrumentBase& base) noexcept {
  return static_cast<Instrument&>(base);
}

void report_lost(const char* what) noexcept {
  report_diagnostic(DiagnosticLevel::kError, "metrics.measurement_lost", what);
}

}  // namespace

// --- What the handles call.

void* acquire_cell(InstrumentBase& instrument, std::uint32_t slot) noexcept {
  try {
    ThreadState* thread = ThreadState::current();
    return thread == nullptr ? nullptr : to_instrument(instrument).cell_of_slot(slot, *thread);
  } catch (const std::exception& failure) {
    report_lost(failure.what());
    return nullptr;
  }
}

void* find_cell(InstrumentBase& base, Attributes attributes) noexcept {
  Instrument& instrument = to_instrument(base);
  ThreadState* thread = ThreadState::current();
  if (thread == nullptr) [[unlikely]] {
    return nullptr;
  }
  bool has_spelling = true;
  const std::uint64_t hash = hash_spelling(instrument.seed(), attributes, has_spelling);
  if (has_spelling) [[likely]] {
    if (void* cell = thread->find(hash, instrument, attributes)) [[likely]] {
      return cell;
    }
  }
  try {
    void* cell = instrument.cell_of(attributes, *thread);
    if (has_spelling) {
      thread->insert(hash, instrument, make_spelling(attributes), cell);
    }
    return cell;
  } catch (const std::exception& failure) {
    report_lost(failure.what());
    return nullptr;
  }
}

std::uint32_t bind_slot(InstrumentBase& instrument, Attributes attributes) noexcept {
  try {
    return to_instrument(instrument).bind(attributes);
  } catch (const std::exception& failure) {
    report_lost(failure.what());
    return to_instrument(instrument).default_slot();
  }
}

void report_invalid_value(InstrumentBase& instrument) noexcept {
  try {
    report_diagnostic(DiagnosticLevel::kWarning, "metrics.invalid_value",
                      "The instrument \"" + to_instrument(instrument).description().name +
                          "\" ignored a value that it cannot count: negative, infinite or not a "
                          "number.");
  } catch (const std::exception&) {
    // No memory for the message.
  }
}

void HistogramCell::record(double value) noexcept {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  constexpr auto kRelease = std::memory_order_release;
  // The first boundary that is not below the value: limits are inclusive. The loop halves a range
  // without a branch that depends on the value.
  const double* base = boundaries.data();
  std::size_t length = boundaries.size();
  while (length > 1) {
    const std::size_t half = length / 2;
    base += base[half - 1] < value ? half : 0;
    length -= half;
  }
  const auto index =
      static_cast<std::size_t>(base - boundaries.data()) + (length == 1 && *base < value ? 1 : 0);

  // Readers that see an odd number, or another one afterwards, try again.
  const std::uint64_t before = sequence.load(kRelaxed);
  sequence.store(before + 1, kRelaxed);
  std::atomic<std::uint64_t>& bucket = buckets()[index];
  bucket.store(bucket.load(kRelaxed) + 1, kRelease);
  sum.store(sum.load(kRelaxed) + value, kRelease);
  const std::uint64_t now = current_interval->load(kRelaxed);
  if (interval.load(kRelaxed) != now) [[unlikely]] {
    interval.store(now, kRelease);
    min.store(value, kRelease);
    max.store(value, kRelease);
  } else {
    if (value < min.load(kRelaxed)) {
      min.store(value, kRelease);
    }
    if (value > max.load(kRelaxed)) {
      max.store(value, kRelease);
    }
  }
  sequence.store(before + 2, kRelease);
}

void CellDeleter::operator()(void* cell) const noexcept {
  ::operator delete(cell, std::align_val_t{64});  // Cells are trivially destructible.
}

// --- Series and cells.

Instrument::Instrument(Description description)
    : description_(std::move(description)),
      id_(next_id()),
      seed_(hash_seed(id_)),
      default_slot_(next_slot()),
      settings_(std::make_shared<Settings>()) {}

void Instrument::activate(std::shared_ptr<const Settings> settings) {
  const std::scoped_lock lock(mutex_);
  settings_ = std::move(settings);
  activated_ = settings_->clock();
  for (Series* series : in_order_) {
    series->start = activated_;  // Bound before there was a provider.
  }
  active.store(true, std::memory_order_relaxed);
}

std::string Instrument::canonical(Attributes attributes) const {
  const auto type = description_.kind == Kind::kHistogram ? PointWriter::Type::kHistogram
                                                          : PointWriter::Type::kSum;
  return canonical_attributes(PointWriter::attributes_field(type), attributes);
}

Instrument::Series& Instrument::series_of(std::string set) {
  if (const auto found = series_.find(set); found != series_.end()) {
    return *found->second;
  }
  if (series_.size() + 1 >= settings_->cardinality_limit) {
    report_diagnostic(DiagnosticLevel::kWarning, "metrics.cardinality_limit",
                      "The instrument \"" + description_.name +
                          "\" has reached its limit of sets of attributes; further ones are "
                          "counted together, with the attribute otel.metric.overflow.");
    set = canonical({{"otel.metric.overflow", true}});
    if (const auto found = series_.find(set); found != series_.end()) {
      return *found->second;
    }
  }
  auto series = std::make_unique<Series>();
  series->attributes = set;
  series->start =
      is_observable(description_.kind) || !settings_->clock ? activated_ : settings_->clock();
  in_order_.reserve(in_order_.size() + 1);
  Series& added = *series_.emplace(std::move(set), std::move(series)).first->second;
  in_order_.push_back(&added);
  return added;
}

Instrument::Series& Instrument::series_of_slot(std::uint32_t slot) {
  if (const auto found = by_slot_.find(slot); found != by_slot_.end()) {
    return *found->second;
  }
  // Only the series without attributes has a slot before it exists.
  Series& series = series_of({});
  by_slot_.emplace(slot, &series);
  return series;
}

std::uint32_t Instrument::bind(Attributes attributes) {
  std::string set = canonical(attributes);
  if (set.empty()) {
    return default_slot_;
  }
  const std::scoped_lock lock(mutex_);
  Series& series = series_of(std::move(set));
  if (series.slot == kNoSlot) {
    const std::uint32_t slot = next_slot();
    by_slot_.emplace(slot, &series);
    series.slot = slot;
  }
  return series.slot;
}

std::unique_ptr<void, CellDeleter> Instrument::make_cell() const {
  constexpr std::align_val_t kLine{64};
  const bool is_histogram = description_.kind == Kind::kHistogram;
  const std::size_t buckets = is_histogram ? description_.boundaries.size() + 1 : 0;
  std::size_t bytes = sizeof(ValueCell<std::int64_t>);
  if (is_histogram) {
    bytes = sizeof(HistogramCell) + buckets * sizeof(std::atomic<std::uint64_t>);
    bytes = (bytes + 63) / 64 * 64;  // The next cell may be another thread's.
  }
  std::unique_ptr<void, CellDeleter> memory(::operator new(bytes, kLine));
  if (is_histogram) {
    auto* cell = new (memory.get()) HistogramCell();
    cell->current_interval = &interval_;
    cell->boundaries = description_.boundaries;
    for (std::size_t i = 0; i < buckets; ++i) {
      new (cell->buckets() + i) std::atomic<std::uint64_t>(0);
    }
  } else if (description_.is_int) {
    new (memory.get()) ValueCell<std::int64_t>();
  } else {
    new (memory.get()) ValueCell<double>();
  }
  return memory;
}

void* Instrument::share_of(Series& series, ThreadState& thread) {
  const bool is_shared = description_.kind == Kind::kGauge;  // The last value is all there is.
  Share* free_share = nullptr;
  for (Share& share : series.shares) {
    if (is_shared || share.owner == &thread) {
      return share.cell.get();
    }
    if (share.owner == nullptr) {
      free_share = &share;
    }
  }
  thread.remember(shared_from_this());
  if (free_share != nullptr) {
    free_share->owner = &thread;
    return free_share->cell.get();
  }
  series.shares.push_back({.cell = make_cell(), .owner = &thread});
  return series.shares.back().cell.get();
}

void* Instrument::cell_of_slot(std::uint32_t slot, ThreadState& thread) {
  void* cell = nullptr;
  {
    const std::scoped_lock lock(mutex_);
    cell = share_of(series_of_slot(slot), thread);
  }
  thread.set_slot(slot, cell);
  return cell;
}

void* Instrument::cell_of(Attributes attributes, ThreadState& thread) {
  std::string set = canonical(attributes);
  const std::scoped_lock lock(mutex_);
  return share_of(series_of(std::move(set)), thread);
}

void Instrument::release_cells(const ThreadState& thread) noexcept {
  const std::scoped_lock lock(mutex_);
  for (Series* series : in_order_) {
    for (Share& share : series->shares) {
      if (share.owner == &thread) {
        share.owner = nullptr;
      }
    }
  }
}

// --- Callbacks.

void Callback::run(Instrument& instrument) {
  const std::scoped_lock lock(mutex_);
  if (stopped_) {
    return;
  }
  try {
    function_(instrument);
  } catch (const std::exception& failure) {
    report_diagnostic(DiagnosticLevel::kError, "metrics.callback_failed",
                      "The callback of the instrument \"" + instrument.description().name +
                          "\" failed: " + failure.what());
  } catch (...) {
    report_diagnostic(
        DiagnosticLevel::kError, "metrics.callback_failed",
        "The callback of the instrument \"" + instrument.description().name + "\" failed.");
  }
}

void Callback::stop() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
  }
  if (const auto instrument = instrument_.lock()) {
    instrument->remove_callback(this);
  }
}

void Instrument::add_callback(std::shared_ptr<Callback> callback) {
  const std::scoped_lock lock(callbacks_mutex_);
  callbacks_.push_back(std::move(callback));
}

void Instrument::remove_callback(const Callback* callback) noexcept {
  const std::scoped_lock lock(callbacks_mutex_);
  std::erase_if(callbacks_, [&](const auto& known) { return known.get() == callback; });
}

void Instrument::run_callbacks() {
  std::vector<std::shared_ptr<Callback>> callbacks;
  {
    const std::scoped_lock lock(callbacks_mutex_);
    callbacks = callbacks_;
  }
  for (const auto& callback : callbacks) {
    callback->run(*this);  // Without a lock of ours: it may do as it likes.
  }
}

template <Number T>
void Instrument::observe(T value, Attributes attributes) {
  if (!is_recordable(value)) {
    report_invalid_value(*this);
    return;
  }
  std::string set = canonical(attributes);
  const std::scoped_lock lock(mutex_);
  Series& series = series_of(set);
  const bool is_overflow = series.attributes != set;
  if (is_overflow && series.is_observed && !is_gauge(description_.kind)) {
    value += from_bits<T>(series.observed);  // Several sets share it: their sum is what counts.
  }
  series.observed = std::bit_cast<std::uint64_t>(value);
  series.is_observed = true;
}
template void Instrument::observe<std::int64_t>(std::int64_t, Attributes);
template void Instrument::observe<double>(double, Attributes);

// --- Collection.

bool Instrument::is_delta(sdk::TemporalityPreference preference) const noexcept {
  using sdk::TemporalityPreference;
  switch (description_.kind) {
    case Kind::kCounter:
    case Kind::kHistogram:
      return preference != TemporalityPreference::kCumulative;
    case Kind::kObservableCounter:
      return preference == TemporalityPreference::kDelta;
    default:
      return false;
  }
}

void Instrument::collect(sdk::TemporalityPreference preference, Timestamp now,
                         PointWriter& writer) {
  if (is_observable(description_.kind)) {
    run_callbacks();
  }
  const bool delta = is_delta(preference);
  PointWriter::Metric metric{.name = description_.name,
                             .description = description_.description,
                             .unit = description_.unit,
                             .type = PointWriter::Type::kSum,
                             .temporality = delta ? Temporality::kDelta : Temporality::kCumulative,
                             .is_monotonic = description_.kind == Kind::kCounter ||
                                             description_.kind == Kind::kObservableCounter};
  if (is_gauge(description_.kind)) {
    metric.type = PointWriter::Type::kGauge;
    metric.temporality = Temporality::kNone;
  } else if (description_.kind == Kind::kHistogram) {
    metric.type = PointWriter::Type::kHistogram;
  }
  writer.begin_metric(metric);

  const std::scoped_lock lock(mutex_);
  if (description_.kind == Kind::kHistogram) {
    collect_histograms(delta, now, writer);
  } else if (description_.is_int) {
    collect_numbers<std::int64_t>(delta, now, writer);
  } else {
    collect_numbers<double>(delta, now, writer);
  }
  if (is_observable(description_.kind)) {
    forget_unobserved();
  }
}

template <Number T>
void Instrument::collect_numbers(bool delta, Timestamp now, PointWriter& writer) {
  for (Series* series : in_order_) {
    T value = 0;
    if (is_observable(description_.kind)) {
      if (!series->is_observed) {
        continue;
      }
      value = from_bits<T>(series->observed);
    } else {
      if (series->shares.empty()) {
        continue;  // Bound, but nothing recorded yet.
      }
      for (const Share& share : series->shares) {
        const auto* cell = static_cast<const ValueCell<T>*>(share.cell.get());
        const T part = cell->value.load(std::memory_order_relaxed);
        value = difference(value, difference(T{0}, part));  // A sum that may wrap.
      }
    }
    PointWriter::Times times{.start = series->start, .time = now};
    if (delta) {
      const T total = value;
      value = difference(total, from_bits<T>(series->last_value));
      times.start = std::max(series->start, series->last_collected);
      series->last_value = std::bit_cast<std::uint64_t>(total);
      series->last_collected = now;
      if (value == 0) {
        continue;
      }
    }
    writer.add(series->attributes, times, value);
  }
}

// What the cells of a histogram's series hold together.
struct Instrument::HistogramTotals {
  double sum = 0;
  double min = 0;
  double max = 0;
  bool has_extremes = false;
  std::vector<std::uint64_t> buckets;
};

void Instrument::read(const Series& series, std::uint64_t interval, HistogramTotals& totals) const {
  constexpr auto kAcquire = std::memory_order_acquire;
  const std::size_t bucket_count = description_.boundaries.size() + 1;
  totals = {};
  totals.buckets.resize(bucket_count);
  std::vector<std::uint64_t> buckets(bucket_count);
  for (const Share& share : series.shares) {
    auto* cell = static_cast<HistogramCell*>(share.cell.get());
    double sum = 0;
    double min = 0;
    double max = 0;
    std::uint64_t cell_interval = 0;
    std::uint64_t before = 0;
    // The writer needs a few nanoseconds for a measurement, so this ends soon.
    do {
      before = cell->sequence.load(kAcquire);
      for (std::size_t i = 0; i < bucket_count; ++i) {
        buckets[i] = cell->buckets()[i].load(kAcquire);
      }
      sum = cell->sum.load(kAcquire);
      min = cell->min.load(kAcquire);
      max = cell->max.load(kAcquire);
      cell_interval = cell->interval.load(kAcquire);
    } while (before % 2 != 0 || cell->sequence.load(std::memory_order_relaxed) != before);

    for (std::size_t i = 0; i < bucket_count; ++i) {
      totals.buckets[i] += buckets[i];
    }
    totals.sum += sum;
    if (cell_interval == interval) {
      totals.min = totals.has_extremes ? std::min(totals.min, min) : min;
      totals.max = totals.has_extremes ? std::max(totals.max, max) : max;
      totals.has_extremes = true;
    }
  }
}

void Instrument::collect_histograms(bool delta, Timestamp now, PointWriter& writer) {
  const std::uint64_t interval = interval_.load(std::memory_order_relaxed);
  HistogramTotals totals;
  for (Series* series : in_order_) {
    if (series->shares.empty()) {
      continue;
    }
    read(*series, interval, totals);
    PointWriter::Times times{.start = series->start, .time = now};
    if (delta) {
      series->last_buckets.resize(totals.buckets.size());
      for (std::size_t i = 0; i < totals.buckets.size(); ++i) {
        totals.buckets[i] -= std::exchange(series->last_buckets[i], totals.buckets[i]);
      }
      totals.sum -= std::exchange(series->last_sum, totals.sum);
      times.start = std::max(series->start, series->last_collected);
      series->last_collected = now;
    }
    std::uint64_t count = 0;
    for (const std::uint64_t bucket : totals.buckets) {
      count += bucket;
    }
    if (count == 0) {
      continue;
    }
    writer.add(series->attributes, times,
               PointWriter::Distribution{.count = count,
                                         .sum = totals.sum,
                                         .has_extremes = totals.has_extremes,
                                         .min = totals.min,
                                         .max = totals.max,
                                         .buckets = totals.buckets,
                                         .boundaries = description_.boundaries});
  }
  if (delta) {
    // Threads start anew with smallest and largest. One that is just recording may still put a
    // value under the old number; it is then counted next time, without extremes.
    interval_.store(interval + 1, std::memory_order_relaxed);
  }
}

void Instrument::forget_unobserved() {
  std::erase_if(in_order_, [](const Series* series) { return !series->is_observed; });
  std::erase_if(series_, [](const auto& entry) { return !entry.second->is_observed; });
  for (Series* series : in_order_) {
    series->is_observed = false;
  }
}

}  // namespace signalbox::metrics::detail
