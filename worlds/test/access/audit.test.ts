/** The chain of the audit log: whatever is changed in it is found. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryDirectory } from '../../../test/support/processes.ts';
import { AuditLog, auditDirectories, readAudit, verifyAudit } from '../../access/audit.ts';
import {
  type AuditRecord,
  type ChainEnd,
  chainLine,
  type Head,
  NO_LINES,
  verifyChain,
} from '../../access/auditChain.ts';

const audit = suite('audit');

const NOW_MS = 1_764_000_000_000;

const record = (number: number): AuditRecord => ({
  who: `p${number}`,
  role: 'operator',
  action: 'world.drain',
  target: 'eu/meadow',
  result: number % 2 === 0 ? 'done' : 'refused',
});

function chain(count: number, from: ChainEnd = NO_LINES): { lines: string[]; head: Head } {
  const lines: string[] = [];
  let end = from;
  for (let number = 0; number < count; number += 1) {
    const made = chainLine(end, record(number), NOW_MS + number);
    lines.push(made.line);
    end = made.end;
  }
  return { lines, head: { ...end, oldest: 1 } };
}

audit('a chain that nobody has touched is whole', () => {
  const { lines, head } = chain(5);
  assert.equal(verifyChain(lines, head), []);
  assert.equal(verifyChain([], null), []);
  // The process ended between the line and the head.
  const next = chainLine(head, record(9), NOW_MS);
  assert.equal(verifyChain([...lines, next.line], head), []);
});

audit('a line that is changed, removed, inserted or moved is found, at any place', () => {
  const { lines, head } = chain(8);
  const forged = (at: number): string =>
    chainLine(at === 0 ? NO_LINES : chain(at).head, record(99), NOW_MS).line;
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 7 }),
      fc.integer({ min: 0, max: 300 }),
      fc.constantFrom('change', 'remove', 'insert', 'repeat', 'exchange'),
      (at, place, kind) => {
        const bad = [...lines];
        const text = lines[at] ?? '';
        const byte = place % text.length;
        if (kind === 'change') {
          const letter = text[byte] === 'x' ? 'y' : 'x';
          bad[at] = text.slice(0, byte) + letter + text.slice(byte + 1);
        } else if (kind === 'remove') bad.splice(at, 1);
        else if (kind === 'insert') bad.splice(at, 0, forged(at));
        else if (kind === 'repeat') bad.splice(at, 0, text);
        else bad[at] = forged(at);
        return verifyChain(bad, head).length > 0;
      },
    ),
  );
});

audit('a fault is told once, with its place', () => {
  const { lines, head } = chain(8);
  const without = lines.toSpliced(3, 2);
  assert.equal(verifyChain(without, head), [
    { line: 4, fault: 'follows a gap: lines 4 to 5 were removed' },
  ]);
  const changed = lines.with(3, (lines[3] ?? '').replace('eu/meadow', 'us/meadow'));
  assert.equal(verifyChain(changed, head), [{ line: 4, fault: 'was changed' }]);
  assert.equal(verifyChain(lines.slice(0, 6), head), [
    { line: 6, fault: 'is the last, and lines up to 8 were removed' },
  ]);
});

audit(
  'the chain goes on in the next process, and shows lines that were cut off before',
  async () => {
    await using directory = await temporaryDirectory();
    const open = () => new AuditLog(directory.path, () => NOW_MS);
    const first = open();
    for (let number = 0; number < 3; number += 1) first.write(record(number));
    open().write(record(3));
    assert.equal(verifyAudit(directory.path), []);
    assert.is(readAudit(directory.path).lines.length, 4);
    assert.equal(auditDirectories(join(directory.path, '..'), 1).includes(directory.path), true);

    const file = join(directory.path, 'audit.jsonl');
    const [one = '', two = ''] = readFileSync(file, 'utf8').split('\n');
    writeFileSync(file, `${one}\n${two}\n`);
    open().write(record(4));
    assert.equal(verifyAudit(directory.path), [
      { line: 3, fault: 'follows a gap: lines 3 to 4 were removed' },
    ]);
  },
);

audit('a line that a crash has torn is told, and the next one is whole', async () => {
  await using directory = await temporaryDirectory();
  const open = () => new AuditLog(directory.path, () => NOW_MS);
  open().write(record(0));
  writeFileSync(join(directory.path, 'audit.jsonl'), '{"seq":2,"at":', { flag: 'a' });
  open().write(record(1));
  assert.equal(verifyAudit(directory.path), [{ line: 2, fault: 'was changed' }]);
  assert.match(readAudit(directory.path).lines.at(-1) ?? '', /"seq":2,/);
});

audit('files are put aside, and the oldest goes, without a break of the chain', async () => {
  await using directory = await temporaryDirectory();
  const limits = { maxFileBytes: 600, maxFiles: 3 };
  for (let number = 0; number < 30; number += 1)
    new AuditLog(directory.path, () => NOW_MS, limits).write(record(number));
  const { lines, head } = readAudit(directory.path);
  assert.ok(lines.length < 15, `${lines.length} lines are kept`);
  assert.equal(verifyAudit(directory.path), []);
  assert.is(head?.seq, 30);
  assert.equal(
    verifyChain(lines.slice(1), head).map(({ line }) => line),
    [1],
    'the oldest kept line is known too',
  );
  rmSync(join(directory.path, 'audit.head.json'));
  assert.is(verifyAudit(directory.path).length, 2);
});

audit.run();
