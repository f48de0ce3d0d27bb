/** Nodes on loopback that reach one another only through relays, for machines where we are not root. */
import { freePorts } from '../../test/support/ports.ts';
import type { Links } from './links.ts';
import type { Network } from './network.ts';
import { Relay } from './relay.ts';

export async function openProxyNetwork(nodes: number): Promise<Network> {
  const firstPort = await freePorts(nodes);
  const indexes = Array.from({ length: nodes }, (_unused, index) => index);
  const relays = indexes.map(() => indexes.map(() => new Relay()));
  const urls = await Promise.all(
    relays.map((own) => Promise.all(own.map((relay) => relay.listen()))),
  );
  for (const own of relays)
    for (const [to, relay] of own.entries()) relay.targetPort = firstPort + to;

  return {
    kind: 'proxy',
    lacks: [],
    clientUrl: (node) => `http://127.0.0.1:${firstPort + node}`,
    commandOf: () => [],
    // No URL of its own: the others would dial it past the relays.
    settingsOf: (node) => ({
      HOST: '127.0.0.1',
      PORT: String(firstPort + node),
      NODES: (urls[node] ?? []).filter((_url, to) => to !== node).join(','),
    }),
    apply: async (links: Links) => {
      for (const [from, own] of relays.entries())
        for (const [to, relay] of own.entries()) relay.set(links.at(from, to), links.at(to, from));
    },
    [Symbol.asyncDispose]: async () => {
      for (const relay of relays.flat()) relay.close();
    },
  };
}
