import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Page, Pages } from '../../src/store/pages.ts';

const PAGE_BYTES = 1000;
/** Ten of them fill a page. */
const RECORD_BYTES = 100;
/** From so many pages on, moved records have a page of their own. */
const LEAST_PAGES_APART = 16;

const test = suite('pages');

/** So many pages, all full but the last one, which holds one record. */
function pagesOf(count: number) {
  const pages = new Pages({ firstBytes: PAGE_BYTES, bytes: PAGE_BYTES });
  const write = (isMoved: boolean, hasValue = true): Page => {
    const page = pages.pageFor(RECORD_BYTES, hasValue, isMoved);
    pages.took(page, RECORD_BYTES, 0);
    return page;
  };
  for (let record = 0; record < 10 * (count - 1) + 1; record++) write(false);
  assert.is(pages.bytes, count * PAGE_BYTES);
  return { pages, write };
}

test('in a small store moved records lie beside new ones: a page of their own would stand for too much', () => {
  for (const count of [1, LEAST_PAGES_APART / 2, LEAST_PAGES_APART - 1]) {
    const { pages, write } = pagesOf(count);
    assert.is(write(true), write(false), `${count} pages`);
    assert.is(write(true), write(false), `${count} pages`);
    assert.is(pages.bytes, count * PAGE_BYTES);
  }
});

test('from sixteen pages on moved records have an open page of their own', () => {
  for (const count of [LEAST_PAGES_APART, LEAST_PAGES_APART + 1, 2 * LEAST_PAGES_APART]) {
    const { pages, write } = pagesOf(count);
    const ofNew = write(false);
    const ofMoved = write(true);
    assert.is.not(ofMoved, ofNew, `${count} pages`);
    assert.is(write(true), ofMoved, 'the next one lies there too');
    assert.is(write(false), ofNew);
    assert.is(pages.bytes, (count + 1) * PAGE_BYTES);
  }
});

test('records without droppable values lie in one open page, moved or not, however large the store is', () => {
  const { write } = pagesOf(2 * LEAST_PAGES_APART);
  assert.is(write(true, false), write(false, false));
});

test.run();
