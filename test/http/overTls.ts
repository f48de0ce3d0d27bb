/** Imported before tests, it makes their servers speak TLS. */
import { speakTls } from './carrier.ts';

speakTls();
