/** Numbers, sizes and times for people, in the words of their own locale. */

const whole = new Intl.NumberFormat();
const oneDigit = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const shares = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 0 });

export const count = (number: number): string => whole.format(number);
export const share = (part: number): string => shares.format(part);

/** A figure with one digit behind the point at most. */
export const figure = (number: number): string => oneDigit.format(number);

/** A number of things: `1 op`, `2 ops`. */
export const things = (number: number, one: string, many = `${one}s`): string =>
  `${count(number)} ${number === 1 ? one : many}`;

const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export function size(bytes: number): string {
  let rest = bytes;
  let unit = 0;
  while (rest >= 1024 && unit < SIZES.length - 1) {
    rest /= 1024;
    unit++;
  }
  return `${unit === 0 ? count(rest) : figure(rest)} ${SIZES[unit]}`;
}

/** A span of time in its two greatest units, so that it stays short. */
export function span(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = Math.floor(ms / 1000);
  const [days, hours, minutes, rest] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
    seconds % 60,
  ];
  if (days > 0) return `${count(days)} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${rest} s` : `${rest} s`;
}

const DATE = { year: 'numeric', month: '2-digit', day: '2-digit' } as const;
const TIME = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const;
const localTime = new Intl.DateTimeFormat(undefined, TIME);
const localDay = new Intl.DateTimeFormat(undefined, { ...DATE, ...TIME });
const isHereUtc = new Date(0).getTimezoneOffset() === 0 && new Date().getTimezoneOffset() === 0;

/** The local time, with the day unless it is today. */
export function local(atMs: number, nowMs: number): string {
  const isToday = new Date(atMs).toDateString() === new Date(nowMs).toDateString();
  return (isToday ? localTime : localDay).format(atMs);
}

/** UTC as a clock would show it, with the day unless it is the local one. */
export function utc(atMs: number): string {
  const [day = '', time = ''] = new Date(atMs).toISOString().split('T');
  const here = new Date(atMs);
  const hereDay = [here.getFullYear(), here.getMonth() + 1, here.getDate()]
    .map((part) => String(part).padStart(2, '0'))
    .join('-');
  return `${day === hereDay ? '' : `${day} `}${time.slice(0, 8)} UTC`;
}

/** Whether local times are those of UTC, so that one of the two is enough. */
export const localIsUtc = (): boolean => isHereUtc;
