/** The machine's own Chromium, for what only a browser can show. None is ever downloaded. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export const NO_CHROMIUM =
  'Skipped: this machine has no Chromium. Install one, or name its file in CHROMIUM.';

/** @returns the file of the browser; null if there is none. */
export function chromiumFile(): string | null {
  const { CHROMIUM } = process.env;
  return [...(CHROMIUM ? [CHROMIUM] : []), ...PLACES].find((file) => existsSync(file)) ?? null;
}

/** @param file of `chromiumFile`. */
export function launchChromium(file: string): Promise<Browser> {
  // Root has no namespaces of its own for the sandbox, and opens only this project's pages.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: file, args });
}
