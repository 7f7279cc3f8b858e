// @ts-check
// What the API says, as types. Nothing here runs.

/**
 * @typedef {"queued"|"resolving"|"downloading"|"verifying"|"paused"|"waiting"|"completed"|"failed"|"cancelled"} State
 * @typedef {{ code: string, message: string, retry_at: string|null, url: string|null }} Reason
 * @typedef {{ path: string, size: number, algorithm: string, digest: string,
 *   state: string,
 *   bytes_done: number, bytes_verified: number }} JobFile
 * @typedef {{ id: string, kind: string, repo: string, type: string, revision: string, commit: string|null,
 *   select: string[], exclude: string[], priority: number, state: State, reason: Reason|null,
 *   bytes_total: number, bytes_present?: number, bytes_done: number, bytes_verified: number,
 *   files_total: number, files_done: number, speed_bps: number, eta_s: number|null, connections: number,
 *   findings?: Findings|null, folder?: string,
 *   created_at: string, started_at: string|null, finished_at: string|null, files?: JobFile[] }} Download
 * @typedef {{ proven: number, changed: number, missing: number, unknown: number }} Findings
 *
 * @typedef {{ path: string, size: number, algorithm: string, digest: string, quant: string|null, group: string|null,
 *   companion: boolean, selected: boolean, present: boolean }} PreviewFile
 * @typedef {{ name: string, kind: "gguf"|"safetensors"|"mlx"|"onnx"|"pickle"|"projector"|"draft", quant: string|null,
 *   bits_per_weight?: number, files: number, bytes: number, selected: "all"|"some"|"none", present: "all"|"some"|"none" }} Group
 * @typedef {{ id: string, understood: string, repo: string, type: string, revision: string, commit: string,
 *   select: string[], exclude: string[], gated: false|"auto"|"manual", licence: string|null, folder: string,
 *   files: PreviewFile[], groups: Group[], files_total: number, files_selected: number, files_replaced?: number,
 *   bytes_total: number, bytes_selected: number, bytes_to_fetch: number,
 *   disk: { free: number, reserved: number, after: number, kept_free?: number }, memory?: number|null }} Preview
 * @typedef {{ preview: string } | { repo: string, type?: string, revision?: string, commit?: string, select?: string[],
 *   exclude?: string[], priority?: number }} Wish
 *
 * @typedef {{ id: string, context: number, problem: string|null, recommended: { group: string, reason: string, poor?: boolean }|null,
 *   host?: { memory: number|null, gpus: number[] },
 *   groups: { name: string, needed: number, fit: "gpu"|"split"|"memory"|"none" }[] }} Fit
 *
 * @typedef {{ free: number, total: number, reserved: number }} Disk
 * @typedef {{ auth: string, user: string|null, role: string|null, csrf_token: string|null, version: string }} Session
 * @typedef {{ status: "ok"|"unwell", parts: Record<string, string> }} Health
 * @typedef {{ level: "info"|"warning"|"error", code: string, message: string, download: string|null }} Notice
 * @typedef {{ at: number, level: "info"|"success"|"warning"|"error", message: string }} Line
 * @typedef {{ days: string[], from: string, to: string, action: "pause"|"limit", bandwidth_limit: number|null }} Hours
 * @typedef {{ paused: boolean, bandwidth_limit: number, slow: boolean, slow_limit: number, max_downloads: number,
 *   max_connections: number, schedule: Hours[], gpu_memory: number[],
 *   effect: { paused: boolean, bandwidth_limit: number, why: string, until: string|null } }} Settings
 * @typedef {{ [K in keyof Settings]?: Settings[K]|null }} SettingsPatch null: the default
 *
 * @typedef {{ available: boolean, commit: string, summary: string, files: number, bytes: number, files_gone: number,
 *   files_elsewhere: number, checked_at: string }} Update
 * @typedef {{ folder: string, type: string, repo: string|null, revision: string|null, commit: string|null,
 *   formats: string[], quants: string[], architecture: string|null, parameters: number|null,
 *   context_length: number|null, files_total: number, bytes: number, partial_bytes: number, files_proven: number,
 *   files_unknown: number, files_changed: number, parts_missing: number, problems: number, problem: string|null,
 *   git: boolean, modified_at: string|null, update: Update|null }} Model
 * @typedef {{ weights: number|null, context: number, sliding_window: boolean,
 *   cache: Record<string, number|null> }} Memory
 * @typedef {{ name: string, quant: string|null, bits_per_weight?: number, format: string, files: number, bytes: number,
 *   parts: number, parts_wanted: number, missing: string[], parameters: number|null, memory: Memory }} ModelGroup
 * @typedef {{ path: string, size: number, kind: string, state: string, group: string|null, digest: string|null,
 *   commit: string|null, vouched_at: string|null, modified_at: string|null, header: any, problem: string|null }} ModelFile
 * @typedef {Model & { groups: ModelGroup[], files: ModelFile[], has_more_groups: boolean, has_more_files: boolean }} ModelDetail
 * @typedef {{ path: string, scanning: boolean, models: number, files: number, bytes: number, changes: number,
 *   scanned_at: string|null, problem: string|null }} LibraryState
 * @typedef {{ models: Model[], total: number, next_cursor: string|null, library: LibraryState }} ModelPage
 * @typedef {{ id: string, deleted_at: string, files: number, bytes: number, paths: string[] }} TrashEntry
 * @typedef {{ running: boolean, started_at: string|null, finished_at: string|null, next_at: string|null,
 *   is_whole: boolean, at: string|null, models: number, files: number, bytes: number, proven: number, changed: number,
 *   missing: number, unknown: number, findings: { folder: string, path: string, state: string }[] }} Scrub
 * @typedef {{ repo: string, type: string, gated: string|null, private: boolean, task: string|null,
 *   library: string|null, licence: string|null, base_model: string|null, architecture: string|null, formats: string[],
 *   parameters: number|null, context_length: number|null, downloads: number, likes: number, modified_at: string|null,
 *   present: boolean }} Found
 * @typedef {{ set: boolean, source: "stored"|"environment"|null, account: string|null, role: string|null,
 *   checked_at: string|null }} Token
 * @typedef {Found & { commit: string|null, page: string, card: any[]|null, card_is_cut: boolean, card_problem: string|null,
 *   scan: { done: boolean, issues: { path: string, level: string }[], issues_total: number }|null }} HubModel
 * @typedef {{ text: string, repo: string|null, type: string|null, revision: string|null, form: string|null,
 *   select: string[]|null, exclude: string[]|null, name: string|null, folder: string|null, present: boolean,
 *   problem: string|null }} Entry
 * @typedef {{ kind: "one"|"lines"|"workflow", entries: Entry[] }} Pasted
 * @typedef {{ check: string, state: string, host: string|null, address: string|null, ms: number|null, detail: string,
 *   hint: string|null }} Check
 * @typedef {{ healthy: boolean, repo: string|null, path: string|null, checks: Check[] }} Report
 * @typedef {{ results: Found[], next_cursor: string|null,
 *   quota: { remaining: number, reset_s: number }|null }} SearchPage
 * @typedef {{ downloads: Download[], next_cursor: string|null }} DownloadPage
 * @typedef {{ events: { id: string, event: string, data: any }[], last_id: string, reset: boolean }} Changes
 *
 * @typedef {{ state: "connecting"|"live"|"polling"|"reconnecting"|"offline", retryAt: number }} Link
 * @typedef {{ type: "welcome", link: Link, begun: boolean } | { type: "event", id: string, name: string, data: any } |
 *   { type: "link", link: Link } | { type: "failed" }} Told
 * @typedef {{ message: string, retryAt: number }} Trouble
 */

export {};
