import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ListingTexts } from '../../api/listingTexts.ts';

const texts = suite('listing texts');

texts('a text is made once for each filter, and anew after a change', () => {
  const kept = new ListingTexts();
  let made = 0;
  const ask = (revision: string, query: string): string =>
    kept.text(revision, query, () => {
      made += 1;
      return `${revision} ${query}`;
    });
  for (let times = 0; times < 3; times += 1) {
    assert.is(ask('1', 'open=true'), '1 open=true');
    assert.is(ask('1', ''), '1 ');
  }
  assert.is(made, 2);
  assert.is(ask('2', ''), '2 ');
  assert.is(made, 3);
});

texts('invented filters take no memory, and a refused one is refused again', () => {
  const kept = new ListingTexts();
  let made = 0;
  const ask = (query: string): string =>
    kept.text('1', query, () => {
      made += 1;
      return query;
    });
  for (let number = 0; number < 200; number += 1) ask(`map=${number}`);
  ask('map=0');
  assert.is(made, 200);
  ask('map=199');
  assert.is(made, 201, 'beyond the bound nothing is kept');
  const refuse = (): string =>
    kept.text('2', 'open=x', () => {
      throw new Error('The query is malformed.');
    });
  for (let times = 0; times < 2; times += 1) assert.throws(refuse, /malformed/);
});

texts.run();
