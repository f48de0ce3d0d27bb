/** A name server on this machine (RFC 1035), which answers each question with the same IPv4 addresses. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

export interface NameServer extends AsyncDisposable {
  /** For `dns.Resolver.setServers`. */
  readonly server: string;
  /** The addresses from now on. */
  addresses: readonly string[];
}

const HEADER_BYTES = 12;
/** A response, recursion available. */
const FLAGS = 0x8180;
/** The question's name, by a pointer to it. */
const NAME = 0xc00c;
const [TYPE_A, CLASS_IN, TTL_SECONDS, ADDRESS_BYTES] = [1, 1, 0, 4];

export async function startNameServer(addresses: readonly string[]): Promise<NameServer> {
  const socket = createSocket('udp4');
  const held = { addresses };
  socket.on('message', (query, { port, address }) => {
    socket.send(answerTo(query, held.addresses), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address() as AddressInfo;
  return {
    server: `127.0.0.1:${port}`,
    get addresses() {
      return held.addresses;
    },
    set addresses(next) {
      held.addresses = next;
    },
    [Symbol.asyncDispose]: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

function answerTo(query: Buffer, addresses: readonly string[]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(query.readUInt16BE(0), 0);
  header.writeUInt16BE(FLAGS, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(addresses.length, 6);
  const question = query.subarray(HEADER_BYTES, query.indexOf(0, HEADER_BYTES) + 5);
  const records = addresses.map((address) => {
    const record = Buffer.alloc(12);
    record.writeUInt16BE(NAME, 0);
    record.writeUInt16BE(TYPE_A, 2);
    record.writeUInt16BE(CLASS_IN, 4);
    record.writeUInt32BE(TTL_SECONDS, 6);
    record.writeUInt16BE(ADDRESS_BYTES, 10);
    return Buffer.concat([record, Buffer.from(address.split('.').map(Number))]);
  });
  return Buffer.concat([header, question, ...records]);
}
