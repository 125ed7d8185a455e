#!/usr/bin/env python3
"""Signing in with a real provider of OpenID Connect: Glewlwyd (Debian package glewlwyd), Holdfast as users run it.

A browser is led to the provider and back and has the role that the provider's groups give: an operator stops the
automation, a viewer may not, who has no group is refused and the reason stands in the audit log. An answer counts once
and in its own browser; groups that change at the provider change the role at the next sign-in; a provider that is away
is told. Exit code 77: there is no Glewlwyd here.
"""
import argparse
import http.cookiejar
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

SCHEMA = "/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3"
MODULES = "/usr/lib/glewlwyd"
SECRET = "one-secret-of-two"
PASSWORD = "correct horse battery"


class Failed(Exception):
    pass


def require(claim, text):
    if not claim:
        raise Failed(text)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, holds, limit=60):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        try:
            if holds():
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise Failed(f"never came: {what}")


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Browser:
    """Keeps cookies and follows nothing by itself, so that each step can be looked at."""

    def __init__(self):
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar), Stay)

    def ask(self, method, url, body=None, headers=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, method=method, data=data,
                                         headers={"Content-Type": "application/json", **(headers or {})})
        try:
            answer = self.opener.open(request, timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        return answer.status, answer.headers.get("Location", ""), answer.read().decode()


class Provider:
    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.issuer = self.base + "/api/oidc"
        database = os.path.join(folder, "provider.db")
        with sqlite3.connect(database) as connection, open(SCHEMA) as schema:
            connection.executescript(schema.read())
        config = os.path.join(folder, "provider.conf")
        with open(config, "w") as out:
            out.write(f"""port={self.port}
bind_address="127.0.0.1"
external_url="{self.base}"
login_url="login.html"
api_prefix="api"
log_mode="console"
log_level="INFO"
cookie_secure=0
session_key="GLEWLWYD2_SESSION_ID"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="{MODULES}/user"
client_module_path="{MODULES}/client"
user_auth_scheme_module_path="{MODULES}/scheme"
plugin_module_path="{MODULES}/plugin"
hash_algorithm="SHA512"
database = {{ type = "sqlite3"; path = "{database}" }};
""")
        self.log = os.path.join(folder, "provider.log")
        self.process = subprocess.Popen(["glewlwyd", "--config-file=" + config], stdout=open(self.log, "ab"),
                                        stderr=subprocess.STDOUT)
        self.admin = Browser()
        wait_for("the provider", lambda: self.admin.ask("GET", self.base + "/config")[0] == 200)
        self.sign_in(self.admin, "admin", "password")

    def sign_in(self, browser, user, password=PASSWORD):
        status, _, body = browser.ask("POST", self.base + "/api/auth/", {"username": user, "password": password})
        require(status == 200, f"the provider does not know {user}: {status} {body}")

    def set(self, path, value, method="POST"):
        status, _, body = self.admin.ask(method, self.base + "/api" + path, value)
        require(status == 200, f"{method} {path} at the provider: {status} {body}")

    def configure(self, redirect):
        module = json.loads(self.admin.ask("GET", self.base + "/api/mod/user/database")[2])
        module["parameters"]["data-format"]["groups"] = {"multiple": True, "read": True, "write": True}
        self.set("/mod/user/database", module, "PUT")
        self.set("/mod/user/database/reset", {}, "PUT")
        key = os.path.join(self.folder, "provider.pem")
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, stderr=subprocess.DEVNULL)
        public = subprocess.run(["openssl", "rsa", "-in", key, "-pubout"], check=True, capture_output=True).stdout
        claim = {"type": "string", "on-demand": False, "mandatory": True, "scope": []}
        on = {f"auth-type-{name}-enabled": name == "code"
              for name in ("code", "token", "id-token", "none", "password", "client", "device", "refresh")}
        self.set("/mod/plugin/", {"module": "oidc", "name": "oidc", "display_name": "oidc", "parameters": {
            "iss": self.issuer, "jwt-type": "rsa", "jwt-key-size": "256", "key": open(key).read(),
            "cert": public.decode(), "access-token-duration": 3600, "refresh-token-duration": 3600,
            "code-duration": 600, "refresh-token-rolling": False, "allow-non-oidc": False, **on,
            "scope": [], "additional-parameters": [],
            "claims": [{"name": "groups", "user-property": "groups", **claim},
                       {"name": "preferred_username", "user-property": "username", **claim}],
            "name-claim": "mandatory", "name-claim-scope": [], "email-claim": "no", "email-claim-scope": [],
            "scope-claim": "no", "scope-claim-scope": [], "address-claim": {"type": "no"},
            "pkce-allowed": True, "pkce-required": True, "pkce-method-plain-allowed": False, "jwks-show": True,
            "subject-type": "public", "allowed-scope": ["openid"]}})
        self.set("/client/", {
            "client_id": "holdfast", "name": "Holdfast", "confidential": True, "password": SECRET,
            "client_secret": SECRET, "redirect_uri": [redirect], "authorization_type": ["code"],
            "token_endpoint_auth_method": ["client_secret_basic"], "scope": [], "enabled": True})

    def user(self, name, groups, new=True):
        value = {"username": name, "name": name.capitalize(), "scope": ["openid", "g_profile"], "groups": groups,
                 "enabled": True}
        if new:
            self.set("/user/", {**value, "password": PASSWORD})
        else:
            self.set("/user/" + name, value, "PUT")

    def end(self):
        self.process.terminate()
        self.process.wait(20)


