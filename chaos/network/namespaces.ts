/**
 * A network namespace for each node, with a veth pair to one bridge.
 *
 * It runs inside namespaces of its own for network, mounts and processes (launch.ts), so that the
 * machine outside sees nothing of it, and all of it ends with the process.
 *
 * A cut is made where the packets arrive: a routing rule before the local table drops them without a
 * word, as a network does, and the sender's TCP repeats them until the rule is gone.
 */
import { command, succeeds } from './command.ts';
import type { Links } from './links.ts';
import type { Network } from './network.ts';
import { canSlow, slowLinks } from './slowLinks.ts';

const BRIDGE = 'chaos';
const DEVICE = 'eth0';
const PORT = 8000;
const CUT_PREFERENCE = '10';
/** After the cuts; by default the local table comes before every rule. */
const LOCAL_PREFERENCE = '100';

const addressOf = (node: number): string => `10.77.0.${node + 1}`;
const namespaceOf = (node: number): string => `node${node + 1}`;

export async function openNamespaces(nodes: number): Promise<Network> {
  await command('ip', 'link', 'set', 'lo', 'up');
  await command('ip', 'link', 'add', BRIDGE, 'type', 'bridge');
  await command('ip', 'link', 'set', BRIDGE, 'up');
  await command('ip', 'address', 'add', '10.77.0.254/24', 'dev', BRIDGE);
  const indexes = Array.from({ length: nodes }, (_unused, node) => node);
  for (const node of indexes) await addNode(node);
  const losesPackets = await succeeds('nft', lossTable([]));
  const slowness = await canSlow(BRIDGE);
  const urls = indexes.map((node) => `http://${addressOf(node)}:${PORT}`);
  // The links in force: a command takes long on a busy machine, so only changes are made.
  const cuts = indexes.map(() => new Set<number>());
  const lossTables = indexes.map(() => lossTable([]));
  const slowNodes = new Set<number>();

  const applyTo = async (node: number, links: Links): Promise<void> => {
    const others = indexes.filter((other) => other !== node);
    for (const from of others) {
      const isCut = links.at(from, node).isCut;
      if (isCut === cuts[node]?.has(from)) continue;
      const rule = ['pref', CUT_PREFERENCE, 'from', addressOf(from), 'blackhole'];
      await command('ip', '-n', namespaceOf(node), 'rule', isCut ? 'add' : 'del', ...rule);
      if (isCut) cuts[node]?.add(from);
      else cuts[node]?.delete(from);
    }
    const losses = lossTable(
      others.map((from) => [addressOf(from), links.at(from, node).lossPercent] as const),
    );
    if (losesPackets && lossTables[node] !== losses) {
      await command('ip', 'netns', 'exec', namespaceOf(node), 'nft', losses);
      lossTables[node] = losses;
    }
    const outward = others.map((to) => ({ address: addressOf(to), link: links.at(node, to) }));
    const isSlow = outward.some(({ link }) => link.delayMs > 0 || link.jitterMs > 0);
    if (isSlow || slowNodes.has(node))
      await slowLinks(slowness, namespaceOf(node), DEVICE, outward);
    if (isSlow) slowNodes.add(node);
    else slowNodes.delete(node);
  };

  return {
    kind: 'namespaces',
    lacks: [
      ...(losesPackets ? [] : ['loss' as const]),
      ...(slowness === 'none' ? ['delay' as const] : []),
    ],
    clientUrl: (node) => urls[node] ?? '',
    commandOf: (node) => ['ip', 'netns', 'exec', namespaceOf(node)],
    settingsOf: (node) => ({
      HOST: '0.0.0.0',
      OPEN: 'true',
      PORT: String(PORT),
      URL: urls[node] ?? '',
      NODES: urls.join(','),
    }),
    apply: async (links) => {
      await Promise.all(indexes.map((node) => applyTo(node, links)));
    },
    // They would end with the process as well; another seed may come before.
    [Symbol.asyncDispose]: async () => {
      for (const node of indexes) await command('ip', 'netns', 'del', namespaceOf(node));
      await command('ip', 'link', 'del', BRIDGE);
    },
  };
}

async function addNode(node: number): Promise<void> {
  const name = namespaceOf(node);
  const outer = `veth${node + 1}`;
  const within = (...words: string[]): Promise<string> => command('ip', '-n', name, ...words);
  await command('ip', 'netns', 'add', name);
  const pair = ['type', 'veth', 'peer', 'name', DEVICE, 'netns', name];
  await command('ip', 'link', 'add', outer, ...pair);
  await command('ip', 'link', 'set', outer, 'master', BRIDGE, 'up');
  await within('address', 'add', `${addressOf(node)}/24`, 'dev', DEVICE);
  await within('link', 'set', DEVICE, 'up');
  await within('link', 'set', 'lo', 'up');
  await within('rule', 'add', 'pref', LOCAL_PREFERENCE, 'lookup', 'local');
  await within('rule', 'del', 'pref', '0', 'lookup', 'local');
}

/** Commands of nft that replace the losses of a namespace. */
function lossTable(losses: readonly (readonly [address: string, percent: number])[]): string {
  const rules = losses
    .filter(([, percent]) => percent > 0)
    .map(([address, percent]) => `ip saddr ${address} numgen random mod 100 < ${percent} drop`);
  const chain = ['type filter hook input priority 0', ...rules].join('\n');
  return `table ip chaos\ndelete table ip chaos\ntable ip chaos {\nchain arriving {\n${chain}\n}\n}\n`;
}
