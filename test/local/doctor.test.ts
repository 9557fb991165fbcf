import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { lookAtEndpoint } from '../../local/doctor/endpoint.ts';
import { lookAtFolder, lookAtNode } from '../../local/doctor/machine.ts';
import { type LoopbackServer, loopbackServer, type ReceivedRequest, sendJson } from '../functions/shared/adapters/loopback-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'doctor-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('this machine', () => {
  test('has the Node that the project needs, or is told the way to it', () => {
    expect(lookAtNode('24.1.0')).toMatchObject({ state: 'ok' });
    expect(lookAtNode('22.9.0')).toMatchObject({ state: 'missing', words: 'version 22.9.0, 24 is needed' });
  });

  test('takes data in a folder, of which nothing is left', () => {
    const out = join(folder, 'new', 'data');
    expect(lookAtFolder(out)[0]).toMatchObject({ state: 'ok', what: 'data folder' });
    expect(existsSync(join(folder, 'new'))).toBe(false);
    expect(lookAtFolder(folder)[0]).toMatchObject({ state: 'ok' });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('says so where a folder cannot be written', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(lookAtFolder(join(folder, 'file', 'data'))).toMatchObject([{ state: 'missing', remedy: expect.stringContaining('--out DIR') }]);
  });

  // Where it hangs instead, the suite does: a folder that is there and takes none in sends Node's recursive mkdir round for ever.
  (process.platform === 'linux' ? test : test.skip)('says so of a place that takes no folders', () => {
    expect(lookAtFolder('/proc/hundredfold/data')).toMatchObject([{ state: 'missing', what: 'data folder' }]);
  });
});

describe('the endpoint', () => {
  let server: LoopbackServer;
  let reply: (request: ReceivedRequest) => [status: number, body: unknown];
  beforeEach(async () => {
    server = await loopbackServer((request, response) => sendJson(response, ...reply(request)));
  });
  afterEach(() => server.close());

  const asked: string[] = [];
  const look = (options: { isAskWanted?: boolean; agrees?: boolean; model?: string; url?: string } = {}) =>
    lookAtEndpoint({
      env: { OPENAI_BASE_URL: options.url ?? `${server.url}/v1`, OPENAI_API_KEY: 'sk-test-key-of-nobody' },
      model: options.model ?? 'gpt-6-luna',
      isAskWanted: options.isAskWanted ?? false,
      mayAsk: async () => {
        asked.push('question');
        return options.agrees ?? false;
      },
    });
  const list = { data: [{ id: 'gpt-6-luna' }, { id: 'gpt-5.4-mini' }] };
  const completion = {
    ...{
      id: 'x',
      object: 'chat.completion',
      created: 0,
      model: 'gpt-6-luna',
      usage: { prompt_tokens: 9, completion_tokens: 1, total_tokens: 10 },
    },
    choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'yes' } }],
  };

  test('with the model in its list is asked nothing else', async () => {
    reply = () => [200, list];
    expect((await look()).map(({ what, state }) => [what, state])).toEqual([
      ['model key', 'ok'],
      ['model endpoint', 'ok'],
      ['model', 'ok'],
    ]);
    expect(server.requests.map(({ method, path, headers }) => [method, path, headers.authorization])).toEqual([
      ['GET', '/v1/models', 'Bearer sk-test-key-of-nobody'],
    ]);
    expect(asked).toEqual([]);
  });

  test('of Azure is shown the key in the header that it takes, as in runs', async () => {
    const fetching = jest
      .spyOn(globalThis, 'fetch')
      .mockImplementation(async (url) => Response.json(String(url).endsWith('/models') ? list : completion));
    expect(await look({ url: 'https://us.openai.azure.com/openai/v1', isAskWanted: true })).toContainEqual(
      expect.objectContaining({ what: 'model request', state: 'ok' }),
    );
    const shown = fetching.mock.calls.map(([, init]) => new Headers(init?.headers));
    fetching.mockRestore();
    expect(shown.map((headers) => [headers.get('api-key'), headers.get('authorization')])).toEqual([
      ['sk-test-key-of-nobody', null],
      ['sk-test-key-of-nobody', null],
    ]);
  });

  test('that lacks the model or refuses the key is named with the way out', async () => {
    reply = () => [200, list];
    expect(await look({ model: 'nobody' })).toContainEqual({
      ...{ what: 'model', state: 'missing', words: `${server.url}/v1 does not list nobody` },
      remedy: 'name one of its models with --model: gpt-6-luna, gpt-5.4-mini',
    });
    reply = () => [401, { error: { message: 'no' } }];
    expect(await look()).toContainEqual(
      expect.objectContaining({ what: 'model key', state: 'missing', words: expect.stringContaining('(401)') }),
    );
    expect(asked).toEqual([]);
  });

  test('without a list is sent one tiny request, only where somebody agrees', async () => {
    reply = ({ path }) => (path.endsWith('/models') ? [404, {}] : [200, completion]);
    expect(await look()).not.toContainEqual(expect.objectContaining({ what: 'model request' }));
    expect(asked).toEqual(['question']);
    expect(server.requests).toHaveLength(1);
    expect(await look({ agrees: true })).toContainEqual(expect.objectContaining({ what: 'model request', state: 'ok' }));
    const { body } = server.requests.at(-1)!;
    expect(JSON.parse(body)).toMatchObject({ model: 'gpt-6-luna', max_completion_tokens: 16 });
    reply = () => [404, { error: { message: 'The model does not exist', code: 'model_not_found' } }];
    expect(await look({ isAskWanted: true })).toContainEqual(
      expect.objectContaining({ what: 'model request', state: 'missing', words: expect.stringContaining('ModelAccessError') }),
    );
  });

  test('that is not there, or no URL, is missing; none at all is a note', async () => {
    reply = () => [200, list];
    const url = `${server.url}/v1`;
    await server.close();
    expect(await look({ url })).toContainEqual(
      expect.objectContaining({ what: 'model endpoint', state: 'missing', words: `${url} does not answer (ECONNREFUSED)` }),
    );
    expect(await look({ url: 'api.example.com' })).toMatchObject([{ what: 'model endpoint', state: 'missing' }]);
    const options = { model: 'gpt-6-luna', isAskWanted: false, mayAsk: async () => true };
    expect(await lookAtEndpoint({ env: {}, ...options })).toMatchObject([{ what: 'model key', state: 'note' }]);
    server = await loopbackServer(() => {});
  });
});
