import type { Summarizer, SummaryAnswer, SummaryRequest } from '../../functions/shared/ports.ts';

type Reply = SummaryAnswer | Error;

/** What the endpoint answers to `answered`: 1,000 tokens in and 100 out, which cost 0.00015 dollars of gpt-6-luna. */
export const ANSWER_USAGE = { inputTokens: 1_000, outputTokens: 100 };
export const ANSWER_USD = 0.00015;

export const answered = (text: string, changes: Partial<SummaryAnswer> = {}): SummaryAnswer => ({
  text,
  finishReason: 'stop',
  model: 'gpt-6-luna-2026-10-01',
  serviceTier: 'default',
  requestId: 'req-1',
  usage: ANSWER_USAGE,
  latencyMs: 900,
  limits: null,
  ...changes,
});

/** The texts of a request, as the user message holds them. */
export const textsOf = ({ messages }: SummaryRequest): string[] => JSON.parse(messages[1]?.content ?? '') as string[];

/** Answers as a test says, in the order of the calls or by what is asked; throws on a call that it has no reply for. */
export class ScriptedSummarizer implements Summarizer {
  readonly requests: SummaryRequest[] = [];
  readonly signals: (AbortSignal | undefined)[] = [];
  readonly #replyTo: (request: SummaryRequest) => Reply | Promise<Reply>;

  constructor(...script: [(request: SummaryRequest) => Reply | Promise<Reply>] | Reply[]) {
    const [first] = script;
    if (typeof first === 'function') this.#replyTo = first;
    else this.#replyTo = () => (script as Reply[])[this.requests.length - 1] ?? new Error(`Call ${this.requests.length} is not expected`);
  }

  async summarize(request: SummaryRequest, { signal }: { signal?: AbortSignal | undefined }): Promise<SummaryAnswer> {
    this.requests.push(request);
    this.signals.push(signal);
    const reply = await this.#replyTo(request);
    if (reply instanceof Error) throw reply;
    return reply;
  }
}
