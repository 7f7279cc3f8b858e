// @ts-check
// What the API says, as types. Nothing here runs.

/**
 * @typedef {"queued"|"resolving"|"downloading"|"verifying"|"paused"|"waiting"|"completed"|"failed"|"cancelled"} State
 * @typedef {{ code: string, message: string, retry_at: string|null, url: string|null }} Reason
 * @typedef {{ path: string, size: number, algorithm: string, digest: string,
 *   state: "pending"|"checking"|"waiting"|"copying"|"downloading"|"verifying"|"done"|"failed",
 *   bytes_done: number, bytes_verified: number }} JobFile
 * @typedef {{ id: string, kind: string, repo: string, type: string, revision: string, commit: string|null,
 *   select: string[], exclude: string[], priority: number, state: State, reason: Reason|null,
 *   bytes_total: number, bytes_done: number, bytes_verified: number, files_total: number, files_done: number,
 *   speed_bps: number, eta_s: number|null, connections: number,
 *   created_at: string, started_at: string|null, finished_at: string|null, files?: JobFile[] }} Download
 *
 * @typedef {{ path: string, size: number, algorithm: string, digest: string, quant: string|null, group: string|null,
 *   companion: boolean, selected: boolean, present: boolean }} PreviewFile
 * @typedef {{ name: string, quant: string|null, files: number, bytes: number,
 *   selected: "all"|"some"|"none", present: "all"|"some"|"none" }} Group
 * @typedef {{ understood: string, repo: string, type: string, revision: string, commit: string,
 *   select: string[], exclude: string[], gated: false|"auto"|"manual", licence: string|null, folder: string,
 *   files: PreviewFile[], groups: Group[], files_total: number, files_selected: number,
 *   bytes_total: number, bytes_selected: number, bytes_to_fetch: number,
 *   disk: { free: number, reserved: number, after: number } }} Preview
 * @typedef {{ repo: string, type?: string, revision?: string, commit?: string, select?: string[],
 *   exclude?: string[], priority?: number }} Wish
 *
 * @typedef {{ free: number, total: number, reserved: number }} Disk
 * @typedef {{ auth: string, user: string|null, role: string, csrf_token: string|null, version: string }} Session
 * @typedef {{ status: "ok"|"unwell", parts: Record<string, string> }} Health
 * @typedef {{ level: "info"|"warning"|"error", code: string, message: string, download: string|null }} Notice
 * @typedef {{ downloads: Download[], next_cursor: string|null }} DownloadPage
 * @typedef {{ events: { id: string, event: string, data: any }[], last_id: string, reset: boolean }} Changes
 *
 * @typedef {{ state: "connecting"|"live"|"polling"|"reconnecting"|"offline", retryAt: number }} Link
 * @typedef {{ type: "welcome", link: Link, begun: boolean } | { type: "event", id: string, name: string, data: any } |
 *   { type: "link", link: Link } | { type: "failed" }} Told
 * @typedef {{ message: string, retryAt: number }} Trouble
 */

export {};
