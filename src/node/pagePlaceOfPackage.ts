/** Where the page lies beside the program that runs: in the package, in a checkout, or in an application's bundle. */
import { fileURLToPath } from 'node:url';
import { type PagePlace, pagePlace } from '../http/page/pageFiles.ts';

/** @returns null if this program comes without the page. */
export function pagePlaceOfPackage(): PagePlace | null {
  const here = import.meta.url;
  return pagePlace(
    fileURLToPath(new URL('../page/', here)),
    fileURLToPath(new URL('../../', here)),
  );
}
