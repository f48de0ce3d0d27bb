/**
 * Renders each Mermaid diagram of the documents of worlds in Chromium, so that one that does not parse is found
 * before a reader finds it.
 *
 *   node scripts/diagrams.ts [DIRECTORY]
 *
 * With a directory, the pictures are kept there.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromiumFile, launchChromium, NO_CHROMIUM } from './chromium.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const DOCUMENTS = ['worlds/ARCHITECTURE.md', 'worlds/AWS.md'];
const FENCE = /^```mermaid\n([\s\S]*?)^```$/gm;
const HEADING = /^#+ +(.+)$/gm;

export interface Diagram {
  readonly document: string;
  /** Of the section that holds it. */
  readonly heading: string;
  readonly text: string;
}

export interface Rendering {
  readonly diagram: Diagram;
  /** SVG; null: it does not parse. */
  readonly picture: string | null;
  readonly fault: string | null;
}

/** @param text of a document in Markdown. */
export function diagramsIn(document: string, text: string): Diagram[] {
  return [...text.matchAll(FENCE)].map((fence) => {
    const before = [...text.slice(0, fence.index).matchAll(HEADING)];
    return { document, heading: before.at(-1)?.[1] ?? '', text: fence[1] ?? '' };
  });
}

export function diagramsOfWorlds(): Diagram[] {
  return DOCUMENTS.flatMap((document) =>
    diagramsIn(document, readFileSync(join(ROOT, document), 'utf8')),
  );
}

/** @param file of Chromium. */
export async function renderDiagrams(
  diagrams: readonly Diagram[],
  file: string,
): Promise<Rendering[]> {
  const mermaid = createRequire(import.meta.url).resolve('@mermaid-js/tiny');
  const browser = await launchChromium(file);
  try {
    const page = await browser.newPage();
    await page.addScriptTag({ path: mermaid });
    await page.evaluate("mermaid.initialize({ startOnLoad: false, securityLevel: 'strict' })");
    const renderings: Rendering[] = [];
    for (const [number, diagram] of diagrams.entries()) {
      const words = [`diagram${number}`, diagram.text].map((word) => JSON.stringify(word)).join();
      const answer: { svg?: string; fault?: string } = await page.evaluate(
        `mermaid.render(${words}).then(({ svg }) => ({ svg }), (error) => ({ fault: String(error.message ?? error) }))`,
      );
      const { svg: picture = null, fault = null } = answer;
      renderings.push({ diagram, picture, fault });
    }
    return renderings;
  } finally {
    await browser.close();
  }
}

/** @returns whether each diagram was rendered. */
async function main(directory: string | undefined): Promise<boolean> {
  const file = chromiumFile();
  if (file === null) {
    process.stdout.write(`${NO_CHROMIUM}\n`);
    return true;
  }
  const renderings = await renderDiagrams(diagramsOfWorlds(), file);
  if (directory !== undefined) mkdirSync(directory, { recursive: true });
  for (const [number, { diagram, picture, fault }] of renderings.entries()) {
    const { document, heading } = diagram;
    const verdict = fault === null ? 'rendered' : `does not parse: ${fault}`;
    process.stdout.write(`${document}, ${heading}: ${verdict}\n`);
    if (directory === undefined || picture === null) continue;
    const name = `${number + 1}-${basename(document, '.md')}-${heading}`
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-');
    // Mermaid makes HTML, and a file of SVG is XML.
    writeFileSync(join(directory, `${name}.svg`), picture.replaceAll('<br>', '<br/>'));
  }
  return renderings.every(({ fault }) => fault === null);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exitCode = (await main(process.argv[2])) ? 0 : 1;
