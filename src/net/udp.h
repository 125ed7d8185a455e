// net/udp.h: datagrams that arrive on a port.
//
// Purpose     UdpReceiver binds a UDP port and hands each datagram to a function: what StatsD needs.
// Limits      64 KiB a datagram; the kernel's buffer is asked to hold 4 MiB, what is beyond it is lost, as UDP allows.
// Threads     The handler runs on the receiver's own thread, one datagram after another. Destruction waits for it.
// Errors      open(): the address in use, or not this machine's.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/transport.h"

namespace holdfast::net {

class UdpReceiver {
 public:
  using Handler = std::function<void(std::string_view datagram)>;
  static Result<std::unique_ptr<UdpReceiver>> open(const Endpoint& at, Handler handler);
  virtual ~UdpReceiver() = default;
  virtual Endpoint local() const = 0;  // with the port that was chosen for 0
};

}  // namespace holdfast::net
