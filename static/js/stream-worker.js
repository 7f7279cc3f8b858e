// @ts-check
// The shared worker: holds the one event stream of all tabs of this browser.
import { Api } from "./core/api.js";
import { Relay } from "./core/relay.js";

const api = new Api(new URL(new URL(new URL(location.href).searchParams.get("api") ?? "").pathname, location.origin));
const relay = new Relay({ url: api.url("events"), changes: api.changes });

addEventListener("connect", (event) => {
  const [port] = /** @type {MessageEvent} */ (event).ports;
  port.onmessage = ({ data }) => relay.hear(data, (message) => port.postMessage(message));
});
