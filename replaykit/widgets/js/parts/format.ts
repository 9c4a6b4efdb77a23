/** How times, counts and values are written. All wall times carry their zone. */

import type { Props, Scalar } from "../protocol.ts";

const MINUS = "\u2212";

/** Elapsed time: 4:12, 1:02:09; negative with a real minus sign. */
export function elapsed(ms: number): string {
  const sign = ms < 0 ? MINUS : "";
  // Toward zero: a row at 4:12.9 happened in the second that the clock calls 4:12.
  const total = Math.floor(Math.abs(ms) / 1000);
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  const seconds = String(total % 60).padStart(2, "0");
  if (hours === 0) return `${sign}${minutes}:${seconds}`;
  return `${sign}${hours}:${String(minutes).padStart(2, "0")}:${seconds}`;
}

/** Elapsed time with tenths, for the clock of the player: 4:12.3. */
export function elapsedTenths(ms: number): string {
  return `${elapsed(ms)}.${Math.floor((Math.abs(ms) % 1000) / 100)}`;
}

/** Elapsed time in words, for screen readers: 4 minutes 12 seconds. */
export function spoken(ms: number): string {
  const total = Math.max(0, Math.floor(ms / 1000));
  const units: [number, string][] = [
    [Math.floor(total / 3600), "hour"],
    [Math.floor((total % 3600) / 60), "minute"],
    [total % 60, "second"],
  ];
  const said = units.filter(([count]) => count > 0).map(([count, unit]) => plural(count, unit));
  return said.length > 0 ? said.join(" ") : "0 seconds";
}

/** 1 replay, 2 replays, 1,204 users. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : many}`;
}

/** A whole number with thousands separators. */
export function number(value: number): string {
  return value.toLocaleString("en-US");
}

/** 512 B, 96 KB, 1.4 MB. */
export function bytes(value: number): string {
  if (value < 1000) return `${value} B`;
  if (value < 1_000_000) return `${Math.round(value / 1000)} KB`;
  return `${(value / 1_000_000).toFixed(1)} MB`;
}

/** 95 ms, 1.84 s. */
export function duration(ms: number | null): string {
  if (ms === null) return "";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone} ${JSON.stringify(options)}`;
  let found = formats.get(key);
  if (!found) {
    try {
      found = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone });
    } catch {
      // A zone this browser does not know: UTC is at least a named truth.
      found = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC" });
    }
    formats.set(key, found);
  }
  return found;
}

function parts(ms: number, zone: string, options: Intl.DateTimeFormatOptions) {
  const list = format(zone, options).formatToParts(ms);
  return Object.fromEntries(list.map((part) => [part.type, part.value]));
}

/** Tue 3 Mar 2026, 14:08:12 CET. */
export function wall(ms: number, zone: string): string {
  const p = parts(ms, zone, {
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    timeZoneName: "short",
  });
  return `${p.weekday} ${p.day} ${p.month} ${p.year}, ${p.hour}:${p.minute}:${p.second} ${p.timeZoneName}`;
}

/** 14:08:12 CET. */
export function wallTime(ms: number, zone: string): string {
  const p = parts(ms, zone, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    timeZoneName: "short",
  });
  return `${p.hour}:${p.minute}:${p.second} ${p.timeZoneName}`;
}

/** 14:08, for lists whose head names day and zone. */
export function wallMinute(ms: number, zone: string): string {
  const p = parts(ms, zone, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  return `${p.hour}:${p.minute}`;
}

/** Tue 3 Mar, with the year where days of several years stand together. */
export function wallDay(ms: number, zone: string, year = false): string {
  const p = parts(ms, zone, { weekday: "short", day: "numeric", month: "short", year: "numeric" });
  return `${p.weekday} ${p.day} ${p.month}${year ? ` ${p.year}` : ""}`;
}

/** A property's value as one line of text. */
export function value(item: Scalar | Scalar[] | undefined): string {
  if (item === undefined) return "";
  if (item === null) return "(none)";
  if (Array.isArray(item)) return item.map((one) => value(one)).join(", ");
  return String(item);
}

/** The one or two properties that say most about an event, for its table cell. */
export function summary(props: Props): string {
  const entries = Object.entries(props).filter(([, item]) => item !== null && item !== "");
  const [first] = entries;
  return first ? `${first[0]} ${value(first[1])}` : "";
}

/** The address without its scheme, split where the host ends. */
export function address(url: string): { host: string; path: string } {
  const match = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)(.*)$/i.exec(url);
  if (!match) return { host: "", path: url };
  return { host: match[1] ?? "", path: match[2] || "/" };
}