class Holdfast:
    def __init__(self, binary, folder, issuer, port):
        self.base = f"http://127.0.0.1:{port}"
        self.api = self.base + "/api/holdfast/v1"
        config = os.path.join(folder, "holdfast.yaml")
        with open(config, "w") as out:
            out.write(f"""external_url: {self.base}
host: {{ metrics: false }}
access:
  oidc:
    issuer: {issuer}
    name: House key
    client_id: holdfast
    client_secret_file: oidc-secret
    scopes: [openid]
    roles: {{ sre: operator, staff: viewer }}
""")
        with open(os.path.join(folder, "oidc-secret"), "w") as out:
            out.write(SECRET + "\n")
        self.log = os.path.join(folder, "holdfast.log")
        data = os.path.join(folder, "data")
        self.process = subprocess.Popen([binary, "serve", "--listen", f"127.0.0.1:{port}", "--data", data, "--config",
                                         config], stdout=open(self.log, "ab"), stderr=subprocess.STDOUT)
        nobody = Browser()
        wait_for("ready", lambda: self.process.poll() is not None or
                 nobody.ask("GET", self.base + "/health/ready")[0] == 200)
        require(self.process.poll() is None, "holdfast ended: " + open(self.log).read()[-2000:])
        with open(os.path.join(data, "admin-token")) as token:
            self.token = token.read().strip()

    def session(self, browser):
        return json.loads(browser.ask("GET", self.api + "/session")[2])

    def stop_automation(self, browser):
        return browser.ask("POST", self.api + "/automation", {"stopped": True, "reason": "a test"},
                           {"Origin": self.base})

    def refusals(self):
        status, _, body = Browser().ask("GET", self.api + "/audit?action=user_login&result=denied", None,
                                        {"Authorization": "Bearer " + self.token})
        require(status == 200, f"the audit log: {status} {body}")
        return [record["result"] for record in json.loads(body)["records"]]

    def end(self):
        self.process.terminate()
        self.process.wait(30)


def question(holdfast, provider, browser, back="/incidents"):
    """To the provider: the address it is asked at."""
    status, location, body = browser.ask("GET", holdfast.api + "/session/oidc?return=" + back)
    require(status == 303 and location.startswith(provider.issuer + "/auth?"), f"to the provider: {status} {location} {body}")
    return location


def answer(provider, browser, user, asked):
    """The provider's page, its form, its consent: the address it leads back to."""
    status, login, _ = browser.ask("GET", asked)
    require(status == 302 and "login.html" in login, f"a stranger at the provider: {status} {login}")
    provider.sign_in(browser, user)
    status, _, body = browser.ask("PUT", provider.base + "/api/auth/grant/holdfast", {"scope": "openid"})
    require(status == 200, f"consent: {status} {body}")
    status, location, body = browser.ask("GET", asked + "&g_continue")
    require(status == 302 and "code=" in location, f"from the provider: {status} {location} {body}")
    return location


