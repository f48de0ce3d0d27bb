/** Draws the scene: the ground of its map, coins, and figures, in the colours of the page. */
import type { GameMap } from '../../rules/maps.ts';
import type { Position } from '../../rules/simulation.ts';
import type { MapName } from '../../rules/worldConfiguration.ts';
import type { ShownFigure } from './scene.ts';

/** Half the width of a figure, in units of the map. */
const FIGURE_RADIUS = 12;
const COIN_RADIUS = 7;
const CELL = 80;
/** Below so many pixels a unit, the view follows the figure in place of showing the whole map. */
const LEAST_SCALE = 0.6;
/** Units around the map, so that a figure at its edge is seen whole. */
const MARGIN = 28;
const GOLDEN_ANGLE = 137.5;

export interface Colours {
  readonly ground: string;
  readonly mark: string;
  readonly edge: string;
  readonly coin: string;
  readonly coinRim: string;
  readonly own: string;
  readonly label: string;
  readonly outside: string;
  /** Of other figures: lightness in per cent. */
  readonly figureLightness: string;
}

/** How the map lies on the canvas: a place is `offset + units · scale` pixels away from the corner. */
export interface Camera {
  readonly scale: number;
  readonly offsetX: number;
  readonly offsetY: number;
}

export interface Drawing {
  readonly mapName: MapName;
  readonly map: GameMap;
  readonly coins: readonly Position[];
  readonly figures: readonly ShownFigure[];
  readonly colours: Colours;
  readonly camera: Camera;
  readonly nowMs: number;
  /** Whether things may move by themselves. */
  readonly isLively: boolean;
}

export function coloursOf(element: Element, mapName: MapName): Colours {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    ground: colour(`${mapName}-ground`),
    mark: colour(`${mapName}-mark`),
    edge: colour('edge'),
    coin: colour('coin'),
    coinRim: colour('coin-rim'),
    own: colour('own'),
    label: colour('label'),
    outside: colour('outside'),
    figureLightness: colour('figure-lightness'),
  };
}

/** @param width and `height` of the canvas in pixels of the page. */
export function cameraFor(map: GameMap, at: Position, width: number, height: number): Camera {
  const wide = map.width + 2 * MARGIN;
  const high = map.height + 2 * MARGIN;
  const scale = Math.max(Math.min(width / wide, height / high), LEAST_SCALE);
  return {
    scale,
    offsetX: offsetOf(at.x + MARGIN, wide, width / scale) * scale,
    offsetY: offsetOf(at.y + MARGIN, high, height / scale) * scale,
  };
}

/** The map is in the middle where it fits; else the figure is, but for the edges of the map. */
function offsetOf(at: number, length: number, room: number): number {
  if (length <= room) return (room - length) / 2 + MARGIN;
  return Math.min(0, Math.max(room - length, room / 2 - at)) + MARGIN;
}

export function draw(context: CanvasRenderingContext2D, drawing: Drawing): void {
  const { map, mapName, colours, camera } = drawing;
  context.fillStyle = colours.outside;
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  context.save();
  context.translate(camera.offsetX, camera.offsetY);
  context.scale(camera.scale, camera.scale);
  context.beginPath();
  context.roundRect(0, 0, map.width, map.height, 14);
  context.fillStyle = colours.ground;
  context.fill();
  context.save();
  context.clip();
  drawMarks(context, map, mapName, colours);
  context.restore();
  context.lineWidth = 3;
  context.strokeStyle = colours.edge;
  context.stroke();
  for (const coin of drawing.coins) drawCoin(context, coin, drawing);
  for (const figure of drawing.figures) drawFigure(context, figure, drawing);
  context.restore();
}

