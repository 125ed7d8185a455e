// A Holdfast of its own for the pages on which people respond: with people on call, routes, a status page and alerts, and no
// service that could heal itself meanwhile. What it tells goes to a sink that remembers.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { require, waitFor } from "./world.mjs";

const kAlertmanager = (sink) => `
route:
  receiver: team
  group_by: [alertname]
  group_wait: 1s
  group_interval: 2s
  repeat_interval: 1h
  routes:
    - { matchers: ['severity="critical"'], receiver: pager }
receivers:
  - { name: team, webhook_configs: [{ url: "${sink}/team" }] }
  - { name: pager, webhook_configs: [{ url: "${sink}/pager" }] }
`;

const kConfig = (sink) => `
host: { metrics: false }
notify: { receivers: [{ name: console, kind: log }] }
people:
  - { id: ada, name: Ada, email: ada@example.com, methods: [{ kind: webhook, target: "${sink}/ada" }] }
  - { id: bo, name: Bo, email: bo@example.com, methods: [{ kind: webhook, target: "${sink}/bo" }] }
schedules:
  - { name: ops, zone: UTC, layers: [{ turn: weekly, start: 2026-01-05 09:00, users: [ada, bo] }] }
alerting: { config: alertmanager.yml }
status_page:
  title: Example
  url: http://127.0.0.1:1
  components: [{ name: Shop }, { name: Search }]
`;