def signed_in(holdfast, provider, user):
    browser = Browser()
    callback = answer(provider, browser, user, question(holdfast, provider, browser))
    status, location, body = browser.ask("GET", callback)
    require(status == 303, f"back at Holdfast: {status} {body}")
    return browser, location, callback


def check_roles(holdfast, provider):
    require(holdfast.session(Browser())["provider"] == "House key", "the console offers no provider")
    ann, location, callback = signed_in(holdfast, provider, "ann")
    who = holdfast.session(ann)
    require(location == "/incidents", f"ann was led to {location}: {holdfast.refusals()}")
    require((who["user"], who["name"], who["role"]) == ("ann", "Ann", "operator"), f"ann is {who}")
    status, _, body = holdfast.stop_automation(ann)
    require(status == 200, f"an operator stops the automation: {status} {body}")
    status, location, _ = ann.ask("GET", callback)
    require(location == "/?sign_in=expired", f"an answer counted twice: {status} {location}")

    bob, _, _ = signed_in(holdfast, provider, "bob")
    require(holdfast.session(bob)["role"] == "viewer", "bob is no viewer")
    status, _, body = holdfast.stop_automation(bob)
    require(status == 403 and "operate" in body, f"a viewer stops the automation: {status} {body}")

    eve, location, _ = signed_in(holdfast, provider, "eve")
    require(location == "/?sign_in=refused", f"eve was led to {location}")
    require(not holdfast.session(eve)["signed_in"], "eve is in")
    require(any("gives 'eve' no role" in text for text in holdfast.refusals()), f"the log: {holdfast.refusals()}")


def check_forgery(holdfast, provider):
    ann, mallory = Browser(), Browser()
    callback = answer(provider, ann, "ann", question(holdfast, provider, ann))
    _, location, _ = mallory.ask("GET", callback)
    require(location == "/?sign_in=expired" and not holdfast.session(mallory)["signed_in"],
            f"another browser used ann's answer: {location}")
    ann = Browser()
    callback = answer(provider, ann, "ann", question(holdfast, provider, ann))
    _, location, _ = ann.ask("GET", callback.replace("code=", "code=x"))
    require(location == "/?sign_in=failed", f"a made up code: {location}")
    # A page that is named as the way back is one of this server.
    _, location, _ = Browser().ask("GET", holdfast.api + "/session/oidc?return=//evil.example.com")
    require(location.startswith(provider.issuer), location)


def check_changes(holdfast, provider):
    provider.user("ann", ["staff"], new=False)
    ann, _, _ = signed_in(holdfast, provider, "ann")
    require(holdfast.session(ann)["role"] == "viewer", "ann left sre and is an operator still")
    status, _, _ = ann.ask("DELETE", holdfast.api + "/session", None, {"Origin": holdfast.base})
    require(status == 204 and not holdfast.session(ann)["signed_in"], "signing out did not")
    browser = Browser()
    callback = answer(provider, browser, "ann", question(holdfast, provider, browser))
    provider.end()
    _, location, _ = browser.ask("GET", callback)
    require(location == "/?sign_in=failed", f"with the provider away: {location}")


def run(binary, folder):
    port = free_port()
    provider = Provider(folder)
    holdfast = None
    try:
        provider.configure(f"http://127.0.0.1:{port}/api/holdfast/v1/session/oidc/callback")
        provider.user("ann", ["sre", "staff"])
        provider.user("bob", ["staff"])
        provider.user("eve", ["guests"])
        holdfast = Holdfast(binary, folder, provider.issuer, port)
        check_roles(holdfast, provider)
        check_forgery(holdfast, provider)
        check_changes(holdfast, provider)
    finally:
        if provider.process.poll() is None:
            provider.end()
        if holdfast is not None:
            holdfast.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    options = parser.parse_args()
    if shutil.which("glewlwyd") is None or not os.path.exists(SCHEMA):
        print("skipped: no glewlwyd (Debian package) on this machine")
        sys.exit(77)
    folder = tempfile.mkdtemp(prefix="holdfast-oidc-")
    try:
        run(os.path.join(options.bin, "holdfast"), folder)
        print("passed")
    except Failed as failure:
        print(f"FAILED: {failure}")
        for name in ("provider.log", "holdfast.log"):
            path = os.path.join(folder, name)
            if os.path.exists(path):
                print(f"--- {name}\n" + open(path).read()[-3000:])
        sys.exit(1)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
