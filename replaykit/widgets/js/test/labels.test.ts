import { describe, expect, it } from "vitest";
import { daysOf, nextDay, zonedDayStart } from "../parts/day-range.ts";
import { generatedLabel } from "../parts/labels.ts";

describe("labels of rows that a recorder made", () => {
  it.each([
    [
      "[Amplitude] Page Viewed",
      { "[Amplitude] Page Title": "Basket" },
      "Viewed \u201cBasket\u201d",
    ],
    ["[Amplitude] Page Viewed", { "[Amplitude] Page Path": "/b" }, "Viewed \u201c/b\u201d"],
    [
      "$pageview",
      { $current_url: "https://a.example/x" },
      "Viewed \u201chttps://a.example/x\u201d",
    ],
    [
      "[Amplitude] Element Clicked",
      { "[Amplitude] Element Text": "  Buy\n now ", "[Amplitude] Page Title": "Basket" },
      "Clicked \u201cBuy now\u201d on \u201cBasket\u201d",
    ],
    ["[Amplitude] Element Clicked", { "[Amplitude] Element Tag": "BUTTON" }, "Clicked a button"],
    ["$autocapture", { $event_type: "change", $el_text: "Size" }, "Changed \u201cSize\u201d"],
    ["[Amplitude] Element Changed", { "[Amplitude] Element ID": "q" }, "Changed \u201cq\u201d"],
  ])("%s", (name, props, label) => {
    expect(generatedLabel(name, props)).toBe(label);
  });

  it("leaves rows alone that somebody named, and rows that say nothing", () => {
    expect(generatedLabel("Add to Cart", { title: "x" })).toBeNull();
    expect(generatedLabel("[Amplitude] Element Clicked", {})).toBeNull();
    expect(generatedLabel("[Amplitude] Page Viewed", { "[Amplitude] Page Title": " " })).toBeNull();
  });

  it("cuts a long text between characters", () => {
    const flag = "\u{1F1E9}\u{1F1EA}";
    const label = generatedLabel("$pageview", { $title: flag.repeat(80) }) ?? "";
    expect(label).toBe(`Viewed \u201c${flag.repeat(60)}\u2026\u201d`);
  });
});

describe("days of a zone", () => {
  it("end where the next begins, also when the clocks change", () => {
    const zone = "Europe/Berlin";
    const [from, until] = [
      zonedDayStart("2026-03-29", zone),
      zonedDayStart(nextDay("2026-03-29"), zone),
    ];
    expect(until - from).toBe(23 * 3_600_000);
    expect(daysOf(from, until, zone)).toEqual({ from: "2026-03-29", until: "2026-03-29" });
    expect(nextDay("2026-12-31")).toBe("2027-01-01");
  });
});
