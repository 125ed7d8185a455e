// OTLP over gRPC: by hand-made HTTP/2 frames in simulation, by a stock gRPC client where there is one.
#include "net/grpc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <cstdlib>
#include <fstream>

#include "net/fixture.h"
#include "otlp_builder.h"
#include "receive_world.h"

namespace holdfast::collect {
namespace {

using ::testing::HasSubstr;

constexpr const char* kExport = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

std::string framed(const std::string& message, char compressed = 0) {
  std::string out(1, compressed);
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(message.size() >> shift);
  return out + message;
}

// A client of one connection; nghttp2 on the other side.
class GrpcPeer {
 public:
  struct Answer {
    std::map<std::string, std::string> fields;  // headers and trailers
    std::string body;
    bool closed = false;
  };

  GrpcPeer(SimWorld& world, std::uint16_t port) : world_(world) {
    world.network.host("target").connect({"holdfast", port, ""}, 5s, [this](auto made) {
      if (made) connection_ = std::move(*made);
    });
    world.executor.run_until([this] { return connection_ != nullptr; }, 5s);
    HF_CHECK(connection_ != nullptr, "no connection");
    nghttp2_session_callbacks* calls = nullptr;
    nghttp2_session_callbacks_new(&calls);
    nghttp2_session_callbacks_set_on_header_callback(
        calls, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                  std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                  std::uint8_t, void* user) {
          auto& answer = static_cast<GrpcPeer*>(user)->answers_[frame->hd.stream_id];
          answer.fields[std::string(reinterpret_cast<const char*>(name), name_size)] =
              std::string(reinterpret_cast<const char*>(value), value_size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        calls, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                  std::size_t size, void* user) {
          static_cast<GrpcPeer*>(user)->answers_[id].body.append(
              reinterpret_cast<const char*>(bytes), size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        calls, [](nghttp2_session*, std::int32_t id, std::uint32_t, void* user) {
          static_cast<GrpcPeer*>(user)->answers_[id].closed = true;
          return 0;
        });
    nghttp2_session_client_new(&session_, calls, this);
    nghttp2_session_callbacks_del(calls);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
    read();
  }
  ~GrpcPeer() {
    connection_.reset();
    nghttp2_session_del(session_);
  }

  Answer call(const std::string& path, const std::string& body,
              const std::map<std::string, std::string>& more = {}) {
    std::map<std::string, std::string> fields = {{":method", "POST"},
                                                 {":scheme", "http"},
                                                 {":authority", "holdfast"},
                                                 {":path", path},
                                                 {"content-type", "application/grpc"},
                                                 {"te", "trailers"}};
    for (const auto& [name, value] : more) fields[name] = value;
    std::vector<nghttp2_nv> list;
    for (const auto& [name, value] : fields)
      list.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                      reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
                      value.size(), NGHTTP2_NV_FLAG_NONE});
    out_ = body;
    nghttp2_data_provider data{};
    data.source.ptr = this;
    data.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t size,
                            std::uint32_t* flags, nghttp2_data_source* source, void*) {
      auto& left = static_cast<GrpcPeer*>(source->ptr)->out_;
      const auto count = std::min(size, left.size());
      std::copy_n(left.data(), count, reinterpret_cast<char*>(to));
      left.erase(0, count);
      if (left.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
      return static_cast<ssize_t>(count);
    };
    const auto id =
        nghttp2_submit_request(session_, nullptr, list.data(), list.size(), &data, this);
    flush();
    world_.executor.run_until([&] { return answers_[id].closed || over_; }, 30s);
    return answers_[id];
  }

 private:
  void read() {
    connection_->read(65536, [this](const Result<std::string>& chunk) {
      if (!chunk || chunk->empty()) {
        over_ = true;
        return;
      }
      nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(chunk->data()),
                               chunk->size());
      flush();
      read();
    });
  }
  void flush() {
    const std::uint8_t* bytes = nullptr;
    for (ssize_t size = 0; (size = nghttp2_session_mem_send(session_, &bytes)) > 0;)
      connection_->write(
          std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)), {});
  }

  SimWorld& world_;
  std::unique_ptr<Connection> connection_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, Answer> answers_;
  std::string out_;
  bool over_ = false;
};

class OtlpGrpc : public ::testing::Test {
 protected:
  static ReceiveOptions options() {
    ReceiveOptions options;
    options.otlp.listen = "holdfast:4317";
    options.otlp.listen_required = true;
    options.body_size_max = 1 << 20;
    return options;
  }
  ReceiveWorld world{options()};
  GrpcPeer peer{world.world, 4317};
  const std::int64_t t = world.now();
  std::string request(double value) const {
    return otlp_request({}, {{"g", "", 5, {otlp_number_point({0, t}, value)}}});
  }
};

TEST_F(OtlpGrpc, StoresAndAnswersInTrailers) {
  const auto answer = peer.call(kExport, framed(request(4)));
  EXPECT_EQ(answer.fields.at(":status"), "200");
  EXPECT_EQ(answer.fields.at("content-type"), "application/grpc");
  EXPECT_EQ(answer.fields.at("grpc-status"), "0");
  EXPECT_EQ(answer.body, framed(""));
  EXPECT_EQ(world.stored("g"), "g " + std::to_string(t) + " 4\n");
  // Another call on the same connection; half of it is refused.
  const auto again = peer.call(
      kExport, framed(otlp_request({}, {{"bad", "", 7, {otlp_number_point({0, t}, 1)}, 0}})));
  EXPECT_EQ(again.fields.at("grpc-status"), "0");
  EXPECT_THAT(again.body, HasSubstr("1 refused: metric bad"));
}

