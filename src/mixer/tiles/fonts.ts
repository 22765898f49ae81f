/**
 * Fonts for the scripts that names are written in. The packages bring Noto in pieces, by ranges of
 * characters; a piece is loaded when a text first needs it.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { GlobalFonts, type SKRSContext2D } from '@napi-rs/canvas';

/** In order of preference. `wght` pieces hold all weights, the others only one. */
const PACKAGES = [
  { name: '@fontsource/noto-sans', piece: '600-normal' },
  { name: '@fontsource/noto-sans-arabic', piece: '600-normal' },
  { name: '@fontsource/noto-sans-hebrew', piece: '600-normal' },
  { name: '@fontsource/noto-sans-devanagari', piece: '600-normal' },
  { name: '@fontsource/noto-sans-thai', piece: '600-normal' },
  { name: '@fontsource-variable/noto-sans-sc', piece: 'wght-normal' },
  { name: '@fontsource-variable/noto-sans-tc', piece: 'wght-normal' },
  { name: '@fontsource-variable/noto-sans-jp', piece: 'wght-normal' },
  { name: '@fontsource-variable/noto-sans-kr', piece: 'wght-normal' },
] as const;
/** All emoji in one piece, because Skia cannot draw the smaller ones. Takes 140 ms to load. */
const EMOJI: Piece = {
  family: 'Tessera emoji',
  file: '@fontsource/noto-color-emoji/files/noto-color-emoji-emoji-400-normal.woff2',
  ranges: [],
};
const WEIGHT = 600;

interface Piece {
  readonly family: string;
  readonly file: string;
  /** First and last character of each range. */
  readonly ranges: readonly (readonly [number, number])[];
}

const require = createRequire(import.meta.url);
const known = new Map<string, readonly Piece[]>();
const loaded = new Map<string, boolean>();
const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

function rangesOf(css: string): (readonly [number, number])[] {
  return css.split(',').map((range) => {
    const [first = '', last = first] = range.trim().slice(2).split('-');
    return [Number.parseInt(first, 16), Number.parseInt(last, 16)];
  });
}

function piecesOf({ name, piece }: (typeof PACKAGES)[number]): readonly Piece[] {
  const found = known.get(name);
  if (found) return found;
  const font = name.split('/')[1] as string;
  const text = readFileSync(require.resolve(`${name}/unicode.json`), 'utf8');
  const pieces = Object.entries(JSON.parse(text) as Record<string, string>).map(([key, css]) => {
    // The keys of numbered pieces have brackets.
    const id = key.replace(/[[\]]/g, '');
    const file = `${name}/files/${font}-${id}-${piece}.woff2`;
    const family = `Tessera ${font} ${id}${piece.startsWith('wght') ? '-wght' : ''}`;
    return { family, file, ranges: rangesOf(css) };
  });
  known.set(name, pieces);
  return pieces;
}

function has({ ranges }: Piece, character: number): boolean {
  return ranges.some(([first, last]) => character >= first && character <= last);
}

/**
 * Puts the fitting package first: Chinese, Japanese and Korean write shared characters differently.
 */
function packagesFor(text: string): readonly (typeof PACKAGES)[number][] {
  const first = /\p{Script=Hangul}/u.test(text)
    ? '-kr'
    : /[\p{Script=Hiragana}\p{Script=Katakana}]/u.test(text)
      ? '-jp'
      : '';
  if (first === '') return PACKAGES;
  return [...PACKAGES].sort(
    (a, b) => Number(b.name.endsWith(first)) - Number(a.name.endsWith(first)),
  );
}

function pieceFor(
  grapheme: string,
  packages: readonly (typeof PACKAGES)[number][],
): Piece | undefined {
  if (/\p{Emoji_Presentation}|\ufe0f|\u20e3/u.test(grapheme)) return EMOJI;
  const base = grapheme.codePointAt(0) ?? 0;
  for (const one of packages) {
    const found = piecesOf(one).find((piece) => has(piece, base));
    if (found) return found;
  }
  return /\p{Extended_Pictographic}/u.test(grapheme) ? EMOJI : undefined;
}

/** Loads a piece unless it is loaded. @returns whether it can be used. */
function load({ family, file }: Piece): boolean {
  const before = loaded.get(family);
  if (before !== undefined) return before;
  const done = GlobalFonts.registerFromPath(require.resolve(file), family) !== null;
  loaded.set(family, done);
  return done;
}

/** A CSS font list for a text. The system's fonts draw characters that no package has. */
export function fontsFor(text: string): string {
  const packages = packagesFor(text);
  const families = new Set<string>();
  // The ellipsis is needed when a text is cut.
  for (const { segment } of segmenter.segment(`A${text}…`)) {
    const piece = pieceFor(segment, packages);
    if (piece && load(piece)) families.add(`"${piece.family}"`);
  }
  return [...families, 'sans-serif'].join(',');
}

/** Sets the context's font for a text. */
export function useFont(context: SKRSContext2D, size: number, text: string): void {
  context.font = `${WEIGHT} ${Math.round(size)}px ${fontsFor(text)}`;
  // A variation makes Skia build every font of the list again, which takes long for emoji: letters
  // beside emoji stay thin instead.
  const isVariable = context.font.includes('-wght') && !context.font.includes(EMOJI.family);
  context.fontVariationSettings = isVariable ? `"wght" ${WEIGHT}` : '';
}