function drawMarks(
  context: CanvasRenderingContext2D,
  map: GameMap,
  mapName: MapName,
  colours: Colours,
): void {
  context.strokeStyle = colours.mark;
  context.lineWidth = 2;
  context.lineCap = 'round';
  for (let row = 0; row * CELL < map.height; row += 1)
    for (let column = 0; column * CELL < map.width; column += 1) {
      const hash = hashOf(column, row);
      const x = column * CELL + (hash % CELL);
      const y = row * CELL + ((hash >>> 8) % CELL);
      context.beginPath();
      drawMark(context, mapName, x, y, 5 + ((hash >>> 16) % 5));
      context.stroke();
    }
}

/** Grass, waves or stones. */
function drawMark(
  context: CanvasRenderingContext2D,
  mapName: MapName,
  x: number,
  y: number,
  size: number,
): void {
  switch (mapName) {
    case 'meadow':
      for (const lean of [-0.6, 0, 0.6]) {
        context.moveTo(x + lean * 4, y);
        context.lineTo(x + lean * size, y - size * (1.4 - Math.abs(lean) * 0.5));
      }
      return;
    case 'harbour':
      context.moveTo(x, y);
      context.quadraticCurveTo(x + size, y - size * 0.7, x + size * 2, y);
      context.quadraticCurveTo(x + size * 3, y + size * 0.7, x + size * 4, y);
      return;
    case 'summit':
      context.moveTo(x, y);
      context.lineTo(x + size * 0.8, y - size);
      context.lineTo(x + size * 1.9, y - size * 0.3);
      context.lineTo(x + size * 1.6, y);
      context.closePath();
      return;
  }
}

function drawCoin(
  context: CanvasRenderingContext2D,
  { x, y }: Position,
  { colours, nowMs, isLively }: Drawing,
): void {
  const lift = isLively ? Math.sin(nowMs / 450 + x) * 1.5 : 0;
  context.beginPath();
  context.arc(x, y + lift, COIN_RADIUS, 0, 2 * Math.PI);
  context.fillStyle = colours.coin;
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = colours.coinRim;
  context.stroke();
}

function drawFigure(
  context: CanvasRenderingContext2D,
  { id, isOwn, x, y, heading }: ShownFigure,
  { colours }: Drawing,
): void {
  context.beginPath();
  context.ellipse(x, y + FIGURE_RADIUS, FIGURE_RADIUS, 4, 0, 0, 2 * Math.PI);
  context.fillStyle = 'rgb(0 0 0 / 0.18)';
  context.fill();
  if (isOwn) {
    context.beginPath();
    context.arc(x, y, FIGURE_RADIUS + 5, 0, 2 * Math.PI);
    context.lineWidth = 3;
    context.strokeStyle = colours.own;
    context.stroke();
  }
  context.beginPath();
  context.arc(x, y, FIGURE_RADIUS, 0, 2 * Math.PI);
  context.fillStyle = isOwn
    ? colours.own
    : `hsl(${(id * GOLDEN_ANGLE) % 360} 55% ${colours.figureLightness})`;
  context.fill();
  for (const side of [-1, 1]) {
    const eyeX = x + side * 4 + heading.dx * 3;
    const eyeY = y - 1 + heading.dy * 3;
    context.beginPath();
    context.arc(eyeX, eyeY, 3, 0, 2 * Math.PI);
    context.fillStyle = '#fffdf6';
    context.fill();
    context.beginPath();
    context.arc(eyeX + heading.dx, eyeY + heading.dy, 1.5, 0, 2 * Math.PI);
    context.fillStyle = '#1d2521';
    context.fill();
  }
  if (!isOwn) return;
  context.font = '600 13px system-ui, sans-serif';
  context.textAlign = 'center';
  context.fillStyle = colours.label;
  context.fillText('you', x, y - FIGURE_RADIUS - 10);
}

/** Spreads marks as if at random, and the same way each time. */
function hashOf(a: number, b: number): number {
  const mixed = Math.imul((a + 1) * 73_856_093, (b + 1) * 19_349_663) ^ ((a + 1) * 83_492_791);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}
