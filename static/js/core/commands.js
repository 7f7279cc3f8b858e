// @ts-check
// Every command on a download: its words, and the states in which it is legal. Buttons carry its name.
import { t } from "./words.js";

const RUNNING = ["queued", "resolving", "downloading", "verifying", "waiting"];

/** @type {Record<string, { label: string, icon: string, states: string[] }>} */
export const COMMANDS = {
  pause: { label: t("Pause"), icon: "pause", states: RUNNING },
  resume: { label: t("Resume"), icon: "play", states: ["paused", "waiting"] },
  retry: { label: t("Try again"), icon: "retry", states: ["failed", "cancelled"] },
  cancel: { label: t("Cancel"), icon: "close", states: [...RUNNING, "paused"] },
  forget: { label: t("Remove from list"), icon: "trash", states: ["completed", "failed", "cancelled"] },
};
