/** The programs that processes of worlds start: sources if they are sources themselves, else the bundle's. */
import { fileURLToPath } from 'node:url';

const IS_OF_SOURCES = import.meta.url.endsWith('.ts');

/** @param source such as `worlds/world/main.ts`. In a bundle, it lies at the same place. */
export function fileOfPackage(source: string): string {
  const path = IS_OF_SOURCES ? source : source.replace(/\.ts$/, '.js');
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}

/** The `hearsay` command. */
export const HEARSAY = fileOfPackage(IS_OF_SOURCES ? 'src/main.ts' : 'dist/program/main.js');
