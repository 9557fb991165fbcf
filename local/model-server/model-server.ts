import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ChatEndpointOptions, chatEndpoint, type ModelServerStats } from './chat-endpoint.ts';
import { parseChatRequest } from './chat-request.ts';
import { type ChatRequest, errorBody, offlineModel } from './completion.ts';
import { jsonReply, type Reply } from './faults.ts';

export type ModelServerOptions = ChatEndpointOptions;

export interface ModelServer {
  /** `http://127.0.0.1:<port>/v1` */
  baseUrl: string;
  stats(): ModelServerStats;
  /** The chat requests in order of arrival; only with `record`. */
  requests?: ChatRequest[];
  /** Ends every connection, also those that still wait for an answer. */
  close(): Promise<void>;
}

const maxBodyBytes = 64 * 1024 * 1024;
/** Longer than any pause between two calls, so that no pooled connection closes just as its client uses it again. */
const keepAliveMs = 120_000;

/** A running server that speaks OpenAI's chat-completions protocol on a free port of the loopback interface. */
export const startModelServer = async (options: ModelServerOptions = {}): Promise<ModelServer> => {
  const endpoint = chatEndpoint(options);
  const closing = new AbortController();
  let received = 0;

  const route = async (request: IncomingMessage): Promise<Reply | 'drop' | 'hang'> => {
    const target = `${request.method} ${request.url?.split('?', 1)[0]}`;
    if (target === 'GET /v1/models') return jsonReply(200, modelList);
    const body = await readBody(request);
    if (target !== 'POST /v1/chat/completions') return refusal(404, `Unknown request URL: ${target}.`, 'unknown_url');
    if (body === undefined) return refusal(413, `The body is larger than ${maxBodyBytes} bytes.`, null);
    const parsed = parseChatRequest(body);
    return 'problem' in parsed ? jsonReply(400, JSON.stringify(parsed.problem)) : endpoint.reply(parsed.request, closing.signal);
  };

  const server = createServer({ keepAliveTimeout: keepAliveMs }, (request, response) => {
    const requestId = `req_offline_${received++}`;
    // What still fails here is a connection that the client or close() ended: nobody is left to answer.
    route(request).then(
      (reply) => send(response, reply, requestId),
      () => request.socket.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    stats: endpoint.stats,
    ...(options.record && { requests: endpoint.requests }),
    async close() {
      if (closing.signal.aborted) return;
      closing.abort();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};

const modelList = JSON.stringify({
  object: 'list',
  data: [{ id: offlineModel, object: 'model', created: 0, owned_by: 'offline' }],
});

const refusal = (status: number, message: string, code: string | null): Reply =>
  jsonReply(status, JSON.stringify(errorBody(message, 'invalid_request_error', code)));

/** The whole body as text; undefined if it is too large, after it was read to its end so that the answer reaches the client. */
const readBody = async (request: IncomingMessage): Promise<string | undefined> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= maxBodyBytes) chunks.push(chunk);
  }
  return bytes <= maxBodyBytes ? Buffer.concat(chunks).toString() : undefined;
};

const send = (response: ServerResponse, reply: Reply | 'drop' | 'hang', requestId: string): void => {
  if (reply === 'hang') return;
  if (reply === 'drop') {
    response.socket?.destroy();
    return;
  }
  response.writeHead(reply.status, { ...reply.headers, 'content-length': Buffer.byteLength(reply.body), 'x-request-id': requestId });
  response.end(reply.body);
};
