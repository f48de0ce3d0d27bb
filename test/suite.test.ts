/**
 * Keeps the tests honest: first the rules that a test file must follow so that a failure shows, then
 * the runner itself, against small files that go wrong in every way that uvu lets pass.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { patience } from '../scripts/patience.ts';
import {
  argumentsAt,
  codeOf,
  lineAt,
  type SourceFile,
  sourceFile,
  sourceFiles,
} from '../scripts/source.ts';

const TESTS = sourceFiles('test', 'worlds/test');
const TEST_FILES = TESTS.filter(({ path }) => path.endsWith('.test.ts'));

const rules = suite('rules for tests');

rules('every test file runs its suites', () => {
  assert.equal(TEST_FILES.flatMap(suitesNotRun), []);
});

rules('no hooks: uvu passes a suite whose hook throws', () => {
  assert.equal(TESTS.flatMap(hooks), []);
});

rules('every throws() says which error it expects', () => {
  assert.equal(TESTS.flatMap(throwsWithoutMatcher), []);
});

rules('no .only() is left behind', () => {
  assert.equal(
    TESTS.flatMap((file) => placesOf(file, /\.only\s*\(/g)),
    [],
  );
});

rules(
  'no file makes a table of all of Unicode, which takes 1.5 s each time that it is loaded',
  () => {
    const makesTable = ({ text }: SourceFile): boolean => /unit: '(binary|full)/.test(text);
    const files = TESTS.filter((file) => makesTable(file) && file.path !== 'test/suite.test.ts');
    assert.equal(
      files.map(({ path }) => path),
      [],
    );
  },
);

rules('no any and no @ts-ignore in src and worlds', () => {
  assert.equal(sourceFiles('src', 'worlds').flatMap(typeHoles), []);
});

rules('the rules above catch what they are for', () => {
  const file = (text: string) => sourceFile('test/x.test.ts', text);
  const start = "const list = suite('list');\n";

  assert.equal(suitesNotRun(file(`${start}list.run();`)), []);
  assert.equal(suitesNotRun(file(start)).length, 1);
  assert.equal(suitesNotRun(file(`${start}// list.run();`)).length, 1);
  assert.equal(suitesNotRun(file("import { test } from 'uvu';")).length, 1);
  assert.equal(suitesNotRun(file('export {};')).length, 1);

  assert.equal(hooks(file(`${start}list.before.each(() => {});`)).length, 1);
  assert.equal(hooks(file(`${start}list.after(() => {});`)).length, 1);
  assert.equal(hooks(file(`${start}clock.after(3);`)), []);

  for (const matcher of [
    '/text/',
    "hasCode('x')",
    '(error) => error.code === 1',
    'isTypeError',
    'new RegExp(part)',
  ]) {
    assert.equal(
      throwsWithoutMatcher(file(`assert.throws(() => f(1, 2), ${matcher});`)),
      [],
      matcher,
    );
  }
  assert.equal(throwsWithoutMatcher(file('assert.not.throws(() => f());')), []);
  assert.equal(throwsWithoutMatcher(file('const text = "assert.throws(f)";')), []);
  for (const wrong of ['', ", 'text'", ', `text`', ', undefined', ', /* later */']) {
    assert.equal(
      throwsWithoutMatcher(file(`assert.throws(() => f(1, 2)${wrong});`)).length,
      1,
      wrong,
    );
  }

  for (const hole of [
    'const a: any = 1;',
    'f(a as any);',
    'let b: Array<any>;',
    'let c: any[];',
    '// @ts-ignore',
  ]) {
    assert.equal(typeHoles(file(hole)).length, 1, hole);
  }
  assert.equal(typeHoles(file("// any text: any word\nconst any = 'x as any';")), []);
});

rules('code is told from text', () => {
  assert.is(codeOf("a('it\\'s'); // b"), "a('     ');     ");
  assert.is(codeOf('a /* b\nc */ d'), 'a     \n     d');
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a template is what is tested.
  assert.is(codeOf('x = `a${f({ b: `c` })}d`;'), 'x = ` ${f({ b: ` ` })} `;');
  assert.is(codeOf("s.replace(/[/'\"]/g, '')"), "s.replace(/     /g, '')");
  assert.is(codeOf("a / b + 'c' / d"), "a / b + ' ' / d");
});

