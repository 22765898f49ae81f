/** Names, marks and speaking borders, as a libwebrtc viewer decodes them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { gridRects } from '../../src/mixer/layout/grid.js';
import { drawLabel } from '../../src/mixer/tiles/tile-label.js';
import { callApi } from '../support/api.js';
import { Bot } from '../support/bot.js';
import { TestServer, waitFor } from '../support/server.js';

const ROOM = 'labels';
const CANVAS = { width: 1280, height: 720 };
const [, rect] = gridRects(2, { ...CANVAS, gap: 8 });
let server: TestServer;
let other: Bot;
let red: Bot;
let viewer: Bot;
beforeAll(async () => {
  server = await TestServer.start();
  other = await Bot.join(server, { room: ROOM, name: 'Other', colour: 'blue', audio: false });
  red = await Bot.join(server, { room: ROOM, name: 'Rosa', colour: 'red', frequency: 700 });
  viewer = await Bot.join(server, { room: ROOM, name: 'V', viewer: true });
});
afterAll(async () => {
  for (const bot of [other, red, viewer]) bot?.kill();
  await server?.close();
});

/** Colour at a point of the second tile, in pixels from its left and from its bottom. */
async function at(fromLeft: number, fromBottom: number): Promise<[number, number, number]> {
  if (!rect) throw new Error('no tile');
  const [x, y] = [rect.x + fromLeft, rect.y + rect.height - fromBottom];
  return viewer.colourAt(x / CANVAS.width, y / CANVAS.height);
}

const isRed = ([r, g]: readonly number[]) => (r ?? 0) > 150 && (g ?? 0) < 90;
const isDark = ([r, g]: readonly number[]) => (r ?? 0) < 130 && (g ?? 0) < 70;
const isGreen = ([r, g]: readonly number[]) => (g ?? 0) > 120 && (g ?? 0) > (r ?? 0) + 20;

test('a tile has a border while its participant speaks', async () => {
  const middle = (rect?.height ?? 0) / 2;
  await waitFor('the border', async () => isGreen(await at(2, middle)));
  expect(isRed(await at(14, middle))).toBe(true);
  await red.mute({ mic: false });
  await waitFor('no border', async () => isRed(await at(2, middle)));
  await red.mute({ mic: true });
  const since = Date.now();
  await waitFor('the border again', async () => isGreen(await at(2, middle)));
  console.log(`border seen ${Date.now() - since} ms after unmuting`);
});

test('the label has the name and the mute mark, and follows the API', async () => {
  if (!rect) throw new Error('no tile');
  const widthOf = (name: string, muted: boolean) =>
    drawLabel({ name, muted, trouble: false, screen: false }, rect).width;
  // The margin of a label, and its middle.
  const [left, middle] = [10, 20];
  const ends = async (width: number) =>
    isDark(await at(left + width - 6, middle)) && isRed(await at(left + width + 12, middle));
  await waitFor('the name', () => ends(widthOf('Rosa', false)));
  await red.mute({ mic: false });
  await waitFor('the mark', () => ends(widthOf('Rosa', true)));
  const { body } = await callApi(server, 'GET', `/rooms/${ROOM}/participants`);
  const { id } = body.find(({ name }: { name: string }) => name === 'Rosa');
  const name = 'Rosa Luxemburg 1871';
  await callApi(server, 'PATCH', `/rooms/${ROOM}/participants/${id}`, { body: { name } });
  await waitFor('the new name', () => ends(widthOf(name, true)));
  await red.mute({ mic: true });
  await waitFor('no mark', () => ends(widthOf(name, false)));
});
