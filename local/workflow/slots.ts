/** Room for so many things at once. One taker at a time waits; whoever frees a slot wakes it. */
export class Slots {
  readonly #limit: number;
  #taken = 0;
  #wake: (() => void) | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Waits for a free slot and takes it. */
  async take(): Promise<void> {
    while (this.#taken >= this.#limit) await this.#nextFree();
    this.#taken++;
  }

  free(): void {
    this.#taken--;
    this.#wake?.();
  }

  /** Waits until every slot is free. */
  async idle(): Promise<void> {
    while (this.#taken > 0) await this.#nextFree();
  }

  #nextFree(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