rules.run();

const runner = suite('test runner');

const IMPORTING = `import { suite } from ${JSON.stringify(import.meta.resolve('uvu'))};
const list = suite('list');
`;
const PASSING = `${IMPORTING}list('passes', () => {});\nlist.run();\n`;

runner('counts what passed, failed and was skipped', async () => {
  const { code, lines } = await runOn({
    'one.test.ts': PASSING,
    'two.test.ts': `${IMPORTING}
      list('passes', () => {});
      list('fails', () => { throw new Error('the reason'); });
      list.skip('waits', () => {});
      list.run();`,
    'helper.ts': 'throw new Error("no test");',
  });
  assert.is(lines.at(-1), '2 passed, 1 failed, 1 skipped');
  assert.is(code, 1);
  assert.match(lines.join('\n'), /ok .*one\.test\.ts: 1 passed/);
  assert.match(lines.join('\n'), /FAIL .*two\.test\.ts: 1 passed, 1 failed, 1 skipped/);
  assert.match(lines.join('\n'), /the reason/);
  assert.not.match(lines.join('\n'), /helper\.ts/);
});

runner('exits 0 when all pass, and runs a file last that runs alone', async () => {
  const { code, lines } = await runOn({
    'a.test.ts': `// time limit: 60 s, runs alone\n${PASSING}`,
    'b.processes.test.ts': PASSING,
    'c.test.ts': PASSING,
  });
  assert.is(code, 0);
  assert.is(lines.at(-1), '3 passed, 0 failed, 0 skipped');
  assert.match(lines[2] ?? '', /^ok {3}\S*a\.test\.ts: 1 passed/);
});

runner(
  'runs slow and long files only where a word names them, in their set, or with --all',
  async () => {
    const files = {
      'a.bench.test.ts': PASSING,
      'b.test.ts': PASSING,
      'c.slow.test.ts': PASSING,
      'd.processes.slow.test.ts': PASSING,
    };
    for (const [words, ran] of [
      [[], 'b'],
      [['bench'], 'a'],
      [['.slow'], 'cd'],
      [['--slow'], 'cd'],
      [['--slow', 'c.'], 'c'],
      [['--all'], 'abcd'],
      [['--all', 'b.test'], 'b'],
    ] as const) {
      const { code, lines } = await runOn(files, ...words);
      assert.is(lines.at(-1), `${ran.length} passed, 0 failed, 0 skipped`, words.join(' '));
      const names = lines.map((line) => /^ok .*\/(\w)\.[\w.]*test\.ts:/.exec(line)?.[1] ?? '');
      assert.is(names.sort().join(''), ran, words.join(' '));
      assert.is(code, 0);
      const leftOut = lines.filter((line) => line.startsWith('Left out: 2 slow files'));
      assert.is(leftOut.length, words.length === 0 ? 1 : 0, 'it says what it leaves out by itself');
    }
  },
);

runner('tells the processor time of a file with the processes that it has waited for', async () => {
  const busy = (ms: number) =>
    `const end = performance.now() + ${ms}; while (performance.now() < end);`;
  const { lines } = await runOn({
    'a.processes.test.ts': `
      import { execFileSync } from 'node:child_process';
      ${IMPORTING}
      list('works', () => {
        execFileSync(process.execPath, ['-e', ${JSON.stringify(busy(1500))}]);
      });
      list.run();`,
  });
  const seconds = Number(/of processors ([\d.]+) s/.exec(lines.join('\n'))?.[1]);
  // A busy machine gives its share of the time to others.
  assert.ok(seconds > 1.5 / (4 * patience()), `${seconds} s`);
});

runner('runs only the files whose name holds one of the words given', async () => {
  const files = { 'map.test.ts': PASSING, 'log.test.ts': PASSING, 'http.test.ts': PASSING };
  const some = await runOn(files, 'map', 'log.');
  assert.is(some.lines.at(-1), '2 passed, 0 failed, 0 skipped');
  assert.is(some.code, 0);
  const none = await runOn(files, 'nothing-like-it');
  assert.is(none.lines.at(-1), '0 passed, 0 failed, 0 skipped');
  assert.is(none.code, 1);
});