TEST_F(OtlpGrpc, WhatIsWrongHasItsStatus) {
  struct Case {
    std::string name, path, body, status, says;
    std::map<std::string, std::string> fields{};
  };
  const std::string big(2 << 20, 'x');
  const Case cases[] = {
      {"another method", "/a.B/C", framed(""), "12", "nothing is served at /a.B/C"},
      {"no message", kExport, "", "3", "the call has no message"},
      {"a cut frame", kExport, framed("abc").substr(0, 6), "3", "exactly one message"},
      {"two messages", kExport, framed("") + framed(""), "3", "exactly one message"},
      {"not the message", kExport, framed("\x0a\xff"), "3", "no ExportMetricsServiceRequest"},
      {"too large", kExport, framed(big), "8", "over 1048576 bytes"},
      {"another compression",
       kExport,
       framed("x", 1),
       "12",
       "allowed: identity, gzip",
       {{"grpc-encoding", "br"}}},
      {"bad gzip", kExport, framed("x", 1), "3", "gzip", {{"grpc-encoding", "gzip"}}},
      {"another type",
       kExport,
       framed(""),
       "12",
       "allowed: application/grpc",
       {{"content-type", "application/json"}}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto answer = peer.call(c.path, c.body, c.fields);
    ASSERT_TRUE(answer.fields.contains("grpc-status"));
    EXPECT_EQ(answer.fields.at("grpc-status"), c.status);
    EXPECT_THAT(answer.fields.at("grpc-message"), HasSubstr(c.says));
  }
}

TEST_F(OtlpGrpc, AFullDiskIsUnavailable) {
  world.world.files.set_full(true);
  EXPECT_EQ(peer.call(kExport, framed(request(1))).fields.at("grpc-status"), "14");
  world.world.files.set_full(false);
  EXPECT_EQ(peer.call(kExport, framed(request(1))).fields.at("grpc-status"), "0");
}

TEST(GrpcServer, TheFilterRefuses) {
  SimWorld world;
  net::GrpcServer server(world.env);
  server.add("/a/b", [](const net::GrpcCall&) -> Result<std::string> { return std::string("x"); });
  server.set_filter([](net::Request& request) -> std::optional<net::Response> {
    if (request.headers.get("authorization") == "Bearer t") return std::nullopt;
    return net::Response::text(401, "sign in first");
  });
  ASSERT_TRUE(server.listen({"holdfast", 4317, ""}));
  GrpcPeer peer(world, 4317);
  const auto refused = peer.call("/a/b", framed(""));
  EXPECT_EQ(refused.fields.at("grpc-status"), "16");
  EXPECT_EQ(refused.fields.at("grpc-message"), "sign in first");
  EXPECT_EQ(peer.call("/a/b", framed(""), {{"authorization", "Bearer t"}}).body, framed("x"));
}

TEST(GrpcServer, ABareHttp1RequestAndNoiseEndTheConnection) {
  for (const std::string& noise :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(200, '\xff')}) {
    SimWorld world;
    net::GrpcServer server(world.env);
    ASSERT_TRUE(server.listen({"holdfast", 4317, ""}));
    std::unique_ptr<Connection> connection;
    world.network.host("target").connect({"holdfast", 4317, ""}, 5s,
                                         [&](auto made) { connection = std::move(*made); });
    ASSERT_TRUE(world.executor.run_until([&] { return connection != nullptr; }, 5s));
    bool ended = false;
    std::function<void()> read = [&] {
      connection->read(1000, [&](const Result<std::string>& chunk) {
        if (!chunk || chunk->empty())
          ended = true;
        else
          read();
      });
    };
    read();
    connection->write(noise, {});
    EXPECT_TRUE(world.executor.run_until([&] { return ended; }, 30s));
    connection.reset();
  }
}

TEST(GrpcServer, AStockClientIsServed) {
  if (std::system("/usr/bin/python3 -c 'import grpc' 2>/dev/null") != 0)
    GTEST_SKIP() << "python3-grpcio is not installed";
  net::Machine machine;
  net::GrpcServer server(machine.env);
  server.add("/a.B/Echo", [](const net::GrpcCall& call) -> Result<std::string> {
    if (call.message == "bad") return invalid("no \xe2\x98\x83 here");
    return call.message + "!";
  });
  const auto at = server.listen({"127.0.0.1", 0, ""});
  ASSERT_TRUE(at) << at.error().message();
  const std::string script = R"(
import grpc, sys
with grpc.insecure_channel('127.0.0.1:' + sys.argv[1]) as channel:
    echo = channel.unary_unary('/a.B/Echo')
    assert echo(b'hello') == b'hello!'
    assert echo(b'x' * 300000, compression=grpc.Compression.Gzip) == b'x' * 300000 + b'!'
    calls = [echo.future(b'%d' % i) for i in range(200)]
    assert [c.result() for c in calls] == [b'%d!' % i for i in range(200)]
    try:
        echo(b'bad')
        assert False
    except grpc.RpcError as e:
        assert e.code() == grpc.StatusCode.INVALID_ARGUMENT and '\u2603' in e.details(), e
    try:
        channel.unary_unary('/a.B/Other')(b'')
        assert False
    except grpc.RpcError as e:
        assert e.code() == grpc.StatusCode.UNIMPLEMENTED, e
)";
  const auto file = ::testing::TempDir() + "grpc_peer_" + std::to_string(at->port) + ".py";
  std::ofstream(file) << script;
  EXPECT_EQ(std::system(("/usr/bin/python3 " + file + " " + std::to_string(at->port)).c_str()), 0);
  std::remove(file.c_str());
}

}  // namespace
}  // namespace holdfast::collect
