import { describe, expect, it } from "vitest";
import { Leap } from "../leap.ts";

/** Enough of a recorded document's window: a root with tokens, and what scrolls. */
function made() {
  const writes: string[] = [];
  class DOMTokenList {
    names = new Set<string>();
    add(name: string) {
      writes.push(`add ${name}`);
      this.names.add(name);
    }
    remove(name: string) {
      writes.push(`remove ${name}`);
      this.names.delete(name);
    }
    contains(name: string) {
      return this.names.has(name);
    }
  }
  class Element {
    scrollTo(...given: [ScrollToOptions] | [number, number]) {
      const [first, top] = given;
      if (typeof first === "number") writes.push(`scroll ${first} ${top}`);
      else writes.push(`${first.behavior} ${first.left} ${first.top}`);
    }
  }
  const page = { DOMTokenList, Element, HTMLDialogElement: class {}, scrollTo() {} };
  const leap = new Leap();
  leap.watch(page as unknown as Window & typeof globalThis);
  return { leap, writes, root: new DOMTokenList(), part: new Element() };
}

describe("a leap", () => {
  it("leaves a standing page's class where it ends as it began", () => {
    const { leap, writes, root } = made();
    root.add("rrweb-paused");
    writes.length = 0;
    leap.run(() => {
      root.remove("rrweb-paused");
      root.add("rrweb-paused");
    });
    expect(writes).toEqual([]);
    expect(root.contains("rrweb-paused")).toBe(true);
  });

  it("writes the class where it ends otherwise, after what was built", () => {
    const { leap, writes, root } = made();
    leap.run(() => {
      root.add("rrweb-paused");
      root.add("other");
    });
    expect(writes).toEqual(["add other", "add rrweb-paused"]);
    leap.run(() => root.remove("rrweb-paused"));
    expect(root.contains("rrweb-paused")).toBe(false);
  });

  it("writes a class that the recording took away meanwhile", () => {
    const { leap, root } = made();
    root.add("rrweb-paused");
    leap.run(() => {
      root.remove("rrweb-paused");
      root.names.clear();
      root.add("rrweb-paused");
    });
    expect(root.contains("rrweb-paused")).toBe(true);
  });

  it("scrolls each part once, at once, to where it was scrolled last", () => {
    const { leap, writes, part } = made();
    leap.run(() => {
      part.scrollTo(0, 10);
      part.scrollTo(0, 20);
    });
    leap.run(() => part.scrollTo({ left: 1, top: 25, behavior: "auto" }));
    part.scrollTo(0, 30);
    expect(writes).toEqual(["instant 0 20", "instant 1 25", "scroll 0 30"]);
  });
});
