/**
 * How the servers of a test file are reached: by plain HTTP, or over TLS once `speakTls()` was called. So the tests of
 * the contract run over both as they are.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import { connect as connectPlain, type Socket } from 'node:net';
import {
  connect as connectSecurely,
  createSecureContext,
  type SecureContext,
  type TlsOptions,
} from 'node:tls';
import { APPLICATION_PROTOCOLS, TLS_VERSIONS } from '../../src/net/tlsOptions.ts';

const ADDRESS = '127.0.0.1';
/** The certificate bears it, whatever host a test names. */
const SERVER_NAME = 'localhost';
const HOUR_MS = 3_600_000;

let servers: Promise<TlsOptions> | null = null;
/** One for all clients, as to make one for each connection would take a quarter of its time. Null: plain HTTP. */
let clients: SecureContext | null = null;

/** From now on all servers and clients of this process that go through this module speak TLS. */
export function speakTls(): void {
  servers = newServerTls();
}

/** For each new server, which makes the clients ready too. Null: it speaks plain HTTP. */
export async function serverTls(): Promise<TlsOptions | null> {
  return servers;
}

/** @param options without a host: all servers of tests listen on loopback. */
export function requestTo(
  options: http.RequestOptions,
  answered?: (response: http.IncomingMessage) => void,
): http.ClientRequest {
  if (clients === null) return http.request(options, answered);
  const secure = { secureContext: clients, servername: SERVER_NAME, ...options };
  return https.request(secure, answered);
}

export const newAgent = (options: http.AgentOptions): http.Agent =>
  clients === null ? new http.Agent(options) : new https.Agent(options);

/** The event of a server with the sockets to which it writes. */
export const connectionEvent = (): string => (clients === null ? 'connection' : 'secureConnection');

/** @param begun called once bytes may be written. */
export const connectTo = (port: number, begun: () => void): Socket =>
  clients === null
    ? connectPlain(port, ADDRESS, begun)
    : connectSecurely(
        { port, host: ADDRESS, secureContext: clients, servername: SERVER_NAME },
        begun,
      );

async function newServerTls(): Promise<TlsOptions> {
  // It takes long to load, and plain HTTP needs none of it.
  const { issue, newAuthority } = await import('../../src/cli/tls/issue.ts');
  const validity = { fromMs: Date.now() - HOUR_MS, toMs: Date.now() + HOUR_MS };
  const authority = await newAuthority('tests', validity);
  const names = [SERVER_NAME];
  const wanted = { commonName: 'test', names, uses: ['server'], ...validity } as const;
  const pair = await issue(authority, wanted);
  clients = createSecureContext({ ca: authority.cert });
  return { ...pair, ...TLS_VERSIONS, ALPNProtocols: [...APPLICATION_PROTOCOLS] };
}
