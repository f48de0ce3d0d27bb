/** The page of figures tells how good each figure is beside its goal. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { atLeast, atMost, plain } from '../../bench/figures.ts';
import { shareOfGoal } from '../../bench/performancePage.ts';

const page = suite('page of figures');

page('a rate twice its least is twice as good as its goal', () => {
  assert.is(shareOfGoal(atLeast('rate', 1.8, '', 0.9)), 2);
});

page('a delay twice its most is half as good as its goal', () => {
  assert.is(shareOfGoal(atMost('delay', 40, 'ms', 20)), 0.5);
});

page('a figure without a bound has no goal', () => {
  assert.is(shareOfGoal(plain('keys', 5, '')), null);
});

page('nothing is told of a ratio to nothing', () => {
  assert.is(shareOfGoal(atMost('delay', 0, 'ms', 20)), null);
});

page.run();
