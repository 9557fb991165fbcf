import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { chatEndpoint } from '../../local/model-server/chat-endpoint.ts';
import type { ChatRequest } from '../../local/model-server/completion.ts';

interface HeldCall {
  path: string;
  headers: IncomingHttpHeaders;
  request: ChatRequest;
  /** Lets the answer go. */
  release(): void;
}

export interface HeldEndpoint {
  baseUrl: string;
  /** Calls in order of arrival. */
  calls: HeldCall[];
  /** Most calls that were in flight at once. */
  mostInFlight(): number;
  /** Settles when so many calls have arrived, counted from the first. */
  arrived(calls: number): Promise<void>;
  /** From now on every answer goes as soon as its call arrives; those held go now. */
  releaseAll(): void;
  close(): Promise<void>;
}

/** A model endpoint that holds each answer until the test lets it go. */
export async function heldEndpoint(): Promise<HeldEndpoint> {
  const endpoint = chatEndpoint({});
  const calls: HeldCall[] = [];
  const watchers = new Set<() => void>();
  let isOpen = false;
  let inFlight = 0;
  let most = 0;
  const server = createServer(async (incoming, response) => {
    const request = JSON.parse(await text(incoming)) as ChatRequest;
    inFlight++;
    most = Math.max(most, inFlight);
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    calls.push({ path: `${incoming.method} ${incoming.url}`, headers: incoming.headers, request, release });
    if (isOpen) release();
    for (const watch of watchers) watch();
    await released;
    const reply = await endpoint.reply(request, new AbortController().signal);
    inFlight--;
    if (typeof reply === 'string') response.destroy();
    else response.writeHead(reply.status, reply.headers).end(reply.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A test that fails before it closes the endpoint must not keep jest from ending.
  server.unref();
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    calls,
    mostInFlight: () => most,
    arrived: (count) =>
      new Promise((resolve) => {
        const watch = () => {
          if (calls.length >= count) resolve();
        };
        watchers.add(watch);
        watch();
      }),
    releaseAll() {
      isOpen = true;
      for (const call of calls) call.release();
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
