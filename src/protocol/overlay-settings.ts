import { type Static, Type } from '@sinclair/typebox';
import { ImageName } from './layout.js';
import { literals, STRICT } from './literals.js';

export const CORNERS = ['top-left', 'top-right', 'bottom-left', 'bottom-right'] as const;

export const Corner = literals(CORNERS);
export type Corner = Static<typeof Corner>;

const Height = Type.Number({
  exclusiveMinimum: 0,
  maximum: 1,
  description: "in fractions of the composite's height",
});

export const OverlaySettings = Type.Partial(
  Type.Object({
    title: Type.String({ maxLength: 128, description: 'at the top; empty for none' }),
    clock: Type.Object(
      { timeZone: Type.String({ maxLength: 64, description: 'such as `Europe/Berlin`' }) },
      { ...STRICT, description: 'the time of day at the top right' },
    ),
    recording: Type.Boolean({
      description: 'a mark that shows people that the room is recorded',
    }),
    logo: Type.Object({ image: ImageName, corner: Corner, height: Height }, STRICT),
    watermark: Type.Object(
      { image: ImageName, opacity: Type.Number({ minimum: 0, maximum: 1 }), height: Height },
      { ...STRICT, description: 'an image over the middle of the composite' },
    ),
  }),
  { ...STRICT, description: 'What lies over the whole composite. What is left out is not drawn.' },
);
export type OverlaySettings = Static<typeof OverlaySettings>;
