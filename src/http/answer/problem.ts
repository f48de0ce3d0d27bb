/**
 * Errors as clients see them: problem details (RFC 9457). `detail` is the sentence that existing
 * clients read. The type is `about:blank`, and the title the phrase of the status, but for refusals for load.
 */
import { http } from '../../net/http.ts';
import {
  CommitFailedError,
  DamagedLogError,
  DiskFullError,
  HearsayError,
  NotReadableError,
  NotWritableError,
  OverloadedError,
  StoppedError,
} from '../../words/errors.ts';

export interface FieldError {
  /** The path to the field, as in `ops.3.version`; `body` for the whole body. */
  readonly field: string;
  readonly message: string;
}

/** A type of RFC 9457, section 3.1.1, with the title that all problems of the type have. */
export interface ProblemType {
  readonly uri: string;
  readonly title: string;
}

/** Members beside those of RFC 9457, and headers. */
export interface ProblemExtras {
  /** By default `about:blank`: the status says it all. */
  readonly type?: ProblemType;
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** Names and values alternate. */
  readonly headers?: readonly string[];
}

/** Thrown by each check that refuses a request; the outermost middleware answers it. */
export class Problem extends Error {
  readonly status: number;
  readonly detail: string;
  readonly type: ProblemType | null;
  readonly extensions: Readonly<Record<string, unknown>>;
  readonly headers: readonly string[];

  constructor(status: number, detail: string, { type, extensions, headers }: ProblemExtras = {}) {
    super(detail);
    this.status = status;
    this.detail = detail;
    this.type = type ?? null;
    this.extensions = extensions ?? {};
    this.headers = headers ?? [];
  }
}

/** The body of an answer, and of one result of a batch, that reports a problem. */
export const problemText = (
  status: number,
  detail: string,
  extensions: Readonly<Record<string, unknown>> = {},
  type: ProblemType | null = null,
): string =>
  JSON.stringify({
    type: type?.uri ?? 'about:blank',
    title: type?.title ?? http.STATUS_CODES[status] ?? 'Unknown',
    status,
    detail,
    ...extensions,
  });

/** Characters of a client's own name in a message: a longer name is not sent back whole. */
const MAX_TOLD_NAME = 100;

export const toldName = (name: string): string => name.slice(0, MAX_TOLD_NAME).toWellFormed();

/** 422: names the fields at fault, the first of them in the detail. */
export function unprocessable(errors: readonly FieldError[]): Problem {
  const [first] = errors;
  const subject = first === undefined || first.field === 'body' ? 'The body' : first.field;
  const fields = new Set(errors.map(({ field }) => field)).size;
  const more = fields > 1 ? ` (and ${fields - 1} more)` : '';
  const detail = `${subject} ${first?.message ?? 'is malformed'}${more}.`;
  return new Problem(422, detail, { extensions: { errors } });
}

/** @returns undefined for an error that nobody planned. */
export function plannedProblem(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  if (!(error instanceof HearsayError)) return undefined;
  if (
    error instanceof OverloadedError ||
    error instanceof NotWritableError ||
    error instanceof NotReadableError
  ) {
    const seconds = Math.max(1, Math.ceil(error.retryAfterMs / 1000));
    return new Problem(503, error.message, { headers: ['Retry-After', String(seconds)] });
  }
  if (error instanceof StoppedError)
    return new Problem(503, error.message, { headers: ['Connection', 'close'] });
  if (error instanceof DiskFullError) return new Problem(507, error.message);
  if (error instanceof CommitFailedError) return new Problem(500, error.message);
  if (error instanceof DamagedLogError) return new Problem(500, damageDetail(error));
  return undefined;
}

/** Without the place of the log, which is no matter of clients. */
const damageDetail = ({ fault, lsn }: DamagedLogError): string =>
  `The log of this node is damaged${lsn === null ? '' : ` at lsn ${lsn}`}: ${fault}. Move its data directory aside and ` +
  'start it empty, or restore a backup.';
