import { createRequire } from 'node:module';
import { GlobalFonts } from '@napi-rs/canvas';

const SCRIPTS = ['latin', 'latin-ext', 'cyrillic', 'greek'] as const;
let fontStack: string | undefined;

/** A CSS font list. Registers the font that the package brings; system fonts serve the scripts that it lacks. */
export function fonts(): string {
  if (fontStack) return fontStack;
  const require = createRequire(import.meta.url);
  const families: string[] = [];
  for (const script of SCRIPTS) {
    const file = require.resolve(
      `@fontsource/noto-sans/files/noto-sans-${script}-600-normal.woff2`,
    );
    const family = `Tessera Sans ${script}`;
    if (GlobalFonts.registerFromPath(file, family)) families.push(`"${family}"`);
  }
  fontStack = [...families, 'sans-serif'].join(',');
  return fontStack;
}
