/** What each message of the server does in the client. A new message needs its line here. */

import type { HandlersOf } from '../../src/protocol/handlers.js';
import type { ServerMessage } from '../../src/protocol/server-messages.js';
import type { LocalMedia } from './local-media.js';
import type { MediaConnection } from './media-connection.js';
import type { RoomRecordings } from './recordings.js';
import type { EmitRoomEvent } from './room-events.js';
import type { RoomModel } from './room-model.js';
import type { MediaKinds } from './room-options.js';

export type MessageHandlers = HandlersOf<ServerMessage, void | Promise<void>>;

export interface HandlerParts {
  readonly model: RoomModel;
  readonly media: Pick<MediaConnection, 'takeAnswer' | 'takeCandidate' | 'setIceServers'>;
  readonly local: Pick<LocalMedia, 'muted' | 'cameraShown'>;
  readonly recordings: Pick<RoomRecordings, 'answered'>;
  readonly emit: EmitRoomEvent;
  /** The client entered the room, or came back. @param resumed media goes on. */
  onWelcome(message: Extract<ServerMessage, { type: 'welcome' }>): Promise<void>;
  /** The client's own role may have changed. */
  onChanged(): Promise<void>;
  onError(message: Extract<ServerMessage, { type: 'error' }>): void;
}

export function messageHandlers(parts: HandlerParts): MessageHandlers {
  const { model, media, local, recordings, emit } = parts;
  return {
    welcome: (message) => {
      model.welcome(message);
      return parts.onWelcome(message);
    },
    waiting: () => model.setState('waiting'),
    answer: ({ sdp }) => media.takeAnswer(sdp),
    candidate: ({ candidate }) => media.takeCandidate(candidate),
    iceServers: ({ iceServers }) => media.setIceServers(iceServers),
    joined: ({ participant }) => model.setParticipant(participant),
    changed: ({ participant }) => {
      model.setParticipant(participant);
      return parts.onChanged();
    },
    left: ({ participant }) => model.removeParticipant(participant),
    room: ({ room }) => model.setStatus(room),
    layout: ({ layout, timestamp }) => model.setLayout(layout, timestamp),
    lobby: ({ waiting }) => model.setLobby(waiting),
    speaking: ({ participants }) => model.setSpeaking(participants),
    dominant: ({ participant }) => emit('dominant', participant),
    rendition: ({ rendition }) => model.setRendition(rendition),
    cameraShown: (size) => local.cameraShown(size),
    muted: (message) => {
      local.muted(message);
      emit('muted', kindsOf(message));
    },
    unmuteAsked: (message) => emit('unmuteAsked', kindsOf(message)),
    chat: ({ message }) => model.addChat(message),
    history: ({ messages }) => model.addHistory(messages),
    message: ({ from, topic, data, time }) => emit('message', { from, topic, data, time }),
    recordings: (access) => recordings.answered(access),
    notice: ({ code, message }) => emit('notice', { code, message }),
    error: (message) => {
      emit('error', { code: message.code, message: message.message, next: message.next });
      parts.onError(message);
    },
    // SignalConnection keeps the token.
    token: () => {},
    // The browser knows the state of its connection itself.
    connection: () => {},
  };
}

/** @returns promise of the handler. Messages of a newer server that are unknown here are ignored. */
export async function handle(handlers: MessageHandlers, message: ServerMessage): Promise<void> {
  const handler = handlers[message.type] as
    | ((message: ServerMessage) => void | Promise<void>)
    | undefined;
  await handler?.(message);
}

function kindsOf({ mic, camera, screen }: MediaKinds): MediaKinds {
  return {
    ...(mic ? { mic } : {}),
    ...(camera ? { camera } : {}),
    ...(screen ? { screen } : {}),
  };
}