runner('runs the files of a folder that a word names, and no others', async () => {
  const files = { 'map/a.test.ts': PASSING, 'map.test.ts': PASSING, 'log/map.test.ts': PASSING };
  const { code, lines } = await runOn(files, 'map');
  assert.is(lines.at(-1), '1 passed, 0 failed, 0 skipped');
  assert.ok(lines.some((line) => /^ok .*map\/a\.test\.ts:/.test(line)));
  assert.is(code, 0);
});

const BROKEN_FILES: readonly [what: string, text: string, reason: RegExp][] = [
  ['throws while it loads', `${IMPORTING}throw new Error('at load');`, /at load/],
  ['never runs its suite', `${IMPORTING}list('passes', () => {});`, /without a summary/],
  ['runs a suite without tests', `${IMPORTING}list.run();`, /registered no test/],
  [
    'ends before its tests have',
    `${IMPORTING}list('waits', () => new Promise(() => {}));\nlist.run();`,
    /without a summary/,
  ],
  [
    'exits by itself with 0',
    `${IMPORTING}list('exits', () => process.exit(0));\nlist.run();`,
    /without a summary/,
  ],
  [
    'fails after its tests passed',
    `${PASSING}process.on('exit', () => { process.exitCode = 3; });`,
    /exit code 3/,
  ],
  [
    'has an error that nobody awaited',
    `${IMPORTING}list('late', () => { setTimeout(() => { throw new Error('late'); }); });\nlist.run();`,
    /late/,
  ],
  [
    'is killed',
    `${IMPORTING}list('dies', () => process.kill(process.pid, 'SIGKILL'));\nlist.run();`,
    /ended by SIGKILL/,
  ],
  [
    'hides a failure behind a later run',
    `${IMPORTING}list('fails', () => { throw new Error('first'); });\nlist.run();\nawait new Promise((done) => setTimeout(done, 100));\nlist('passes', () => {});\nlist.run();`,
    /FAIL/,
  ],
];

/** Two neighbours for each process that the runner starts for files which start none. */
function pairs(first: string, second: string): Record<string, string> {
  const count = availableParallelism() + 1;
  const pair = (_unused: unknown, index: number) => {
    const name = String(index).padStart(3, '0');
    return [
      [`words/${name}a.test.ts`, first],
      [`words/${name}b.test.ts`, second],
    ];
  };
  return Object.fromEntries(Array.from({ length: count }, pair).flat());
}

const MARKING = `${PASSING}globalThis.mark = true;\n`;
const ifMarked = (isMarked: boolean) => `${IMPORTING}
  const { mark = false } = globalThis;
  list('sees the mark', () => { if (mark !== ${isMarked}) throw new Error('mark'); });
  list.run();`;

runner('runs files that start no processes in one that they share', async () => {
  const files = pairs(MARKING, ifMarked(true));
  const { code, lines } = await runOn(files);
  assert.is(lines.at(-1), `${Object.keys(files).length} passed, 0 failed, 0 skipped`);
  assert.is(code, 0);
});

runner('runs each of them by itself where one fails', async () => {
  const files = pairs(MARKING, ifMarked(false));
  const { code, lines } = await runOn(files);
  assert.is(lines.at(-1), `${Object.keys(files).length} passed, 0 failed, 0 skipped`);
  assert.is(code, 0);
});

runner('counts a file as failed in whichever way it breaks a process that it shares', async () => {
  const broken = BROKEN_FILES.map(([, text], index) => [`words/c${index}.test.ts`, text]);
  const good = pairs(PASSING, PASSING);
  const { code, lines } = await runOn({ ...good, ...Object.fromEntries(broken) });
  assert.is(code, 1);
  // Each of them has run again by itself, and only that counts.
  const output = lines.join('\n');
  const told = new Map(
    output
      .split(/^(?=(?:FAIL|ok {2}) )/m)
      .map((text) => [/^FAIL \S*words\/c(\d+)\.test\.ts/.exec(text)?.[1], text]),
  );
  for (const [index, [what, , reason]] of BROKEN_FILES.entries())
    assert.match(told.get(String(index)) ?? '', reason, `a file that ${what}`);
  assert.is(output.match(/^FAIL /gm)?.length, broken.length);
  assert.is(output.match(/^ok {3}/gm)?.length, Object.keys(good).length);
});

