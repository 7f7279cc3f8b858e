// What the pages cost, in Debian's Chromium: node bench.mjs [OUT.json]. A small server of our own answers as Larder would, with
// ten thousand models or fifty running downloads, so that nothing but the page is measured.
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { launch } from "./chromium.mjs";

const STATIC = fileURLToPath(new URL("../../static", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const MODELS = 10_000;
const JOBS = 50;
const ROUNDS = 9;
const KEYS = "model 77 q4";
const HZ = 4;
const WATCHED_S = 10;
const HOUR_EVENTS = 3600 * HZ;

/** A number that is the same in each run. */
let seed = 1;
const random = (n) => (seed = (seed * 48_271) % 2_147_483_647) % n;

const models = Array.from({ length: MODELS }, (_, i) => ({
  folder: `owner-${String(random(400)).padStart(3, "0")}/some-model-${i}-GGUF`,
  type: "model",
  repo: "owner/name",
  revision: null,
  commit: null,
  formats: ["gguf"],
  quants: [["Q4_K_M", "Q8_0", "IQ3_XS", "F16"][random(4)]],
  architecture: ["llama", "qwen2", "gemma3"][random(3)],
  parameters: random(70) * 1e9,
  context_length: 32_768,
  files_total: 4,
  bytes: random(2_000_000_000) * 20,
  partial_bytes: 0,
  files_proven: random(2) * 4,
  files_unknown: 0,
  files_changed: 0,
  parts_missing: random(20) === 0 ? 1 : 0,
  problems: 0,
  problem: null,
  git: false,
  modified_at: "2026-05-01T12:00:00Z",
  update: null,
}));
const job = (i, done) => ({
  id: `job-${i}`,
  kind: "download",
  folder: `owner/running-${i}`,
  repo: `owner/running-${i}-GGUF`,
  type: "model",
  revision: "main",
  commit: "0".repeat(40),
  select: ["Q4_K_M"],
  exclude: [],
  priority: 0,
  state: "downloading",
  reason: null,
  bytes_total: 4e9,
  bytes_done: done,
  bytes_verified: done * 0.98,
  files_total: 3,
  files_done: 0,
  speed_bps: 2e6 + random(1e6),
  eta_s: 2000,
  connections: 2,
  created_at: `2026-05-01T12:00:${String(i).padStart(2, "0")}Z`,
  started_at: "2026-05-01T12:00:00Z",
  finished_at: null,
});
const effect = { paused: false, bandwidth_limit: 0, why: "", until: null };
const settings = {
  paused: false,
  bandwidth_limit: 0,
  slow: false,
  slow_limit: 1e6,
  max_downloads: 50,
  max_connections: 64,
  gpu_memory: [],
  schedule: [],
  effect,
};
const disk = { free: 1e12, total: 4e12, reserved: 1e11 };
const library = {
  path: "/models",
  scanning: false,
  models: MODELS,
  files: 4e4,
  bytes: 1e13,
  changes: 0,
  scanned_at: null,
  problem: null,
};

/** Who reads the event stream. */
const readers = new Set();
let running = 0; // jobs of the snapshot
let sequence = 0;
const event = (name, data) => `id: 1-${++sequence}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
const tell = (name, data) => {
  const text = event(name, data);
  for (const reader of readers) reader.write(text);
};
const progress = (step) =>
  tell("progress", {
    downloads: Array.from({ length: running }, (_, i) => {
      const { id, state, bytes_done, bytes_verified, files_done, speed_bps, eta_s, connections } = job(i, step * 1e5);
      return { id, state, bytes_done, bytes_verified, files_done, speed_bps, eta_s, connections };
    }),
  });

const snapshot = () => ({
  downloads: Array.from({ length: running }, (_, i) => job(i, 0)),
  disk,
  settings,
  library,
});

const answers = {
  session: () => ({ auth: "none", user: null, role: "admin", csrf_token: null, version: "0.1.0" }),
  settings: () => settings,
  downloads: () => ({ downloads: [], next_cursor: null }),
  changes: () => ({
    events: [{ id: `1-${sequence}`, event: "snapshot", data: snapshot() }],
    last_id: `1-${sequence}`,
    reset: true,
  }),
  models: (query) => {
    const from = Number(query.get("cursor") ?? 0);
    const to = from + Number(query.get("limit"));
    return { models: models.slice(from, to), total: MODELS, next_cursor: to < MODELS ? String(to) : null, library };
  },
};

const server = createServer(async (request, response) => {
  const url = new URL(request.url, "http://localhost");
  const call = /^\/api\/v1\/(\w+)/.exec(url.pathname)?.[1];
  if (call === "events") {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    response.write(event("snapshot", snapshot()));
    readers.add(response);
    request.on("close", () => readers.delete(response));
  } else if (call) {
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(answers[call]?.(url.searchParams) ?? {}));
  } else {
    const path = normalize(url.pathname === "/" ? "/index.html" : url.pathname);
    try {
      response.setHeader("Content-Type", TYPES[extname(path)] ?? "application/octet-stream");
      response.setHeader("Cache-Control", "no-cache");
      response.end(await readFile(join(STATIC, path)));
    } catch {
      response.writeHead(404).end();
    }
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const base = `http://127.0.0.1:${server.address().port}/`;

const browser = await launch("--js-flags=--expose-gc");
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const isLive = (page) => page.locator('[data-testid="connection"][data-state="live"]').waitFor();

/** When the paste box is there, since the navigation began, and what had to come for that. */
async function firstView() {
  const times = [];
  let bytes = 0;
  let all = 0;
  for (let n = 0; n < ROUNDS; n++) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.addInitScript(() => {
      const look = new MutationObserver(() => {
        if (!document.querySelector("[data-testid=paste]")) return;
        look.disconnect();
        globalThis.interactive = performance.now();
        globalThis.before = performance
          .getEntriesByType("resource")
          .filter((e) => /\.(js|css)$/.test(e.name) && e.responseEnd > 0)
          .map((e) => e.name);
      });
      look.observe(document, { childList: true, subtree: true });
    });
    await page.goto(base);
    await isLive(page);
    const seen = await page.evaluate(() => ({
      interactive: globalThis.interactive,
      before: globalThis.before,
      all: performance
        .getEntriesByType("resource")
        .filter((e) => /\.(js|css)(\?|$)/.test(e.name))
        .map((e) => e.name),
    }));
    times.push(seen.interactive);
    const weigh = async (names) => {
      let sum = 0;
      for (const name of names) sum += (await readFile(join(STATIC, new URL(name).pathname))).length;
      return sum;
    };
    bytes = await weigh(seen.before);
    all = await weigh(seen.all);
    await context.close();
  }
  return { first_view_bytes: bytes, with_the_connection_bytes: all, interactive_ms: median(times) };
}

/** From a key until what it changes is painted. */
async function filter() {
  const page = await browser.newPage();
  await page.goto(`${base}#/models`);
  await page.waitForFunction(
    (n) => document.querySelector(".section-note")?.textContent?.replace(/\D/g, "") === String(n),
    MODELS,
  );
  await page.evaluate(() => {
    globalThis.painted = [];
    document.querySelector("[data-testid=find]").addEventListener(
      "input",
      (event) => {
        const begun = event.timeStamp;
        // The message comes after the frame was made.
        requestAnimationFrame(() => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => globalThis.painted.push(performance.now() - begun);
          port2.postMessage(null);
        });
      },
      { capture: true },
    );
  });
  const client = await page.context().newCDPSession(page);
  await client.send("Performance.enable");
  const work = async () =>
    (await client.send("Performance.getMetrics")).metrics.find((m) => m.name === "TaskDuration").value;
  await page.getByTestId("find").focus();
  const busy = [];
  for (let n = 0; n < ROUNDS; n++) {
    await page.getByTestId("find").fill("");
    for (const key of KEYS) {
      const count = await page.evaluate(() => globalThis.painted.length);
      const before = await work();
      await page.keyboard.type(key);
      await page.waitForFunction((many) => globalThis.painted.length > many, count);
      busy.push((await work()) - before);
    }
  }
  const painted = await page.evaluate(() => globalThis.painted);
  const nodes = await page.locator('[data-testid="model"]').count();
  await page.close();
  return { filter_to_painted_ms: median(painted), filter_work_ms: median(busy) * 1000, rows_drawn: nodes };
}

