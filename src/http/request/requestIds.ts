/** The ids by which a line of the log is found again: that of a trace (W3C Trace Context) and that of a proxy. */
import type { IncomingHttpHeaders } from 'node:http';

export interface RequestIds {
  /** 32 hexadecimal digits. */
  readonly traceId?: string;
  /** As the client or a proxy sent it. */
  readonly requestId?: string;
}

/** Version, trace, parent and flags; later versions may have more behind them. */
const TRACE_PARENT =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/;
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** Ids of another form are left out: a client must not fill the log. */
export function idsOf(headers: IncomingHttpHeaders): RequestIds {
  const { traceparent, 'x-request-id': requestId } = headers;
  const traceId = typeof traceparent === 'string' && TRACE_PARENT.exec(traceparent)?.[1];
  return {
    ...(traceId && { traceId }),
    ...(typeof requestId === 'string' && REQUEST_ID.test(requestId) && { requestId }),
  };
}
