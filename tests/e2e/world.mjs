// What a browser test needs around it: the demonstration, a browser that reports every error, waiting on conditions.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const kRoot = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

export function require(claim, text) {
  if (!claim) throw new Error(text);
}

// The first true answer; the failure says what was seen last.
export async function waitFor(what, seconds, condition) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const last = await condition();
    if (last) return last;
    if (Date.now() >= deadline) throw new Error(`waited ${seconds} s for ${what}; last seen: ${JSON.stringify(last)}`);
    await new Promise((wake) => setTimeout(wake, 50));
  }
}

// Starts tests/integration/demo.py, which stops everything when its input ends, also when this process dies.
export async function startDemo(binaries) {
  const child = spawn("python3", ["-B", join(kRoot, "tests/integration/demo.py"), "serve", "--bin", binaries], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise((done) => child.once("exit", (status) => done(status)));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const first = await lines.next();
  require(!first.done, "the demonstration did not start");
  const facts = JSON.parse(first.value);
  const get = async (path) => {
    const answer = await fetch(facts.url + path, { headers: { authorization: `Bearer ${facts.token}` } });
    require(answer.ok, `GET ${path}: ${answer.status}`);
    return answer.json();
  };
  return {
    ...facts,
    get: (path) => get(`/api/holdfast/v1${path}`),
    query: (promql) => get(`/api/v1/query?query=${encodeURIComponent(promql)}`),
    async stop() {
      child.stdin.end();
      const status = await ended;
      require(status === 0, `the demonstration ended with ${status}`);
    },
  };
}

// One Chromium with an empty profile, kept from talking to anybody but loopback.
export async function startBrowser() {
  const path = process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
  require(path, "no Chromium: ./dev setup test, or name one in CHROMIUM");
  const profile = mkdtempSync(join(tmpdir(), "hf-chromium-"));
  const browser = await chromium.launch({
    executablePath: path,
    headless: true,
    env: { ...process.env, HOME: profile },
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
           "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"],
  });
  return {
    // A new visitor; `problems` gathers every error of its pages' log, page and network.
    async visitor(options = {}) {
      const problems = [];
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-US", reducedMotion: "reduce", ...options });
      context.on("page", (page) => {
        page.on("console", (message) => {
          if (message.type() === "error" || message.type() === "warning") problems.push(`log: ${message.text()} at ${message.location().url}`);
        });
        page.on("pageerror", (error) => problems.push(`uncaught: ${error.stack ?? error}`));
        page.on("response", (response) => {
          if (response.status() >= 400) problems.push(`${response.status()} for ${response.url()}`);
        });
        page.on("request", (request) => {
          if (!/^(http:\/\/127\.0\.0\.1[:/]|data:|blob:)/.test(request.url())) problems.push(`asks a stranger: ${request.url()}`);
        });
      });
      context.setDefaultTimeout(20_000);
      const page = await context.newPage();
      return { context, page, problems, at: (id) => page.getByTestId(id) };
    },
    async close() {
      await browser.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

export async function signIn(visitor, demo, address = "/") {
  await visitor.page.goto(demo.url + address);
  await visitor.at("sign-in-token").fill(demo.token);
  await visitor.at("sign-in-submit").click();
  await visitor.at("sign-in-page").waitFor({ state: "detached" });
}
