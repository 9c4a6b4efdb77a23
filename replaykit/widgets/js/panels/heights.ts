/** Where each row of a virtual table lies, when nearly all rows are equally high. */

export class Heights {
  readonly #base: number;
  #count: number;
  /** Rows that differ, by index, and the sum of their extra height before each. */
  #odd: { index: number; extra: number; before: number }[] = [];

  constructor(count: number, base: number, different: ReadonlyMap<number, number> = new Map()) {
    this.#base = base;
    this.#count = count;
    this.set(count, different);
  }

  /** Replace the count and the rows that differ from the base height. */
  set(count: number, different: ReadonlyMap<number, number>): void {
    this.#count = count;
    let before = 0;
    this.#odd = [...different]
      .filter(([index]) => index >= 0 && index < count)
      .sort(([a], [b]) => a - b)
      .map(([index, height]) => {
        const entry = { index, extra: height - this.#base, before };
        before += entry.extra;
        return entry;
      });
  }

  /** Top of a row; of `count` it is the whole height. */
  top(index: number): number {
    return index * this.#base + this.#extraBefore(index);
  }

  height(index: number): number {
    return this.top(index + 1) - this.top(index);
  }

  get total(): number {
    return this.top(this.#count);
  }

  /** The row at a height: the last one whose top is not below it. */
  at(y: number): number {
    let low = 0;
    let high = this.#count - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.top(middle) <= y) low = middle;
      else high = middle - 1;
    }
    return Math.max(0, low);
  }

  #extraBefore(index: number): number {
    let low = 0;
    let high = this.#odd.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#odd[middle]?.index ?? 0) < index) low = middle + 1;
      else high = middle;
    }
    const last = this.#odd[low - 1];
    return last ? last.before + last.extra : 0;
  }
}