// Answers all with 200 and keeps the addresses that were asked.
async function startSink() {
  const asked = [];
  const server = createServer((request, answer) => {
    asked.push(request.url);
    request.resume().on("end", () => answer.writeHead(200).end("ok"));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { asked, url: `http://127.0.0.1:${server.address().port}`, stop: () => new Promise((closed) => { server.closeAllConnections(); server.close(closed); }) };
}

export async function startDesk(binaries) {
  const sink = await startSink();
  const folder = mkdtempSync(join(tmpdir(), "hf-desk-"));
  writeFileSync(join(folder, "alertmanager.yml"), kAlertmanager(sink.url));
  writeFileSync(join(folder, "holdfast.yaml"), kConfig(sink.url));
  const child = spawn(join(binaries, "holdfast"), ["serve", "--config", join(folder, "holdfast.yaml"), "--data", join(folder, "data"), "--listen", "127.0.0.1:0", "--auth", "off"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise((done) => child.once("exit", (status) => done(status)));
  const seen = [];
  const url = await new Promise((ready, fail) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      seen.push(line);
      const said = / ready listen=(http:\S+)/.exec(line);
      if (said) ready(said[1]);
    });
    void ended.then((status) => fail(new Error(`the desk ended with ${status} before it was ready:\n${seen.slice(-5).join("\n")}`)));
  });
  const call = async (method, path, body) => {
    const answer = await fetch(url + path, { method, headers: { "content-type": "application/json" }, body: body === undefined ? undefined : JSON.stringify(body) });
    require(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
    const text = await answer.text();
    return text === "" ? undefined : JSON.parse(text);
  };
  return {
    url,
    sink,
    get: (path) => call("GET", `/api/holdfast/v1${path}`),
    post: (path, body = {}) => call("POST", `/api/holdfast/v1${path}`, body),
    alert: (labels, summary) => call("POST", "/api/v2/alerts", [{ labels, annotations: { summary } }]),
    silences: () => call("GET", "/api/v2/silences"),
    async stop() {
      child.kill("SIGTERM");
      const status = await ended;
      await sink.stop();
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
      require(status === 0, `the desk ended with ${status}`);
    },
  };
}

// ---- claims ---------------------------------------------------------------------------------------------------------

export async function seesWhoIsToldOfAnAlert({ desk, clerk }) {
  await desk.alert({ alertname: "DiskFull", severity: "critical", instance: "web-1" }, "91 % used");
  await desk.alert({ alertname: "DiskFull", severity: "critical", instance: "web-2" }, "92 % used");
  await desk.alert({ alertname: "CertificateExpires", severity: "info", host: "shop" }, "In 12 days");
  await clerk.page.goto(`${desk.url}/alerts`);
  await waitFor("three alerts in two groups", 10, async () => (await clerk.at("alert-group").count()) === 2);
  await clerk.at("alert-filter").fill('instance="web-2"');
  await waitFor("the filter to leave one alert", 5, async () => (await clerk.at("routed-alert").count()) === 1);
  await waitFor("the page of the group", 20, () => desk.sink.asked.includes("/pager"));
  await clerk.at("group-told").locator("summary").click();
  await waitFor("the delivery on the page", 10, () => clerk.at("told").locator('[data-outcome="delivered"]').first().isVisible());
}

export async function silencesWithAPreview({ desk, clerk }) {
  await clerk.page.goto(`${desk.url}/alerts?filter=${encodeURIComponent('instance="web-1"')}`);
  await clerk.at("alert-silence").first().click();
  await clerk.at("silence-form").waitFor();
  await clerk.page.locator('[data-testid="silence-preview"][data-count="1"]').waitFor();
  await clerk.at("matcher-value").nth(1).fill("web-none");
  await clerk.page.locator('[data-testid="silence-preview"][data-count="0"]').waitFor();
  await clerk.at("matcher-value").nth(1).fill("web-1");
  await clerk.page.locator('[data-testid="silence-preview"][data-count="1"]').waitFor();
  await clerk.at("silence-save").click(); // without a reason
  await clerk.at("problem").first().waitFor();
  require((await desk.silences()).length === 0, "a silence without a reason was saved");
  await clerk.at("silence-comment").fill("The disk is being replaced");
  await clerk.at("silence-save").click();
  await clerk.at("silence-row").first().waitFor();
  const [silence] = await desk.silences();
  require(silence.status.state === "active" && silence.matchers.some((one) => one.value === "web-1"), `saved: ${JSON.stringify(silence)}`);
  await clerk.page.goto(`${desk.url}/alerts?state=silenced`);
  await clerk.page.locator('[data-testid="routed-alert"][data-state="silenced"]').waitFor();
  await clerk.at("alert-silenced-by").click();
  await clerk.at("silence-expire").click();
  await clerk.at("confirm-yes").click();
  await waitFor("the silence to end", 10, async () => (await desk.silences())[0].status.state === "expired");
}

export async function acknowledgesAGroup({ desk, clerk }) {
  await clerk.page.goto(`${desk.url}/alerts?filter=${encodeURIComponent('alertname="CertificateExpires"')}`);
  await clerk.at("group-ack").click();
  await clerk.at("ack-comment").fill("Ordered");
  await clerk.at("confirm-yes").click();
  await clerk.page.locator('[data-testid="routed-alert"][data-state="acknowledged"]').waitFor();
}

export async function explainsWhereAnAlertWouldGo({ desk, clerk }) {
  await clerk.page.goto(`${desk.url}/routing`);
  await clerk.at("explain-labels").fill('alertname="New", severity="critical"');
  await clerk.at("explain-ask").click();
  await clerk.page.locator('[data-testid="explain-target"][data-told="true"]').waitFor();
  require((await clerk.at("explain-target").innerText()).includes("pager"), "the explanation does not name the pager");
  const end = clerk.page.locator('[data-testid="route-row"][data-end="true"]');
  require((await end.innerText()).includes("pager"), "the tree does not show where it ends");
}

export async function putsSomebodyElseOnCall({ desk, clerk }) {
  await clerk.page.goto(`${desk.url}/oncall`);
  const { on_call } = await desk.get("/oncall/now");
  const other = on_call[0].people[0].id === "ada" ? "bo" : "ada";
  await clerk.at("oncall-override").click();
  await clerk.at("override-people").fill(other);
  await clerk.at("override-reason").fill("Doctor");
  await clerk.at("confirm-yes").click();
  await waitFor(`${other} to be on call`, 10, async () => (await desk.get("/oncall/now")).on_call[0].people[0].id === other);
  const name = { ada: "Ada", bo: "Bo" }[other];
  await waitFor("the page to say so", 10, async () => (await clerk.at("oncall-now-ops").innerText()).includes(name));
  await clerk.at("change-remove").click();
  await clerk.at("confirm-yes").click();
  await waitFor("the override to be gone", 10, async () => (await desk.get("/oncall/changes")).overrides.length === 0);
}

export async function publishesAStatusDraft({ desk, clerk }) {
  await clerk.page.goto(`${desk.url}/status-page`);
  await clerk.at("status-new-incident").click();
  await clerk.at("post-name").fill("Search is slow");
  await clerk.at("post-body").fill("We are looking into it.");
  await clerk.at("confirm-yes").click();
  await clerk.at("status-review").click();
  await clerk.at("post-body").fill("We are looking into it and will write again in 20 minutes.");
  await clerk.at("confirm-yes").click();
  await clerk.at("status-open").getByTestId("status-post").waitFor();
  const { posts } = await desk.get("/status-page");
  require(posts[0].published_at && posts[0].updates.at(-1).body.includes("20 minutes"), `published: ${JSON.stringify(posts[0])}`);
}

// Declared by hand, handled, resolved; its postmortem is written and taken home.
export async function writesAPostmortem({ desk, clerk }) {
  await clerk.page.goto(`${desk.url}/incidents`);
  await clerk.at("declare").click();
  await clerk.at("declare-title").fill("Orders are lost");
  await clerk.at("declare-rank").selectOption("1");
  await clerk.at("confirm-yes").click();
  await clerk.at("promises").waitFor();
  const id = clerk.page.url().split("/").pop();
  await clerk.at("role-assign").click();
  await clerk.at("role-person").fill("ada");
  await clerk.at("confirm-yes").click();
  await clerk.at("incident-confirm").click();
  await clerk.at("field-extent").fill("All orders");
  await clerk.at("confirm-yes").click();
  await clerk.at("confirm").waitFor({ state: "detached" });
  await clerk.at("incident-ack").click();
  await clerk.at("line-pin").first().click();
  await clerk.at("timeline-pinned").waitFor();
  await clerk.at("incident-resolve").click();
  await clerk.at("incident-text").fill("The queue was emptied");
  await clerk.at("confirm-yes").click();
  await clerk.at("incident-postmortem").waitFor();
  if (await clerk.at("postmortem-draft").isVisible()) await clerk.at("postmortem-draft").click();
  else await clerk.at("incident-postmortem").getByRole("link").click();
  await clerk.at("postmortem-page").waitFor();
  for (const part of ["root_cause", "impact"]) {
    await clerk.at(`part-edit-${part}`).click();
    await clerk.at(`part-text-${part}`).fill(`The ${part} is known.`);
    await clerk.at(`part-save-${part}`).click();
    await clerk.at(`part-text-${part}`).waitFor({ state: "detached" });
  }
  await clerk.at("postmortem-to-in_review").click();
  await clerk.at("confirm-yes").click();
  await waitFor("the review", 10, async () => (await desk.get(`/postmortems/${id}`)).postmortem.state === "in_review");
  for (const [format, begin] of [["markdown", "#"], ["pdf", "%PDF-"]]) {
    const [download] = await Promise.all([clerk.page.waitForEvent("download"), clerk.at(`postmortem-${format}`).click()]);
    const parts = [];
    for await (const part of await download.createReadStream()) parts.push(part);
    const bytes = Buffer.concat(parts);
    require(bytes.toString("latin1").startsWith(begin) && bytes.length > 200, `${format} begins with ${bytes.toString("latin1").slice(0, 20)}`);
  }
}

const kDeskPages = [
  ["/alerts", "alerts-page"],
  ["/silences", "silences-page"],
  ["/silences?form=new", "silence-form"],
  ["/routing", "routing-page"],
  ["/oncall", "oncall-page"],
  ["/status-page", "status-desk-page"],
  ["/postmortems", "postmortems-page"],
  ["/kpi", "kpi-page"],
  ["/contacts", "contacts-page"],
  ["/access", "access-page"],
  ["/access?part=tokens", "tokens"],
  ["/access?part=users", "users"],
  ["/access?part=audit", "audit"],
  ["/more", "more-page"],
];

// Every page in both languages on a telephone: nothing leaks, nothing is wider than the screen.
export async function fitsTheDeskOnAPhone({ desk, browser }) {
  const visitor = await browser.visitor({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await visitor.page.goto(desk.url);
  for (const language of ["en", "zh"]) {
    await visitor.page.evaluate((chosen) => localStorage.setItem("holdfast.language", chosen), language);
    for (const [address, id] of kDeskPages) {
      await visitor.page.goto(desk.url + address);
      await visitor.at(id).first().waitFor();
      await visitor.page.locator(".loading").first().waitFor({ state: "detached" });
      const [wide, text] = await visitor.page.evaluate(() => [document.documentElement.scrollWidth, document.querySelector("main").innerText]);
      require(wide <= 390, `${address} (${language}) is ${wide} px wide on a phone`);
      require(language === "en" || /[一-鿿]/.test(text), `${address} has no Chinese text`);
      const leak = text.match(/undefined|NaN|\{[a-z]+\}|\[object/);
      require(!leak, `${address} (${language}) shows ${leak}`);
    }
  }
  require(visitor.problems.length === 0, visitor.problems.join("\n"));
  await visitor.context.close();
}
