import { type Static, Type } from '@sinclair/typebox';

export const IceServer = Type.Object(
  {
    urls: Type.Array(Type.String(), { description: '`stun:` and `turn:` addresses' }),
    username: Type.Optional(Type.String()),
    credential: Type.Optional(Type.String()),
  },
  { description: 'A STUN or TURN server, as `RTCPeerConnection` takes it.' },
);
export type IceServer = Static<typeof IceServer>;