/** The main thread of a tab that watches fifty downloads. */
async function watching() {
  running = JOBS;
  const page = await browser.newPage();
  await page.goto(base);
  await isLive(page);
  await page.waitForFunction((n) => document.querySelectorAll("[data-testid=download]").length === n, JOBS);
  const client = await page.context().newCDPSession(page);
  await client.send("Performance.enable");
  const metric = async (name) =>
    (await client.send("Performance.getMetrics")).metrics.find((m) => m.name === name).value;
  let step = 0;
  const timer = setInterval(() => progress(++step), 1000 / HZ);
  await page.waitForFunction(() => document.querySelector(".job-facts")?.textContent?.includes("4.00"));
  const before = await metric("TaskDuration");
  const from = performance.now();
  await new Promise((resolve) => setTimeout(resolve, WATCHED_S * 1000));
  const share = (await metric("TaskDuration")) - before;
  const seconds = (performance.now() - from) / 1000;
  clearInterval(timer);
  await page.close();
  return { watching_core_percent: (100 * share) / seconds };
}

/** What an hour of events leaves behind, told as fast as the page takes them. */
async function hour() {
  running = 5;
  const page = await browser.newPage();
  await page.goto(base);
  await isLive(page);
  const client = await page.context().newCDPSession(page);
  await client.send("HeapProfiler.enable");
  const heap = async () => {
    await client.send("HeapProfiler.collectGarbage");
    return page.evaluate(() => performance.memory.usedJSHeapSize);
  };
  const told = async (n) => {
    for (let i = 0; i < n; i++) {
      progress(i);
      if (i % 40 === 0)
        tell("notice", { level: "info", code: "x", message: `notice ${sequence} of many`, download: null });
      if (i % 200 === 0) tell("download", { ...job(i % 5, i), state: i % 400 ? "downloading" : "verifying" });
      if (i % 50 === 0) await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
    }
  };
  await told(HOUR_EVENTS / 10); // what it needs once: modules, the full log
  await told(HOUR_EVENTS / 2);
  const before = await heap();
  await told(HOUR_EVENTS);
  const after = await heap();
  await page.close();
  return { heap_growth_an_hour_bytes: after - before, heap_bytes: after };
}

const result = { ...(await firstView()), ...(await filter()), ...(await watching()), ...(await hour()) };
await browser.close();
server.closeAllConnections();
server.close();
const BARS = {
  first_view_bytes: 60_000,
  interactive_ms: 300,
  filter_to_painted_ms: 16,
  watching_core_percent: 5,
  heap_growth_an_hour_bytes: 2_000_000,
};
for (const [name, value] of Object.entries(result)) {
  const bar = BARS[name];
  const words = bar === undefined ? "" : `, asked at most ${bar}: ${value <= bar ? "met" : "NOT met"}`;
  console.log(`${name}: ${Number(value.toFixed(2))}${words}`);
}
if (process.argv[2]) await writeFile(process.argv[2], JSON.stringify(result, null, 2) + "\n");