runner('ends a file that hangs, with what it started', async () => {
  const hanging = `// time limit: 1 s
    import { spawn } from 'node:child_process';
    ${IMPORTING}
    list('hangs', () => new Promise(() => {
      const child = spawn('sleep', ['600'], { stdio: 'inherit' });
      console.log(\`child \${child.pid} \`);
    }));
    list.run();`;
  const { code, lines } = await runOn({ 'hang.test.ts': hanging });
  assert.is(lines.at(-1), '0 passed, 1 failed, 0 skipped');
  assert.is(code, 1);
  const output = lines.join('\n');
  assert.match(output, /still running after [\d.]+ s, with a limit of 1 s/);
  const child = Number(/child (\d+) /.exec(output)?.[1]);
  assert.not.ok(isRunning(child), 'the child of the test is still there');
});

runner('does not wait for a process that a test left behind', async () => {
  const leaving = `
    import { spawn } from 'node:child_process';
    ${IMPORTING}
    list('leaves', () => { spawn('sleep', ['600'], { stdio: 'inherit' }).unref(); });
    list.run();`;
  const { code, lines } = await runOn({ 'leave.test.ts': leaving });
  assert.is(lines.at(-1), '1 passed, 0 failed, 0 skipped');
  assert.is(code, 0);
});

runner.run();

async function runOn(
  files: Readonly<Record<string, string>>,
  ...filters: string[]
): Promise<{ code: number; lines: string[] }> {
  const directory = mkdtempSync(join(tmpdir(), 'hearsay-runner-'));
  try {
    // Without it Node would look for the module type of every file, and say so.
    writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), text);
    }
    const script = fileURLToPath(new URL('../scripts/test.mjs', import.meta.url));
    const words = [script, '--directory', directory, ...filters];
    return await new Promise((resolve) => {
      const child = execFile(
        process.execPath,
        words,
        { timeout: Math.round(60_000 * patience()) },
        (_error, stdout) => {
          resolve({ code: child.exitCode ?? -1, lines: stdout.trimEnd().split('\n') });
        },
      );
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

/** The names that a file has bound to suites, its own or those of test/conformance. */
function suiteNames({ code }: SourceFile): string[] {
  const own = [
    ...code.matchAll(/\b(?:const|let)\s+([\w$]+)\s*=\s*(?:suite|\w+Conformance)\s*[(<]/g),
  ].map((match) => match[1] ?? '');
  return /import\s*\{[^}]*\btest\b[^}]*\}\s*from/.test(code) ? [...own, 'test'] : own;
}

function suitesNotRun(file: SourceFile): string[] {
  const names = suiteNames(file);
  if (names.length === 0) return [`${file.path} has no suite`];
  return names
    .filter((name) => !new RegExp(`(?<![\\w$.])${name}\\.run\\(\\s*\\)`).test(file.code))
    .map((name) => `${file.path} never calls ${name}.run()`);
}

function hooks(file: SourceFile): string[] {
  return suiteNames(file).flatMap((name) =>
    placesOf(file, new RegExp(`(?<![\\w$.])${name}\\.(before|after)\\b`, 'g')),
  );
}

function throwsWithoutMatcher(file: SourceFile): string[] {
  return [...file.code.matchAll(/(?<!\bnot\.)\bthrows\s*\(/g)]
    .filter((match) => {
      const matcher = argumentsAt(file, match.index + match[0].length - 1)[1];
      return matcher === undefined || /^(['"`\d]|undefined$|null$|true$|false$)/.test(matcher);
    })
    .map((match) => place(file, match));
}

function typeHoles(file: SourceFile): string[] {
  return [
    ...placesOf(file, /:\s*any\b|\bas\s+any\b|<\s*any\b|\bany\s*\[\]|\bany\s*>/g),
    ...[...file.text.matchAll(/@ts-(ignore|nocheck)\b/g)].map((match) => place(file, match)),
  ];
}

function placesOf(file: SourceFile, pattern: RegExp): string[] {
  return [...file.code.matchAll(pattern)].map((match) => place(file, match));
}

function place(file: SourceFile, match: RegExpExecArray): string {
  return `${file.path}:${lineAt(file.text, match.index)} ${match[0]}`;
}
