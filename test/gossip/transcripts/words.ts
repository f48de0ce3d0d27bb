/** Messages as a person reads them in a transcript. */
import type { Digest } from '../../../src/gossip/protocol/digest.ts';
import type { Message } from '../../../src/gossip/protocol/messages.ts';
import type { Op } from '../../../src/words/op.ts';
import type { Vector } from '../../../src/words/vector.ts';

const vectorWords = (vector: Vector): string =>
  `{${[...vector].map(([origin, seq]) => `${origin}: ${seq}`).join(', ')}}`;

const digestWords = ({ vector, horizon, retiredSum, listsRetired }: Digest): string =>
  [
    vectorWords(vector),
    ...(horizon > 0 ? [`horizon ${horizon}`] : []),
    ...(retiredSum !== null ? ['with a sum of retired origins'] : []),
    ...(listsRetired ? ['retired origins listed'] : []),
  ].join(', ');

function opWords(op: Op): string {
  const id = `${op.origin}/${op.seq}`;
  switch (op.kind) {
    case 'put':
      return `${id} put ${op.key} = ${op.value} (generation ${op.generation}, version ${op.version})`;
    case 'delete':
      return `${id} delete ${op.key} (generation ${op.generation})`;
    case 'join':
    case 'retire':
      return `${id} ${op.kind} ${op.key}`;
  }
}

const number = (re: number | undefined): string => (re === undefined ? '' : ` #${re}`);

/** The message in a line, its ops in a line each. */
export function messageWords(message: Message): string[] {
  switch (message.type) {
    case 'hello': {
      const { origin, joined, size, admittedBy } = message;
      const state = joined ? `joined, counts ${size}` : 'has not joined';
      return [
        `hello: ${origin}, ${state}${admittedBy === null ? '' : `, let in by ${admittedBy}`}`,
      ];
    }
    case 'digest':
      return [`digest${number(message.re)} ${digestWords(message.digest)}`];
    case 'delta': {
      const { delta, answer } = message;
      const ranges = delta.ranges.map(({ origin, after, to }) => `${origin} ${after}–${to}`);
      const tail = answer === null ? '' : `; digest ${digestWords(answer.digest)}`;
      const more = answer?.more ? '; there is more' : '';
      const head = answer === null ? 'push' : `answer${number(message.re)}`;
      return [`${head} ${ranges.join(', ') || 'nothing'}${tail}${more}`, ...delta.ops.map(opWords)];
    }
    case 'push': {
      const [range] = message.delta.ranges;
      return [
        `push ${range?.origin} ${range?.after}–${range?.to}`,
        ...message.delta.ops.map(opWords),
      ];
    }
    case 'reply': {
      const { delta, more, re } = message;
      const ranges = delta.ranges.map(({ origin, after, to }) => `${origin} ${after}–${to}`);
      const head = `answer${number(re)} ${ranges.join(', ') || 'nothing'}; digest by differences`;
      return [`${head}${more ? '; there is more' : ''}`, ...delta.ops.map(opWords)];
    }
    case 'snapshot': {
      const end = message.end === null ? '' : `; ends at ${vectorWords(message.end.vector)}`;
      return [
        `snapshot${number(message.re)}, part ${message.part}${end}`,
        ...message.rows.map(({ op, isEntry }) => `${opWords(op)}${isEntry ? ', an entry' : ''}`),
      ];
    }
    case 'rejoin': {
      const { code, reason, smallestMember } = message;
      return [
        `rejoin${number(message.re)} (${code}): ${reason}; smallest member ${smallestMember}`,
      ];
    }
    case 'error':
      return [`error (${message.code}): ${message.reason}`];
    case 'judge':
      return [
        `judge ${message.re} after lsn ${message.after}: held ${vectorWords(message.held)}, base ${vectorWords(message.base)}`,
      ];
    case 'judged':
      return [
        `judged ${message.re}: ${message.ops.map(({ key }) => key).join(', ') || 'nothing'}; ${message.complete ? 'complete' : 'not complete'}`,
      ];
    case 'deletes':
      return [`deletes after lsn ${message.after}, later than ${message.since}?`];
    case 'deleted':
      return [
        `deleted: ${message.deletes.map(([key]) => key).join(', ') || 'nothing'}; ${message.next === null ? 'the end' : `next ${message.next}`}`,
      ];
    case 'confirm':
    case 'confirmed':
      return [`${message.type} ${message.seq}`];
    case 'next':
      return [`next: part ${message.part}`];
    case 'compare':
    case 'compared':
      return [
        `${message.type} ${message.bucket === null ? 'all buckets' : `bucket ${message.bucket}`}`,
      ];
    case 'round':
    case 'certificate':
    case 'certified':
    case 'certify':
      return [`${message.type} ${message.id}`];
    case 'echo':
      return [
        `echo ${message.id}${message.report === undefined && message.changes === undefined ? ', without a report' : ''}`,
      ];
    case 'have':
      return [`have ${vectorWords(message.seqs.added)}`];
    case 'prune':
    case 'graft':
      return [message.type];
    case 'same':
    case 'level':
    case 'unlike':
    case 'ask':
    case 'later':
      return [`${message.type}${number(message.re)}`];
  }
}
