/** A port that everybody may reach: by TLS if there are certificate files, which are read again as they change. */
import { readFile, stat } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface PublicServerOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Null: without TLS. */
  readonly tls: TlsFiles | null;
  /** A pair that does not fit changes nothing. */
  readonly onFault: (error: unknown) => void;
  /** Between two looks at the certificate files. */
  readonly lookMs?: number;
}

export interface PublicServer extends AsyncDisposable {
  readonly server: Server | TlsServer;
  readonly port: number;
  readonly isSecure: boolean;
}

const LOOK_MS = 2000;
/** From the first byte of a request to its last. */
const REQUEST_MS = 10_000;
const IDLE_MS = 5000;
const CHECK_MS = 1000;
const TLS_MINIMUM = 'TLSv1.2';

/** @throws Error if the certificate files can't be used, or the port is taken. */
export async function listenPublic(
  handler: RequestListener,
  { host, port, tls, onFault, lookMs = LOOK_MS }: PublicServerOptions,
): Promise<PublicServer> {
  const times = {
    requestTimeout: REQUEST_MS,
    headersTimeout: REQUEST_MS,
    keepAliveTimeout: IDLE_MS,
    connectionsCheckingInterval: CHECK_MS,
  };
  await using starting = new AsyncDisposableStack();
  let server: Server | TlsServer;
  if (tls === null) server = createServer(times, handler);
  else {
    const secure = createTlsServer(
      { ...times, ...(await readPair(tls)), minVersion: TLS_MINIMUM, handshakeTimeout: REQUEST_MS },
      handler,
    );
    starting.use(renewed(secure, tls, lookMs, onFault));
    server = secure;
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const ends = starting.move();
  return {
    server,
    port: typeof address === 'object' && address !== null ? address.port : port,
    isSecure: tls !== null,
    [Symbol.asyncDispose]: async () => {
      await ends.disposeAsync();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

async function readPair({ certFile, keyFile }: TlsFiles): Promise<{ cert: Buffer; key: Buffer }> {
  const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
  return { cert, key };
}

function renewed(
  server: TlsServer,
  files: TlsFiles,
  lookMs: number,
  onFault: (error: unknown) => void,
): Disposable {
  let seen: string | null = null;
  const look = async (): Promise<void> => {
    const stats = await Promise.all([stat(files.certFile), stat(files.keyFile)]);
    const mark = stats.map(({ mtimeMs, ino, size }) => `${mtimeMs} ${ino} ${size}`).join();
    if (mark === seen) return;
    const isFirst = seen === null;
    seen = mark;
    if (!isFirst) server.setSecureContext({ ...(await readPair(files)), minVersion: TLS_MINIMUM });
  };
  void look().catch(onFault);
  const timer = setInterval(() => void look().catch(onFault), lookMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
