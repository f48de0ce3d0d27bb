/** Lines of the log have the ids of a trace and of a request, if these have their form. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { idsOf } from '../../../src/http/request/requestIds.ts';

const ids = suite('request ids');

const [TRACE, SPAN] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];

ids('a trace of any version but ff is told, and nothing that has another form', () => {
  const traceOf = (traceparent: string) => idsOf({ traceparent }).traceId;
  assert.is(traceOf(`00-${TRACE}-${SPAN}-01`), TRACE);
  assert.is(traceOf(`cc-${TRACE}-${SPAN}-01-later`), TRACE);
  for (const wrong of [
    '',
    `ff-${TRACE}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01x`,
  ])
    assert.is(traceOf(wrong), undefined, wrong);
});

ids('the id of a request is told up to 128 characters without spaces', () => {
  assert.equal(idsOf({ 'x-request-id': 'a-1' }), { requestId: 'a-1' });
  for (const wrong of ['', 'a b', 'ü', 'x'.repeat(129)])
    assert.equal(idsOf({ 'x-request-id': wrong }), {}, wrong);
  assert.equal(idsOf({}), {});
});

ids.run();
