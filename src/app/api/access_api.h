// app/api/access_api.h: users, tokens, sessions and the audit log over HTTP, below /api/holdfast/v1.
//
//   GET|POST /users, POST /users/{id}, .../password, .../sign_out    who there is (administer)
//   GET|POST /tokens, DELETE /tokens/{id}                            one's own; with administer everyone's
//   GET|DELETE /sessions, POST /password                             one's own
//   GET /audit                                                       the log, JSON or CSV (audit)
//
// Secrets     A token is in the answer that made it and nowhere else; hashes are in none.
// Errors      {"error":{"code","message"}} with the status of base/result.h's table.
// Threads     Changes on the control strand; passwords are hashed and the log is read on the pool.
#pragma once

#include "app/api/auth.h"
#include "net/http.h"

namespace holdfast::app {

// `auth` has begun (Auth::start) and outlives the server.
void add_access_routes(net::Router& router, Env& env, Auth& auth);

}  // namespace holdfast::app
