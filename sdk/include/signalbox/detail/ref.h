#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace signalbox::detail {

/// Base of immutable objects shared by reference count; deleted by the last `unref`.
class RefCounted {
 public:
  RefCounted() noexcept = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;
  virtual ~RefCounted() = default;

  void ref() const noexcept { count_.fetch_add(1, std::memory_order_relaxed); }
  void unref() const noexcept {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 private:
  mutable std::atomic<std::uint32_t> count_{1};
};

/// Owning pointer to a RefCounted. `Ref(pointer)` takes over one count; `Ref::share` adds one.
template <typename T>
class Ref {
 public:
  constexpr Ref() noexcept = default;
  explicit constexpr Ref(const T* adopted) noexcept : pointer_(adopted) {}
  Ref(const Ref& other) noexcept : pointer_(other.pointer_) {
    if (pointer_ != nullptr) pointer_->ref();
  }
  Ref(Ref&& other) noexcept : pointer_(std::exchange(other.pointer_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(pointer_, other.pointer_);
    return *this;
  }
  ~Ref() {
    if (pointer_ != nullptr) pointer_->unref();
  }

  static Ref share(const T* pointer) noexcept {
    if (pointer != nullptr) pointer->ref();
    return Ref(pointer);
  }

  [[nodiscard]] const T* get() const noexcept { return pointer_; }
  [[nodiscard]] const T* release() noexcept { return std::exchange(pointer_, nullptr); }
  const T* operator->() const noexcept { return pointer_; }
  explicit operator bool() const noexcept { return pointer_ != nullptr; }

 private:
  const T* pointer_ = nullptr;
};

}  // namespace signalbox::detail
