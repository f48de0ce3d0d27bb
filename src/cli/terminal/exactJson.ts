/**
 * Parses JSON without loss: digits that a double can't hold stay, and a value that is nested too deeply
 * for a walk stays a text.
 */
import { elementTexts, isDeeperThan, memberText } from '../../words/json.ts';

/** The platform's access to the text of a number, which the types of ES2024 lack. */
interface ExactJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
}

const exactJson = JSON as unknown as ExactJson;

/** Revivers, JSON.stringify and inspect recurse, and overflow the stack some thousand levels down. */
const MAX_DEPTH = 500;

/** The text of a value that is nested too deeply to be parsed. */
export class DeepJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/**
 * `JSON.parse` that keeps a number's own text if JavaScript would write another.
 *
 * @returns a DeepJson for a text that is nested too deeply.
 * @throws SyntaxError if the text is not JSON.
 */
export function parseExactly(text: string): unknown {
  if (isDeeperThan(text, MAX_DEPTH)) {
    // Without a reviver, `JSON.parse` bears any depth.
    JSON.parse(text);
    return new DeepJson(text);
  }
  return exactJson.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && source !== String(value)
      ? exactJson.rawJSON(source)
      : value,
  );
}

/**
 * Parses a node's answer, or an event of a watch. Each value is parsed exactly and by itself, so that a
 * deep value leaves the rest of a list as it is.
 *
 * @throws SyntaxError if the text is not JSON.
 */
export function parseAnswer(text: string): unknown {
  const answer = parseExactly(text);
  return answer instanceof DeepJson ? withExactValues(JSON.parse(text), text) : answer;
}

function withExactValues(answer: unknown, text: string): unknown {
  if (typeof answer !== 'object' || answer === null) return answer;
  const value = memberText(text, 'value');
  const entries = memberText(text, 'entries');
  return {
    ...answer,
    ...(value !== undefined && { value: parseExactly(value) }),
    ...(entries !== undefined && { entries: elementTexts(entries).map(parseAnswer) }),
  };
}
