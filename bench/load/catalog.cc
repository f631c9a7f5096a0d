#include "bench/load/catalog.h"

#include <array>
#include <charconv>
#include <string>

namespace signalbox::bench {
namespace {

using enum Attribute::Type;

// What instrumentation libraries record, by the semantic conventions.

constexpr Attribute kHttpServer[] = {
    {"http.request.method", kText, "GET|GET|GET|POST|PUT"},
    {"http.response.status_code", kInt, "200|200|200|200|200|200|201|204|304|404"},
    {"http.route", kText, "/api/orders/{id}|/api/products/{id}|/api/users/{id}/cart|/api/search"},
    {"url.path", kText, "/api/orders/#####|/api/products/####|/api/users/#####/cart|/api/search"},
    {"url.scheme", kText, "https", 0.5},
    {"url.query", kText, "page=##&sort=price|q=term-####", 0.3},
    {"server.address", kText, "shop.example.com", 0.6},
    {"server.port", kInt, "443|8080", 0.6},
    {"client.address", kText, "203.0.1##.1##", 0.7},
    {"user_agent.original", kText,
     "Mozilla/5.0 (X11; Linux x86_64; rv:1##.0) Gecko|Mozilla/5.0 (Macintosh) Chrome/1##.0.0.0"},
    {"network.protocol.version", kText, "1.1|2|2"},
    {"http.response.body.size", kInt, "~2", 0.5},
    {"app.request.id", kText, "req-%%%%%%%%%%%%"},
};
constexpr Attribute kHttpClient[] = {
    {"http.request.method", kText, "GET|GET|POST"},
    {"http.response.status_code", kInt, "200|200|200|200|200|204|404|429"},
    {"url.full", kText, "http://##.svc.cluster.local:8080/v1/items/####?expand=true"},
    {"server.address", kText, "##.svc.cluster.local"},
    {"server.port", kInt, "8080|8081"},
    {"network.protocol.version", kText, "1.1", 0.5},
    {"network.peer.address", kText, "10.2.1##.1##"},
    {"network.peer.port", kInt, "8080|8081", 0.4},
    {"http.request.resend_count", kInt, "1|2", 0.03},
    {"http.request.body.size", kInt, "~2", 0.4},
    {"thread.id", kInt, "17|23|42|57", 0.3},
};
constexpr Attribute kDatabase[] = {
    {"db.system.name", kText, "postgresql|postgresql|mysql"},
    {"db.namespace", kText, "shop|shop|billing"},
    {"db.operation.name", kText, "SELECT|SELECT|SELECT|INSERT|UPDATE"},
    {"db.collection.name", kText, "orders|products|users|stock|prices"},
    {"db.query.text", kText,
     "SELECT id, name, price FROM products WHERE id = ? AND region = ? LIMIT ##|"
     "UPDATE orders SET state = ?, changed = now() WHERE id = ?|"
     "INSERT INTO stock (product, amount, shelf) VALUES (?, ?, ?)"},
    {"server.address", kText, "db-0#.internal"},
    {"server.port", kInt, "5432|3306"},
    {"network.peer.address", kText, "10.3.0.1##"},
    {"db.response.returned_rows", kInt, "~1", 0.7},
    {"db.client.connection.pool.name", kText, "main|readers", 0.4},
};
constexpr Attribute kCache[] = {
    {"db.system.name", kText, "redis"},
    {"db.operation.name", kText, "GET|GET|SET|HMGET"},
    {"db.namespace", kText, "0|1"},
    {"db.query.text", kText, "GET cart:#####|HMGET session:###### user seen"},
    {"server.address", kText, "cache-0#.internal"},
    {"server.port", kInt, "6379"},
    {"network.peer.address", kText, "10.4.0.1##"},
    {"network.transport", kText, "tcp"},
    {"cache.hit", kBool, "true|true|false"},
    {"cache.key", kText, "cart:#####|session:######", 0.6},
};
constexpr Attribute kProducer[] = {
    {"messaging.system", kText, "kafka"},
    {"messaging.operation.name", kText, "send"},
    {"messaging.operation.type", kText, "send"},
    {"messaging.destination.name", kText, "orders|payments|shipments|mails"},
    {"messaging.destination.partition.id", kText, "#"},
    {"messaging.kafka.message.key", kText, "order-######"},
    {"messaging.message.body.size", kInt, "~2"},
    {"messaging.client.id", kText, "producer-#"},
    {"server.address", kText, "kafka-0#.internal"},
    {"server.port", kInt, "9092"},
};
constexpr Attribute kConsumer[] = {
    {"messaging.system", kText, "kafka"},
    {"messaging.operation.name", kText, "poll"},
    {"messaging.operation.type", kText, "process"},
    {"messaging.destination.name", kText, "orders|payments|shipments|mails"},
    {"messaging.destination.partition.id", kText, "#"},
    {"messaging.kafka.offset", kInt, "~3"},
    {"messaging.consumer.group.name", kText, "workers|ledger"},
    {"messaging.message.id", kText, "msg-#####", 0.3},
    {"messaging.batch.message_count", kInt, "1|10|50", 0.4},
    {"messaging.client.id", kText, "consumer-##", 0.5},
    {"thread.name", kText, "consumer-#"},
};
constexpr Attribute kRpc[] = {
    {"rpc.system", kText, "grpc"},
    {"rpc.service", kText, "shop.v1.PricingService|shop.v1.CartService|shop.v1.StockService"},
    {"rpc.method", kText, "Get|List|Reserve|Quote"},
    {"rpc.grpc.status_code", kInt, "0|0|0|0|0|5"},
    {"server.address", kText, "##.svc.cluster.local"},
    {"server.port", kInt, "50051"},
    {"network.peer.address", kText, "10.2.1##.1##"},
    {"network.peer.port", kInt, "~3"},
    {"network.transport", kText, "tcp", 0.3},
    {"network.type", kText, "ipv4", 0.3},
};
constexpr Attribute kInternal[] = {
    {"code.function.name", kText, "price_basket|rank_results|render_page|reserve_stock"},
    {"code.file.path", kText, "/srv/app/src/handlers/basket.cc|/srv/app/src/search/rank.cc"},
    {"code.line.number", kInt, "118|57|214|391"},
    {"thread.id", kInt, "17|23|42|57"},
    {"thread.name", kText, "worker-#"},
    {"app.items", kInt, "~1"},
    {"app.score", kDouble, "~"},
    {"app.strategy", kText, "greedy|exact|cached"},
    {"app.attempt", kInt, "1|1|1|2"},
};

// What each team adds of its own.

constexpr Attribute kUser[] = {{"user.id", kText, "user-######"},
                               {"app.region", kText, "eu-west|eu-north|us-east|us-west"},
                               {"session.id", kText, "sess-######", 0.8}};
constexpr Attribute kTenant[] = {{"app.tenant", kText, "tenant-###"},
                                 {"app.plan", kText, "free|team|enterprise"}};
constexpr Attribute kOrder[] = {{"app.order.id", kText, "order-######"},
                                {"app.order.total", kDouble, "~"},
                                {"app.order.currency", kText, "EUR|USD|SEK"}};
constexpr Attribute kFlag[] = {{"feature_flag.key", kText, "new-basket|fast-search", 0.6},
                               {"feature_flag.result.variant", kText, "on|off", 0.6}};
constexpr Attribute kProduct[] = {{"app.product.id", kText, "sku-#####"},
                                  {"app.category", kText, "books|games|garden|music|food"},
                                  {"app.shelf", kText, "A##", 0.5}};
constexpr Attribute kDelivery[] = {{"app.carrier", kText, "north|express|bike"},
                                   {"geo.country.iso_code", kText, "DE|FR|SE|US"},
                                   {"app.shipment.weight", kDouble, "~", 0.7}};

constexpr Service kServices[] = {
    {"web-frontend", "nodejs", kUser},
    {"api-gateway", "go", kTenant},
    {"accounts", "java", kUser},
    {"sessions", "go", kUser},
    {"catalog", "java", kProduct},
    {"search", "rust", kFlag},
    {"cart", "cpp", kUser},
    {"pricing", "cpp", kProduct},
    {"checkout", "java", kOrder},
    {"payments", "dotnet", kOrder},
    {"fraud", "python", kTenant},
    {"inventory", "cpp", kProduct},
    {"orders", "java", kOrder},
    {"shipping", "go", kDelivery},
    {"mailer", "python", kTenant},
    {"recommendations", "python", kFlag},
    {"media", "rust", kProduct},
    {"reports", "python", kTenant},
    {"ledger", "java", kOrder},
    {"flags", "go", kFlag},
};

constexpr std::uint8_t kKindInternal = 1;
constexpr std::uint8_t kKindServer = 2;
constexpr std::uint8_t kKindClient = 3;
constexpr std::uint8_t kKindProducer = 4;
constexpr std::uint8_t kKindConsumer = 5;

constexpr Operation kBrowse[] = {
    {"GET /api/products/{id}", 0, kKindServer, 0, kHttpServer},
    {"GET", 0, kKindClient, 1, kHttpClient},
    {"GET /v1/items", 1, kKindServer, 2, kHttpServer},
    {"redis GET", 3, kKindClient, 3, kCache},
    {"GET", 1, kKindClient, 3, kHttpClient},
    {"GET /v1/items/{id}", 4, kKindServer, 4, kHttpServer},
    {"SELECT products", 4, kKindClient, 5, kDatabase},
    {"shop.v1.PricingService/Quote", 4, kKindClient, 5, kRpc},
    {"shop.v1.PricingService/Quote", 7, kKindServer, 6, kRpc},
    {"price_basket", 7, kKindInternal, 7, kInternal},
    {"GET", 0, kKindClient, 1, kHttpClient},
    {"GET /images/{id}", 16, kKindServer, 2, kHttpServer},
};
constexpr Operation kSearch[] = {
    {"GET /api/search", 0, kKindServer, 0, kHttpServer},
    {"shop.v1.Flags/List", 0, kKindClient, 1, kRpc},
    {"shop.v1.Flags/List", 19, kKindServer, 2, kRpc},
    {"GET", 0, kKindClient, 1, kHttpClient},
    {"GET /v1/search", 5, kKindServer, 2, kHttpServer},
    {"rank_results", 5, kKindInternal, 3, kInternal},
    {"redis HMGET", 5, kKindClient, 3, kCache},
    {"shop.v1.Recommendations/List", 5, kKindClient, 3, kRpc},
    {"shop.v1.Recommendations/List", 15, kKindServer, 4, kRpc},
};
constexpr Operation kOrderPlaced[] = {
    {"POST /api/orders", 1, kKindServer, 0, kHttpServer},
    {"POST", 1, kKindClient, 1, kHttpClient},
    {"POST /v1/checkout", 8, kKindServer, 2, kHttpServer},
    {"redis GET", 6, kKindClient, 3, kCache},
    {"shop.v1.StockService/Reserve", 8, kKindClient, 3, kRpc},
    {"shop.v1.StockService/Reserve", 11, kKindServer, 4, kRpc},
    {"UPDATE stock", 11, kKindClient, 5, kDatabase},
    {"POST", 8, kKindClient, 3, kHttpClient},
    {"POST /v1/payments", 9, kKindServer, 4, kHttpServer},
    {"score", 10, kKindInternal, 5, kInternal},
    {"INSERT orders", 12, kKindClient, 3, kDatabase},
    {"send orders", 12, kKindProducer, 3, kProducer},
};
constexpr Operation kOrderShipped[] = {
    {"poll orders", 13, kKindConsumer, 0, kConsumer},
    {"SELECT orders", 13, kKindClient, 1, kDatabase},
    {"POST", 13, kKindClient, 1, kHttpClient},
    {"send shipments", 13, kKindProducer, 1, kProducer},
    {"poll shipments", 18, kKindConsumer, 2, kConsumer},
    {"INSERT ledger", 18, kKindClient, 3, kDatabase},
    {"poll mails", 14, kKindConsumer, 2, kConsumer},
    {"SELECT users", 2, kKindClient, 3, kDatabase},
    {"POST", 14, kKindClient, 3, kHttpClient},
};
constexpr Operation kReport[] = {
    {"nightly report", 17, kKindInternal, 0, kInternal},
    {"SELECT orders", 17, kKindClient, 1, kDatabase},
    {"SELECT users", 17, kKindClient, 1, kDatabase},
    {"render_page", 17, kKindInternal, 1, kInternal},
    {"send mails", 17, kKindProducer, 1, kProducer},
};
constexpr std::array<std::span<const Operation>, 5> kShapes{kBrowse, kSearch, kOrderPlaced,
                                                            kOrderShipped, kReport};

constexpr Attribute kLog[] = {
    {"code.function.name", kText, "handle_request|run_query|publish|reserve_stock"},
    {"code.file.path", kText, "/srv/app/src/handlers/basket.cc|/srv/app/src/store/orders.cc"},
    {"code.line.number", kInt, "118|57|214|391"},
    {"thread.name", kText, "worker-##"},
    {"thread.id", kInt, "~2"},
    {"app.request.id", kText, "req-%%%%%%%%%%%%"},
    {"app.duration_ms", kDouble, "~"},
    {"app.component", kText, "http|database|queue|cache"},
    {"host.name", kText, "node-###"},
};

void add_value(Message& record, std::uint32_t field, std::string_view key, const Message& value) {
  Message attribute;
  attribute.bytes(1, key);
  attribute.message(2, value);
  record.message(field, attribute);
}

}  // namespace

std::span<const Service> services() {
  return kServices;
}
std::span<const std::span<const Operation>> trace_shapes() {
  return kShapes;
}
std::span<const Attribute> log_attributes() {
  return kLog;
}

std::string_view pick(std::string_view value, Random& random) {
  std::uint32_t alternatives = 1;
  for (const char c : value) alternatives += c == '|' ? 1 : 0;
  for (std::uint32_t skip = random.below(alternatives); skip > 0; --skip) {
    value.remove_prefix(value.find('|') + 1);
  }
  return value.substr(0, value.find('|'));
}

void add_attribute(Message& record, std::uint32_t field, const Attribute& attribute,
                   Random& random) {
  if (attribute.chance < 1 && !random.chance(attribute.chance)) return;
  const std::string_view value = pick(attribute.value, random);
  const bool is_fresh = value.starts_with('~');
  Message any;
  switch (attribute.type) {
    case kText:
      any.pattern(1, value);
      break;
    case kBool:
      any.varint(2, value == "true" ? 1 : 0);
      break;
    case kInt: {
      unsigned number = 0;
      const std::string_view digits = value.substr(is_fresh ? 1 : 0);
      std::from_chars(digits.data(), digits.data() + digits.size(), number);
      is_fresh ? any.fresh_varint(3, static_cast<std::uint8_t>(number)) : any.varint(3, number);
      break;
    }
    case kDouble:
      any.fresh_number(4);
      break;
  }
  add_value(record, field, attribute.key, any);
}

void add_text(Message& record, std::uint32_t field, std::string_view key, std::string_view value) {
  Message any;
  any.pattern(1, value);
  add_value(record, field, key, any);
}

Message resource_of(const Service& service, unsigned sender, Random& random) {
  const std::string instance = std::to_string(sender) + '-' + std::to_string(random.below(3));
  const std::string name(service.name);
  Message resource;
  add_text(resource, 1, "service.name", name);
  add_text(resource, 1, "service.version", "1.4." + std::to_string(random.below(3)));
  add_text(resource, 1, "service.namespace", "shop");
  add_text(resource, 1, "service.instance.id", name + '-' + instance);
  add_text(resource, 1, "deployment.environment.name", "production");
  add_text(resource, 1, "k8s.pod.name", name + "-7c9d-" + instance);
  add_text(resource, 1, "telemetry.sdk.language", service.language);
  add_text(resource, 1, "telemetry.sdk.name", "opentelemetry");
  return resource;
}

}  // namespace signalbox::bench
