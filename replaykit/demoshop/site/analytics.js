/* Analytics events, one row per act, in the vocabulary of Amplitude's export. */

import { user } from "./basket.js";

const RELEASE = "4.20.0";

function post(row) {
  navigator.sendBeacon("/api/events", JSON.stringify(row));
}

/** Say that something happened. */
export function track(name, properties = {}) {
  const { device, session } = window.visit;
  const number = Number(localStorage.getItem("events") ?? 0) + 1;
  const now = Date.now();
  localStorage.setItem("events", String(number));
  localStorage.setItem("seen", String(now));
  const known = user();
  const replay = window.replay ? { "[Amplitude] Session Replay ID": window.replay } : {};
  const row = {
    event_type: name,
    event_id: number,
    $insert_id: `${device}-${session}-${number}`,
    client_event_time: now,
    device_id: device,
    session_id: session,
    user_id: known?.id ?? null,
    event_properties: { ...properties, ...replay },
    user_properties: known ? { plan: known.plan } : {},
    version_name: RELEASE,
  };
  (window.transport ?? post)(row);
}

/** Say that a page is in view. */
export function pageViewed(page, properties = {}) {
  track("Page Viewed", { page, ...properties });
}
