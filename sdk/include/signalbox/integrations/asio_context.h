#pragma once

#include <signalbox/context/context.h>

#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/execution/prefer_only.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>
#include <concepts>
#include <type_traits>
#include <utility>

namespace signalbox::integrations {

namespace detail {

/// A copy of a thread's current context that also remembers which Scope made it current, so that
/// the Scope still finds itself when its coroutine goes on in another thread.
class CapturedContext {
 public:
  /// The calling thread's.
  static CapturedContext current() noexcept {
    return CapturedContext(context::detail::current_fields);
  }

  CapturedContext() noexcept = default;
  CapturedContext(const CapturedContext& other) noexcept : CapturedContext(other.fields_) {}
  CapturedContext(CapturedContext&& other) noexcept : fields_(std::exchange(other.fields_, {})) {}
  CapturedContext& operator=(CapturedContext other) noexcept {
    std::swap(fields_, other.fields_);
    return *this;
  }
  ~CapturedContext() { fields_.unref(); }

  /// Swaps it with the calling thread's current context.
  void exchange_current() noexcept { std::swap(context::detail::current_fields, fields_); }

  friend bool operator==(const CapturedContext& a, const CapturedContext& b) noexcept {
    const context::detail::ContextFields& x = a.fields_;
    const context::detail::ContextFields& y = b.fields_;
    return x.trace_id == y.trace_id && x.span_id == y.span_id && x.trace_state == y.trace_state &&
           x.baggage == y.baggage && x.scope == y.scope;
  }

 private:
  explicit CapturedContext(const context::detail::ContextFields& fields) noexcept
      : fields_(fields) {
    fields_.ref();
    if (fields_.recording != nullptr) fields_.recording->mark_shared();
  }

  context::detail::ContextFields fields_;
};

/// A handler that runs in the context it was made with, and leaves the thread's own as it was.
template <typename Function>
class InContext {
 public:
  template <typename F>
  InContext(CapturedContext captured, F&& function)
      : captured_(std::move(captured)), function_(std::forward<F>(function)) {}

  void operator()() {
    struct Installed {
      explicit Installed(CapturedContext& context) noexcept : captured(context) {
        captured.exchange_current();
      }
      Installed(const Installed&) = delete;
      Installed& operator=(const Installed&) = delete;
      ~Installed() { captured.exchange_current(); }
      CapturedContext& captured;
    };
    CapturedContext captured = std::move(captured_);
    const Installed installed(captured);
    std::move(function_)();
  }

 private:
  CapturedContext captured_;
  Function function_;
};

template <typename Property>
inline constexpr bool kIsPreferOnly = false;
template <typename Property>
inline constexpr bool kIsPreferOnly<boost::asio::execution::prefer_only<Property>> = true;

}  // namespace detail

/// An executor that carries the current context with whatever it runs: with a coroutine across each
/// `co_await`, also when it goes on in another thread while others run; with a posted function;
/// into a coroutine that is spawned on it, which starts in a copy of its spawner's context.
///
///     co_spawn(ContextExecutor(io.get_executor()), serve(), detached);
///
/// It wraps any Asio executor (also a strand, or any_io_executor) and is used like it; wrapped in
/// any_io_executor it still works. A function runs in the context that was current when it was
/// submitted. The continuation of an asynchronous operation runs in the one that was current when
/// the operation was initiated: that is when the operation begins to keep outstanding work, as Asio
/// requires of each, on the executor associated with its completion handler. Hence operations
/// written by hand must do so too, or their continuations run in the context of whoever completes
/// them.
///
/// Thread-safety and lifetime: as the wrapped executor's. A captured context keeps no span from
/// ending. Errors: as the wrapped executor's.
template <typename Executor>
class ContextExecutor {
 public:
  using inner_executor_type = Executor;

  // A template so that copying a ContextExecutor<any_io_executor> does not consider converting it
  // to its inner type first.
  template <std::same_as<Executor> Inner>
  explicit ContextExecutor(Inner inner) noexcept : inner_(std::move(inner)) {}

  template <typename Function>
  void execute(Function&& function) const {
    inner_.execute(detail::InContext<std::decay_t<Function>>(
        tracks_work_ ? captured_ : detail::CapturedContext::current(),
        std::forward<Function>(function)));
  }

  template <typename Property>
    requires(boost::asio::can_query<const Executor&, Property>::value)
  [[nodiscard]] decltype(auto) query(const Property& property) const
      noexcept(boost::asio::is_nothrow_query<const Executor&, Property>::value) {
    return boost::asio::query(inner_, property);
  }

  template <typename Property>
    requires(boost::asio::can_require<const Executor&, Property>::value)
  [[nodiscard]] auto require(const Property& property) const {
    return with_inner(boost::asio::require(inner_, property), property);
  }

  // Asio itself unwraps prefer_only, so that the property inside comes back here.
  template <typename Property>
    requires(boost::asio::can_prefer<const Executor&, Property>::value &&
             !detail::kIsPreferOnly<Property>)
  [[nodiscard]] auto prefer(const Property& property) const {
    return with_inner(boost::asio::prefer(inner_, property), property);
  }

  [[nodiscard]] const Executor& inner_executor() const noexcept { return inner_; }

  friend bool operator==(const ContextExecutor& a, const ContextExecutor& b) noexcept {
    return a.inner_ == b.inner_ && a.tracks_work_ == b.tracks_work_ && a.captured_ == b.captured_;
  }
  friend bool operator!=(const ContextExecutor& a, const ContextExecutor& b) noexcept {
    return !(a == b);
  }

 private:
  template <typename>
  friend class ContextExecutor;

  ContextExecutor(Executor inner, detail::CapturedContext captured, bool tracks_work) noexcept
      : inner_(std::move(inner)), captured_(std::move(captured)), tracks_work_(tracks_work) {}

  template <typename Inner, typename Property>
  auto with_inner(Inner inner, const Property& property) const {
    using Result = ContextExecutor<std::decay_t<Inner>>;
    if constexpr (std::is_convertible_v<Property, boost::asio::execution::outstanding_work_t>) {
      if (boost::asio::execution::outstanding_work_t(property) ==
          boost::asio::execution::outstanding_work.tracked) {
        return Result(std::move(inner), detail::CapturedContext::current(), true);
      }
      return Result(std::move(inner), {}, false);
    } else {
      return Result(std::move(inner), captured_, tracks_work_);
    }
  }

  Executor inner_;
  detail::CapturedContext captured_;  // If tracks_work_: of when that began.
  bool tracks_work_ = false;
};

template <typename Executor>
ContextExecutor(Executor) -> ContextExecutor<Executor>;

}  // namespace signalbox::integrations
