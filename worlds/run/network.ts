/** `npm run worlds -- cut` and `heal`: cuts the regions apart, and lets them hear each other again. */
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { openSigner } from '../access/serviceTokens.ts';
import { LINK_NAME } from '../link/linkApp.ts';
import { readSettings } from '../process/settings.ts';
import { type Place, placeShape } from './place.ts';
import { linkUrlAt } from './worldsPlan.ts';

const ASK_LIMIT_MS = 5000;

const [, , command, ...words] = process.argv;
const place = readSettings(command ?? 'cut', z.object(placeShape), words, process.env);
const isCut = command === 'cut';
const fault = await setCut(place, isCut);
if (fault === null) {
  process.stdout.write(
    isCut
      ? 'The regions are cut apart until `npm run worlds -- heal`.\n'
      : 'The regions hear each other again.\n',
  );
} else {
  process.stderr.write(`${fault}\n`);
  process.exitCode = 1;
}

/** @returns a sentence that says what went wrong; null if nothing did. */
async function setCut({ dataDir, firstPort }: Place, isCut: boolean): Promise<string | null> {
  const signer = await openSigner(join(resolve(dataDir), 'keys'), 'operator').catch(() => null);
  if (signer === null) return `There are no keys in ${dataDir}: start \`npm run worlds\` first.`;
  const url = linkUrlAt(firstPort);
  const answer = await fetch(`${url}/state`, {
    method: 'PUT',
    headers: { Authorization: `Bearer ${await signer.tokenFor(LINK_NAME)}` },
    body: JSON.stringify({ isCut }),
    signal: AbortSignal.timeout(ASK_LIMIT_MS),
  }).catch(() => null);
  if (answer === null) return `No link answers at ${url}: is \`npm run worlds\` started?`;
  await answer.body?.cancel();
  return answer.ok ? null : `The link answered by ${answer.status}.`;
}
