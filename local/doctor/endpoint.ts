import * as z from 'zod';
import { keyHeaders, openAiSummarizer } from '../../functions/shared/adapters/openai-summarizer.ts';
import { ConfigError } from '../../functions/shared/errors.ts';
import { modelFacts, shutdownWarning } from '../../functions/shared/model-catalog.ts';
import { defaultSettings } from '../../functions/shared/settings.ts';
import { chooseModel } from '../model-choice.ts';
import { type Finding, missing, note, ok } from './finding.ts';

const TIMEOUT_MS = 20_000;
/** Longest list of models that is read. */
const MAX_LIST_BYTES = 4 * 1024 * 1024;
const modelList = z.looseObject({ data: z.array(z.looseObject({ id: z.string() })) });

export interface EndpointOptions {
  env: Record<string, string | undefined>;
  model: string;
  /** Whether one tiny request may be sent. Asked only where the list of models does not say enough, unless the flag said it. */
  mayAsk: () => Promise<boolean>;
  isAskWanted: boolean;
}

/** Key, endpoint and model of this environment. */
export async function lookAtEndpoint({ env, model, mayAsk, isAskWanted }: EndpointOptions): Promise<Finding[]> {
  let choice: ReturnType<typeof chooseModel>;
  try {
    choice = chooseModel({ hasFile: true, isOffline: false, env });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [missing('model endpoint', error.message, 'correct OPENAI_BASE_URL, or leave it out for OpenAI')];
  }
  if (!('apiKey' in choice)) {
    return [
      note('model key', 'neither OPENAI_API_KEY nor OPENAI_BASE_URL is set: runs use the offline model server, which extracts sentences'),
    ];
  }
  const { endpoint, apiKey } = choice;
  const key =
    apiKey === 'none' ? note('model key', 'OPENAI_API_KEY is not set; some servers need none') : ok('model key', 'OPENAI_API_KEY is set');
  const listed = await lookAtList(endpoint, apiKey, model);
  const isOpen = listed.isConclusive || listed.findings.some(({ state }) => state === 'missing');
  const asked = isAskWanted || (!isOpen && (await mayAsk())) ? [await ask(endpoint, apiKey, model)] : [];
  return [key, ...listed.findings, ...asked, ...lookAtModel(model)];
}

async function lookAtList(endpoint: string, apiKey: string, model: string): Promise<{ findings: Finding[]; isConclusive: boolean }> {
  const found = (...findings: Finding[]) => ({ findings, isConclusive: true });
  const open = (words: string) => ({ findings: [note('model endpoint', words)], isConclusive: false });
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${endpoint}/models`, {
      headers: keyHeaders(endpoint, apiKey),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    text = await beginningOf(response);
  } catch (error) {
    const { cause, message } = error as Error & { cause?: { code?: string } };
    return found(
      missing(
        'model endpoint',
        `${endpoint} does not answer (${cause?.code ?? message})`,
        'check OPENAI_BASE_URL, the network and a proxy',
      ),
    );
  }
  if (response.status === 401 || response.status === 403) {
    return found(
      missing(
        'model key',
        `${endpoint} refuses the key (${response.status})`,
        'set OPENAI_API_KEY to a key of this endpoint that may use models',
      ),
    );
  }
  if (!response.ok) return open(`${endpoint} answers and gives no list of models (${response.status})`);
  const list = modelList.safeParse(parsed(text));
  if (!list.success) return open(`${endpoint} answers with something that is no list of models`);
  const answers = ok('model endpoint', `${endpoint} answers`);
  if (list.data.data.some(({ id }) => id === model)) return found(answers, ok('model', `${model} is there`));
  const some = list.data.data.slice(0, 8).map(({ id }) => id.slice(0, 60));
  return found(
    answers,
    missing('model', `${endpoint} does not list ${model}`, `name one of its models with --model: ${some.join(', ') || 'it lists none'}`),
  );
}

/** As much of a body as a list may have. */
async function beginningOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_LIST_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** One request of a few tokens, as runs send them. */
async function ask(endpoint: string, apiKey: string, model: string): Promise<Finding> {
  const summarizer = openAiSummarizer({ apiKey, baseUrl: endpoint, timeoutMs: TIMEOUT_MS });
  const messages = [{ role: 'user' as const, content: 'Answer with the word: yes' }];
  const { temperature } = defaultSettings;
  try {
    const answer = await summarizer.summarize(
      { model, messages, temperature, maxOutputTokens: 16, serviceTier: null, format: null },
      { signal: undefined },
    );
    return ok(
      'model request',
      `${model} answered in ${answer.latencyMs} ms, for ${answer.usage.inputTokens + answer.usage.outputTokens} tokens`,
    );
  } catch (error) {
    const { name, message } = error as Error;
    return missing('model request', `${model} did not answer (${name}: ${message})`, 'see the reason; --model NAME asks another one');
  }
}

function lookAtModel(model: string): Finding[] {
  const warning = shutdownWarning(model, Date.now());
  const priced = modelFacts(model).price ? [] : [note('model price', `that of ${model} is unknown: costs cannot be estimated or capped`)];
  return [...(warning ? [note('model', warning)] : []), ...priced];
}
