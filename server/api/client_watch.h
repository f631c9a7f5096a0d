#pragma once

#include <condition_variable>
#include <list>
#include <mutex>
#include <stop_token>
#include <thread>

#include "server/net/http.h"

namespace signalbox::server::api {

/// Requests a stop of what runs for a client that has gone. Connections tell only when asked, and
/// a thread inside the engine cannot ask, so a thread of its own asks for all.
///
/// Thread-safety: all members from any thread. Lifetime: outlives its guards.
class ClientWatch {
 private:
  struct Entry {
    const net::Responder* responder;
    std::stop_source stop;
  };

 public:
  ClientWatch();
  ~ClientWatch();
  ClientWatch(const ClientWatch&) = delete;
  ClientWatch& operator=(const ClientWatch&) = delete;

  /// Watches one request for as long as it lives.
  class Guard {
   public:
    /// `responder` outlives the guard, and is not answered before its end.
    Guard(ClientWatch& watch, const net::Responder& responder);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

    /// Stopped within half a second after the server knows that the client has gone.
    [[nodiscard]] std::stop_token token() const { return entry_->stop.get_token(); }

   private:
    ClientWatch& watch_;
    std::list<Entry>::iterator entry_;
  };

 private:
  void run(const std::stop_token& end);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::list<Entry> entries_;
  std::jthread thread_;  // Last: it uses the others.
};

}  // namespace signalbox::server::api
