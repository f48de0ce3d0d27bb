/** `hearsay member`: lists the members of the cluster, and retires one that is lost. */
import type { Command } from 'commander';
import { HearsayError } from '../words/errors.ts';
import { compareNodeIds } from '../words/nodeNames.ts';
import { memberUrl } from '../words/opRules.ts';
import { DEFAULT_TIMEOUT, durationMs } from './cache/clientCommand.ts';
import { type AddressFlags, timeoutOption, tokensOf, urlOption } from './log/options.ts';
import { URL_RULE, urlsOf } from './remote/address.ts';
import { type ClusterMember, type ClusterView, clusterOf } from './remote/clusterMembers.ts';
import { addTrustOptions } from './remote/commandToken.ts';
import { RemoteNode } from './remote/remoteNode.ts';
import { heading } from './terminal/color.ts';
import { note, outputColumns, printLine } from './terminal/output.ts';
import { addOutputOptions } from './terminal/outputForm.ts';
import { measured, Table } from './terminal/table.ts';
import { countText } from './terminal/text.ts';

interface MemberFlags extends AddressFlags {
  readonly json?: true;
}

interface RetireFlags extends MemberFlags {
  readonly force?: true;
}

export function registerMemberCommands(program: Command): void {
  const member = program
    .command('member')
    .summary('list the members of the cluster, retire one')
    .description('Lists the members of the cluster, and retires one that is lost.');
  const list = member
    .command('list')
    .summary('list the members of the cluster')
    .description(
      'Prints the members as a node knows them: the number of ops that each has not acknowledged, the time ' +
        'at which it was last heard, and the member that delays the collection of dead entries.',
    )
    .addHelpText('after', LIST_EXAMPLES)
    .action(printMembers);
  const retire = member
    .command('retire')
    .summary('retire a member that is lost')
    .description(
      'Seals the log of a member that is lost for good, so that the others no longer wait for it. If ' +
        'it comes back, it starts empty and offers the ops that the cluster lacks.',
    )
    .argument('<member>', 'its node id, its URL or its origin')
    .option('--force', 'also retire a connected member, which then rejoins')
    .addHelpText('after', RETIRE_EXAMPLES)
    .action(retireMember);
  for (const command of [list, retire]) {
    command
      .addOption(urlOption(`a running node of the cluster (${URL_RULE})`))
      .addOption(timeoutOption(DEFAULT_TIMEOUT));
    addTrustOptions(addOutputOptions(command, command === list ? 'many' : 'one'));
  }
}

const nodeOf = ({ url, ...flags }: AddressFlags): Promise<RemoteNode> =>
  RemoteNode.firstOf(
    urlsOf(url === undefined ? undefined : [url]),
    tokensOf(flags),
    flags.timeout ?? durationMs(DEFAULT_TIMEOUT),
  );

async function printMembers(flags: MemberFlags): Promise<void> {
  const { origin, members: told } = await clusterOf(await nodeOf(flags));
  const members = told.toSorted((a, b) => compareNodeIds(a.nodeId, b.nodeId));
  if (flags.json === true) {
    for (const member of members) await printLine(memberJson(member, origin));
    return;
  }
  const rows = members.map((member) => [
    member.nodeId,
    member.origin,
    member.origin === origin
      ? 'itself'
      : (member.lastHeardAt?.slice(5, 19).replace('T', ' ') ?? 'never'),
    member.behindOps === null ? 'unknown' : countText(member.behindOps),
    member.holdsBack ? 'yes' : '',
    member.url ?? '',
  ]);
  const table = new Table(
    measured(COLUMNS, rows),
    { title: 'URL', leastWidth: 12 },
    outputColumns(),
    2,
  );
  await printLine(heading(table.head()));
  for (const row of rows) await printLine(table.row(row));
  for (const nodeId of namesOfSeveral(members))
    note(`Several members have the name ${nodeId}: start each node with a --node-id of its own.`);
}

/** Names that tell nobody which node is meant. */
function namesOfSeveral(members: readonly ClusterMember[]): Set<string> {
  const names = members.map(({ nodeId }) => nodeId);
  return new Set(names.filter((name, index) => names.indexOf(name) !== index));
}

/** The URL comes last, because it is the longest. */
const COLUMNS = [
  { title: 'NODE' },
  { title: 'ORIGIN', leastWidth: 14, dropRank: 1 },
  { title: 'HEARD (UTC)', dropRank: 2 },
  { title: 'BEHIND', side: 'right' },
  { title: 'HOLDS BACK' },
] as const;

const memberJson = (member: ClusterMember, own: string): string =>
  JSON.stringify({
    node: member.nodeId,
    origin: member.origin,
    url: member.url,
    is_asked: member.origin === own,
    last_heard_at: member.lastHeardAt,
    behind_ops: member.behindOps,
    holds_back: member.holdsBack,
  });

async function retireMember(name: string, flags: RetireFlags): Promise<void> {
  const node = await nodeOf(flags);
  if (flags.force !== true) refusePresent(await clusterOf(node), name);
  const answer = await node.post('/_cluster/retire', { member: name });
  if (flags.json === true) await printLine(JSON.stringify(answer));
  else note(`${String(answer.origin)} is retired.`);
}

/**
 * @throws HearsayError if the member is connected, or beyond a full mesh heard by a round: its node would start empty under
 *   a new origin, for nothing.
 */
export function refusePresent({ members, connected, ring }: ClusterView, name: string): void {
  const asUrl = memberUrl(name) ?? name;
  const named = members.find(({ origin }) => origin === name);
  const meant =
    named === undefined
      ? members.filter(({ nodeId, url }) => nodeId === name || url === asUrl)
      : [named];
  // If several members have the node id, the node asks for the origin.
  const [member] = meant;
  if (member === undefined || meant.length > 1) return;
  // A node that ends says so to its links only; the others count it as heard until some rounds have missed it.
  if (!connected.has(member.origin) && ring !== null && member.isHeard)
    throw new HearsayError(
      `${member.origin} was heard within the last minute: stop its node, and try again in a minute, or give --force to make it rejoin.`,
    );
  if (!connected.has(member.origin)) return;
  throw new HearsayError(
    `${member.origin} is connected right now, and is not lost: stop its node first, or give --force to make it rejoin.`,
  );
}

const LIST_EXAMPLES = `
Examples:
  hearsay member list
  hearsay member list --url http://localhost:8001 --json`;

const RETIRE_EXAMPLES = `
Examples:
  hearsay member retire node3
  hearsay member retire node3 --force --url http://localhost:8001`;
