#include "collect/source_loop.h"

#include "base/log.h"

namespace holdfast::collect {

SourceLoop::SourceLoop(Env& env, metrics::Store& store, Duration interval, model::Labels labels, Source source)
    : writer_(store, labels),
      source_(std::move(source)),
      ticker_(env, interval, labels.hash(), [this](WallTime at) {
        writer_.begin(to_ms(at));
        source_(writer_);
        writer_.sample("up", 1);
        const auto result = writer_.commit();
        const std::string error = result ? "" : result.error().message();
        if (error != last_error_ && !error.empty()) log_warn("own metrics not stored", {{"error", error}});
        last_error_ = error;
      }) {}

}  // namespace holdfast::collect
