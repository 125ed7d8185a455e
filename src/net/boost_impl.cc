// The one unit that compiles Boost.Asio's and Beast's own sources; all others see declarations only.

#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
