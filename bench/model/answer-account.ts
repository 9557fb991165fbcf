import type { FaultKind } from './fault-plan.ts';

export interface ModelStats {
  /** Requests that arrived. */
  requests: number;
  /** Answers that the model made, hence paid, also those that were cut off or that nobody waited for any more. */
  answers: number;
  /** Answers to a request that had been answered before, byte for byte: paid twice. */
  paidTwice: number;
  /** Requests that met a fault, by its kind. */
  faults: Partial<Record<FaultKind, number>>;
  /** Requests that wait for their answers now. */
  inFlight: number;
  /** Most requests that waited for their answers at once. */
  mostInFlight: number;
  /** From the first request's arrival to the last answer, in seconds; 0 before there is one. */
  seconds: number;
}

/** What a model server has done, request by request. Times in milliseconds of any clock. */
export class AnswerAccount {
  #requests = 0;
  #answers = 0;
  #paidTwice = 0;
  #inFlight = 0;
  #mostInFlight = 0;
  #firstMs: number | undefined;
  #lastMs: number | undefined;
  readonly #faults: ModelStats['faults'] = {};
  readonly #answered = new Set<string>();

  /** @returns the request's number. */
  arrived(nowMs: number): number {
    this.#firstMs ??= nowMs;
    this.#mostInFlight = Math.max(this.#mostInFlight, ++this.#inFlight);
    return this.#requests++;
  }

  struck(kind: FaultKind): void {
    this.#faults[kind] = (this.#faults[kind] ?? 0) + 1;
  }

  /** @param requestKey the same for the same request. */
  answered(requestKey: string, nowMs: number): void {
    this.#answers++;
    if (this.#answered.has(requestKey)) this.#paidTwice++;
    this.#answered.add(requestKey);
    this.#lastMs = nowMs;
  }

  /** To be called once for each request that arrived, whatever its end. */
  left(): void {
    this.#inFlight--;
  }

  stats(): ModelStats {
    return {
      ...{ requests: this.#requests, answers: this.#answers, paidTwice: this.#paidTwice, faults: { ...this.#faults } },
      ...{
        inFlight: this.#inFlight,
        mostInFlight: this.#mostInFlight,
        seconds: ((this.#lastMs ?? 0) - (this.#lastMs === undefined ? 0 : (this.#firstMs ?? 0))) / 1000,
      },
    };
  }
}
