/** The diagrams of the documents, rendered in Chromium. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { chromiumFile, NO_CHROMIUM } from '../../../scripts/chromium.ts';
import { diagramsIn, diagramsOfWorlds, renderDiagrams } from '../../../scripts/diagrams.ts';

const diagrams = suite('diagrams');

const file = chromiumFile();
const test = file === null ? diagrams.skip : diagrams;
if (file === null) process.stdout.write(`${NO_CHROMIUM}\n`);

diagrams('each is found with the heading above it', () => {
  const text = '# A\n\n## B\n\n```mermaid\nflowchart LR\n  a --> b\n```\n\n```sh\nls\n```\n';
  const found = [{ document: 'x.md', heading: 'B', text: 'flowchart LR\n  a --> b\n' }];
  assert.equal(diagramsIn('x.md', text), found);
  const headings = diagramsOfWorlds().map(({ heading }) => heading);
  assert.ok(headings.length >= 7, headings.join());
});

test('each diagram of worlds is rendered, and one that is wrong is told', async () => {
  const wrong = { document: 'x.md', heading: 'Wrong', text: 'flowchart LR\n  a --> --> b\n' };
  const renderings = await renderDiagrams([...diagramsOfWorlds(), wrong], file ?? '');
  const faults = renderings.filter(({ fault }) => fault !== null);
  assert.equal(
    faults.map(({ diagram }) => diagram.heading),
    ['Wrong'],
    faults.map(({ fault }) => fault).join('\n'),
  );
});

diagrams.run();
