/**
 * Slow links by tc: netem delays and reorders packets if the kernel has it; otherwise a narrow band
 * does, in which packets queue.
 */
import { command, succeeds } from './command.ts';
import type { Link } from './links.ts';

export type Slowness = 'netem' | 'narrow' | 'none';

const NARROW_RATE = '512kbit';
const FULL_RATE = '10gbit';
/** The class of packets to all other nodes. */
const FREE_CLASS = '1:1';

/** @param device one on which it may be tried. */
export async function canSlow(device: string): Promise<Slowness> {
  const tries = async (...words: string[]): Promise<boolean> => {
    const isTaken = await succeeds('tc', 'qdisc', 'add', 'dev', device, 'root', ...words);
    if (isTaken) await command('tc', 'qdisc', 'del', 'dev', device, 'root');
    return isTaken;
  };
  if (!(await tries('handle', '1:', 'htb'))) return 'none';
  return (await tries('netem', 'delay', '1ms')) ? 'netem' : 'narrow';
}

/** Makes the links out of a namespace as slow as they are wished, and the others free. */
export async function slowLinks(
  slowness: Slowness,
  namespace: string,
  device: string,
  outward: readonly { readonly address: string; readonly link: Link }[],
): Promise<void> {
  if (slowness === 'none') return;
  const tc = (kind: string, ...words: string[]): Promise<string> =>
    command('tc', '-n', namespace, kind, 'add', 'dev', device, ...words);
  // Where there is none, nothing was slow.
  await succeeds('tc', '-n', namespace, 'qdisc', 'del', 'dev', device, 'root');
  const slow = outward.filter(({ link }) => link.delayMs > 0 || link.jitterMs > 0);
  if (slow.length === 0) return;
  await tc('qdisc', 'root', 'handle', '1:', 'htb', 'default', '1');
  await tc('class', 'parent', '1:', 'classid', FREE_CLASS, 'htb', 'rate', FULL_RATE);
  for (const [index, { address, link }] of slow.entries()) {
    const classId = `1:${index + 10}`;
    const rate = slowness === 'netem' ? FULL_RATE : NARROW_RATE;
    await tc('class', 'parent', '1:', 'classid', classId, 'htb', 'rate', rate);
    const match = ['match', 'ip', 'dst', `${address}/32`, 'flowid', classId];
    await tc('filter', 'parent', '1:', 'protocol', 'ip', 'prio', '1', 'u32', ...match);
    if (slowness !== 'netem') continue;
    const delay = ['delay', `${link.delayMs}ms`, `${link.jitterMs}ms`];
    await tc('qdisc', 'parent', classId, 'netem', ...delay);
  }
}
