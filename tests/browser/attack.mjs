// What a page of another site tries in the browser of somebody who is signed in here.
import { TIMEOUT, check } from "./kit.mjs";

const [, base] = process.argv.slice(2);

/** Everything such a page can send. It runs in that page: it knows the address of this server and nothing else. */
async function attack(api) {
  const bodies = [JSON.stringify({ paused: true }), JSON.stringify({ repo: "acme/tiny-7b-GGUF:Q4_K_M" }), "{}"];
  const seen = [];
  for (const path of ["settings", "downloads", "scan", "token", "models/acme/tiny-7b-GGUF/verify", "scrub"]) {
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      for (const type of ["text/plain", "application/json", "application/x-www-form-urlencoded"]) {
        for (const mode of ["cors", "no-cors"]) {
          for (const body of bodies) {
            const answer = await fetch(api + path, {
              method,
              mode,
              body: method === "DELETE" ? undefined : body,
              credentials: "include",
              headers: { "Content-Type": type },
            }).catch(() => null);
            if (answer && answer.type !== "opaque") seen.push(`${method} ${path} ${answer.status}`);
          }
        }
      }
    }
  }
  for (const path of ["downloads", "models", "session", "token", "audit"]) {
    const answer = await fetch(api + path, { credentials: "include" }).catch(() => null);
    if (answer) seen.push(`GET ${path} ${await answer.text()}`);
  }
  for (const [enctype, name] of [
    ["text/plain", '{"paused":true,"x":"'],
    ["application/x-www-form-urlencoded", "paused"],
    ["multipart/form-data", "paused"],
  ]) {
    const frame = Object.assign(document.createElement("iframe"), { name: "f" + Math.random() });
    document.body.append(frame);
    const loaded = new Promise((resolve) => (frame.onload = resolve));
    const form = Object.assign(document.createElement("form"), {
      action: api + "settings",
      method: "post",
      enctype,
      target: frame.name,
    });
    form.append(Object.assign(document.createElement("input"), { name, value: '"}' }));
    document.body.append(form);
    form.submit();
    await Promise.race([loaded, new Promise((resolve) => setTimeout(resolve, 3000))]);
    try {
      if (frame.contentDocument?.body?.textContent) seen.push("a form's answer was read");
    } catch {
      // it is another site's: as it should be
    }
  }
  const stream = new EventSource(api + "events", { withCredentials: true });
  const told = await new Promise((resolve) => {
    stream.addEventListener("snapshot", () => resolve(true));
    stream.onerror = () => resolve(false);
  });
  stream.close();
  if (told) seen.push("the stream is open");
  return seen;
}

/** The page in a frame of another site. */
const framed = (page) =>
  page.evaluate(
    (address) =>
      new Promise((resolve) => {
        const frame = Object.assign(document.createElement("iframe"), { src: address });
        frame.onload = () => {
          try {
            resolve(frame.contentDocument ? "readable" : "closed");
          } catch {
            resolve("closed");
          }
        };
        document.body.append(frame);
      }),
    base,
  );

export const scenarios = {
  /** Somebody is signed in, or nobody has to be, and goes to a page that means harm. */
  async "attack-elsewhere"(page) {
    const password = page.getByTestId("password");
    // Whichever is seen: where one signs in, the other is there and hidden.
    const either = page.locator('[data-testid="password"]:visible, [data-testid="connection"]:visible');
    await either.first().waitFor({ timeout: TIMEOUT });
    if (await page.evaluate(async () => (await (await fetch("api/v1/session")).json()).role === null)) {
      await password.fill("correct horse battery staple");
      await page.keyboard.press("Enter");
      await page.locator('[data-testid="connection"][data-state="live"]').waitFor({ timeout: TIMEOUT });
    }
    const other = base.replace("127.0.0.1", "localhost").replace(/:\d+.*/, `:${process.env.OTHER_PORT}/`);
    await page.goto(other);
    const seen = await page.evaluate(attack, new URL("api/v1/", base).href);
    check(seen.length === 0, `it saw: ${seen.join(" | ")}`);
    check((await framed(page)) === "closed", "the page can be framed");
    await page.goto(base);
    await page.locator('[data-testid="connection"][data-state="live"]').waitFor({ timeout: TIMEOUT });
  },

  /** A name of another's that means this server: its page loads, and hears nothing. */
  async "attack-rebinding"(page) {
    const address = base.replace("127.0.0.1", "rebound.evil.example");
    await page.goto(address);
    const answers = await page.evaluate(async (api) => {
      const found = [];
      for (const path of ["downloads", "models", "settings", "session", "token", "events"])
        found.push((await fetch(api + path)).status);
      found.push(
        (
          await fetch(api + "settings", {
            method: "PATCH",
            headers: { "Content-Type": "application/json" },
            body: '{"paused":true}',
          })
        ).status,
      );
      return found;
    }, new URL("api/v1/", address).href);
    check(
      answers.every((status) => status === 403),
      `they are ${answers}`,
    );
  },
};
