#include "server/observe/health.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <exception>
#include <string_view>
#include <utility>

#include "server/config/quantity.h"

namespace signalbox::server::observe {
namespace {

constexpr std::uint32_t kEngineTimeoutMs = 2'000;

/// "1.5 GiB".
std::string about(std::uint64_t bytes) {
  constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;
  return std::to_string(bytes / kMebibyte) + " MiB";
}

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

store::QueryOptions soon() {
  store::QueryOptions options;
  options.work = store::WorkClass::kBackground;
  options.max_execution_time_ms = kEngineTimeoutMs;
  return options;
}

net::Response json_response(unsigned status, const boost::json::value& body) {
  net::Response response;
  response.status = status;
  response.headers.add("content-type", "application/json");
  response.headers.add("cache-control", "no-store");
  response.headers.add("x-content-type-options", "nosniff");
  response.body = boost::json::serialize(body);
  return response;
}

net::Response readiness(const Health& health) {
  boost::json::array checks;
  bool ready = true;
  for (const Health::Check& check : health.checks()) {
    ready = ready && check.ok;
    checks.push_back({{"name", check.name}, {"ok", check.ok}, {"detail", check.detail}});
  }
  constexpr unsigned kUnavailable = 503;
  return json_response(ready ? 200 : kUnavailable,
                       {{"status", ready ? "ready" : "not_ready"}, {"checks", std::move(checks)}});
}

}  // namespace

Health::Health(Reporter& reporter, Options options)
    : reporter_(reporter), options_(std::move(options)) {}

void Health::add(std::string name, std::function<CheckResult()> check) {
  const std::scoped_lock lock(mutex_);
  State state;
  state.name = std::move(name);
  state.check = std::move(check);
  state.result.detail = "not checked yet";
  states_.push_back(std::move(state));
}

void Health::run() {
  for (State& state : states_) {
    {
      const std::scoped_lock lock(mutex_);
      state.is_running = true;
      state.started = options_.now();
    }
    CheckResult result;
    try {
      result = state.check();
    } catch (const std::exception& error) {
      result.detail = error.what();
    }
    finish(state, std::move(result));
  }
}

void Health::finish(State& state, CheckResult result) {
  const std::scoped_lock lock(mutex_);
  const bool was_ok = state.result.ok || !state.was_made;
  state.is_running = false;
  state.was_made = true;
  state.result = std::move(result);
  if (was_ok && !state.result.ok) {
    reporter_.report(Reporter::Level::kError, "not ready: " + state.name,
                     "Not ready, " + state.name + ": " + state.result.detail);
  } else if (!was_ok && state.result.ok) {
    reporter_.report(Reporter::Level::kInfo, "ready: " + state.name,
                     "Ready again, " + state.name + ": " + state.result.detail);
  }
}

std::vector<Health::Check> Health::checks() const {
  const std::scoped_lock lock(mutex_);
  const Clock::time_point now = options_.now();
  std::vector<Check> checks;
  for (const State& state : states_) {
    Check check{.name = state.name, .ok = state.result.ok, .detail = state.result.detail};
    if (state.is_running && now - state.started > options_.longest_check) {
      check.ok = false;
      check.detail =
          "no answer for " +
          std::to_string(
              std::chrono::duration_cast<std::chrono::seconds>(now - state.started).count()) +
          " s";
    }
    checks.push_back(std::move(check));
  }
  return checks;
}

std::function<CheckResult()> disk_check(
    std::filesystem::path folder, std::uint64_t least_bytes,
    std::function<std::uint64_t(const std::filesystem::path&)> available) {
  if (available == nullptr) {
    available = [](const std::filesystem::path& path) {
      return static_cast<std::uint64_t>(std::filesystem::space(path).available);
    };
  }
  return [folder = std::move(folder), least_bytes, available = std::move(available)] {
    const std::uint64_t bytes = available(folder);
    CheckResult result{.ok = bytes >= least_bytes,
                       .detail = about(bytes) + " left on the disk of " + folder.string()};
    if (!result.ok) {
      result.detail += ", less than " + config::size_text(least_bytes) +
                       " (--min-free-disk): make room, or keep less (--max-disk, --retention-…)";
    }
    return result;
  };
}

std::function<CheckResult()> log_check(std::function<store::Writer::Stats()> stats,
                                       std::uint64_t most_bytes) {
  return [stats = std::move(stats), most_bytes] {
    const store::Writer::Stats now = stats();
    CheckResult result{.ok = true,
                       .detail = about(now.log_bytes) + " of log, " +
                                 std::to_string(now.waiting_blocks) +
                                 " blocks wait for the tables"};
    // Told before requests are refused, so that there is time to do something about it.
    if (now.log_bytes >= most_bytes / 10 * 9) {
      result.ok = false;
      result.detail += "; at " + config::size_text(most_bytes) +
                       " (--max-log) requests are refused: the tables do not keep up";
    }
    if (now.is_log_failing || now.is_engine_failing) {
      result.ok = false;
      result.detail = (now.is_log_failing ? "what is received cannot be kept: "
                                          : "the engine does not take what was received: ") +
                      now.last_error + "; " + result.detail;
    }
    return result;
  };
}

std::function<CheckResult()> engine_check(store::Engine& engine) {
  return [&engine] {
    const auto start = std::chrono::steady_clock::now();
    const bool right = engine.query("SELECT 1 FORMAT TabSeparated", {}, soon()).data == "1\n";
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - start);
    return CheckResult{.ok = right && took.count() <= kEngineTimeoutMs,
                       .detail = "answered after " + std::to_string(took.count()) + " ms"};
  };
}

std::function<CheckResult()> parts_check(store::Engine& engine, std::uint64_t most) {
  return [&engine, most] {
    const std::uint64_t parts = number_of(
        engine
            .query("SELECT max(parts) FROM (SELECT count() AS parts FROM system.parts "
                   "WHERE active AND database = currentDatabase() GROUP BY table, partition_id) "
                   "FORMAT TabSeparated",
                   {}, soon())
            .data);
    CheckResult result{.ok = parts <= most,
                       .detail = std::to_string(parts) + " parts in the fullest partition"};
    if (!result.ok) {
      result.detail += ", more than " + std::to_string(most) +
                       ": merges do not keep up; send larger batches, or give more CPU";
    }
    return result;
  };
}

net::Handler with_health(net::Handler next, const Health& health) {
  return [next = std::move(next), &health](net::Request request, net::Responder respond) {
    const bool may_look = request.method == "GET" || request.method == "HEAD";
    const std::string_view path =
        std::string_view(request.target).substr(0, request.target.find('?'));
    if (may_look && path == "/healthz") {
      respond(json_response(200, {{"status", "alive"}}));
    } else if (may_look && path == "/readyz") {
      respond(readiness(health));
    } else {
      next(std::move(request), std::move(respond));
    }
  };
}

}  // namespace signalbox::server::observe
