import { type Static, Type } from '@sinclair/typebox';

export const ChatState = Type.Object(
  {
    id: Type.String(),
    from: Type.String({ description: 'id of the participant who wrote it' }),
    name: Type.String({ description: 'their display name at that time' }),
    text: Type.String(),
    time: Type.Number({ description: 'milliseconds since 1970' }),
  },
  { description: 'A chat message.' },
);
export type ChatState = Static<typeof ChatState>;
