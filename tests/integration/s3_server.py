"""An S3-compatible server for tests: OpenStack Swift (Debian package python3-swift) behind its s3api, all in
one process on loopback, its data in a folder of the caller's. Nothing of the machine's own Swift, should there
be one, is read or touched.

    s3_server.py FOLDER BUCKET [--port N] [--stay]

Makes the bucket, prints "ready PORT" on a line of its own and serves until its input ends; with --stay until it
is killed. A later run on the same folder has what the earlier one held. The key is test:tester, the secret
testing, the region us-east-1; signatures are verified. Exits with 77 and a message when the package is not
installed or the folder cannot hold it.
"""
import argparse
import os
import sys
import urllib.request

ACCESS_KEY, SECRET_KEY, REGION = "test:tester", "testing", "us-east-1"
SKIP = 77

PROXY = """
[DEFAULT]
swift_dir = {dir}
[pipeline:main]
pipeline = catch_errors gatekeeper cache listing_formats s3api tempauth copy slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
node_timeout = 30
conn_timeout = 10
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:cache]
paste.filter_factory = s3_server:cache_factory
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
"""
STORAGE = """
[DEFAULT]
swift_dir = {dir}
devices = {dir}/devices
mount_check = false
fallocate_reserve = 0
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""


def skip(why):
    print(f"skipped: {why}", file=sys.stderr)
    sys.exit(SKIP)


class Cache:
    """What Swift wants of memcached, for one process."""

    def __init__(self):
        self.values = {}

    def get(self, key, *_, **__):
        return self.values.get(key)

    def set(self, key, value, *_, **__):
        self.values[key] = value

    def incr(self, key, delta=1, *_, **__):
        self.values[key] = self.values.get(key, 0) + delta
        return self.values[key]

    def decr(self, key, delta=1, *_, **__):
        return self.incr(key, -delta)

    def delete(self, key, *_, **__):
        self.values.pop(key, None)


def cache_factory(_conf, **_local):
    cache = Cache()

    def filter_of(app):
        def call(env, start_response):
            env["swift.cache"] = cache
            return app(env, start_response)
        return call
    return filter_of


def write(path, text):
    with open(path, "w") as out:
        out.write(text)


def make_bucket(port, name):
    base = f"http://127.0.0.1:{port}"
    login = urllib.request.Request(base + "/auth/v1.0", headers={"X-Auth-User": ACCESS_KEY, "X-Auth-Key": SECRET_KEY})
    with urllib.request.urlopen(login, timeout=20) as answer:
        token, account = answer.headers["X-Auth-Token"], answer.headers["X-Storage-Url"]
    put = urllib.request.Request(f"{account}/{name}", method="PUT", headers={"X-Auth-Token": token})
    urllib.request.urlopen(put, timeout=20).close()


def serve(options):
    folder = options.folder
    try:
        import eventlet
        eventlet.monkey_patch()
        from eventlet import tpool, wsgi
        from paste.deploy import loadapp
        import swift.common.utils as utils
        from swift.common.ring import RingBuilder
    except ImportError as error:
        skip(f"{error}; the Debian package python3-swift brings the server")
    folder = os.path.realpath(folder)
    device = os.path.join(folder, "devices", "d1")
    os.makedirs(device, exist_ok=True)
    try:
        os.setxattr(device, "user.holdfast", b"1")
    except OSError as error:
        skip(f"{folder} keeps no extended attributes, which Swift needs: {error}")
    write(os.path.join(folder, "swift.conf"), "[swift-hash]\nswift_hash_path_suffix = test\n")
    utils.SWIFT_CONF_FILE = os.path.join(folder, "swift.conf")
    utils.HASH_PATH_SUFFIX = b"test"
    utils.HASH_PATH_PREFIX = b""

    sockets = {}
    for kind in ("account", "container", "object", "proxy"):
        sockets[kind] = eventlet.listen(("127.0.0.1", options.port if kind == "proxy" else 0))
    for kind in ("account", "container", "object"):
        builder = RingBuilder(2, 1, 1)
        builder.add_dev({"id": 0, "region": 1, "zone": 1, "weight": 1, "ip": "127.0.0.1",
                         "port": sockets[kind].getsockname()[1], "device": "d1", "meta": "",
                         "replication_ip": "127.0.0.1",
                         "replication_port": sockets[kind].getsockname()[1]})
        builder.rebalance()
        builder.get_ring().save(os.path.join(folder, f"{kind}.ring.gz"))
    sys.modules.setdefault("s3_server", sys.modules[__name__])
    for kind, socket in sockets.items():
        conf = os.path.join(folder, f"{kind}.conf")
        write(conf, (PROXY if kind == "proxy" else STORAGE).format(dir=folder, kind=kind))
        app = loadapp("config:" + conf, name="main")
        quiet = open(os.path.join(folder, f"{kind}.log"), "a", buffering=1)
        eventlet.spawn(wsgi.server, socket, app, quiet)
    port = sockets["proxy"].getsockname()[1]
    make_bucket(port, options.bucket)
    print("ready", port, flush=True)
    while options.stay or tpool.execute(sys.stdin.read, 1):
        eventlet.sleep(3600 if options.stay else 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("bucket")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--stay", action="store_true")
    serve(parser.parse_args())
