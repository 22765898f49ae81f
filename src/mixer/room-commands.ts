/** What each command of the server does to a room. A command without an entry does not compile. */
import type { MediaCommand } from '../link/link-messages.js';
import type { RoomMixer } from './room-mixer.js';

/** Commands to the process as a whole; `main.ts` handles them. */
type ProcessCommand = Extract<MediaCommand, { type: 'configure' | 'sanitize' | 'probe' | 'close' }>;

export type RoomCommand = Exclude<MediaCommand, ProcessCommand>;

type CommandTable = {
  readonly [Type in RoomCommand['type']]: (
    room: RoomMixer,
    command: Extract<RoomCommand, { type: Type }>,
  ) => void;
};

const COMMANDS: CommandTable = {
  sources: (room, { sources }) => room.setSources(sources),
  arrange: ({ video }, { layout }) => video.setLayout(layout),
  watch: ({ video, audio }, { videos, audio: listened, lowAudio }) => {
    audio.setListeners(listened, lowAudio);
    video.watch(videos);
  },
  keyframe: ({ video }, command) => video.requestKeyframe(command, command.urgent),
  overlays: ({ video }, { overlays }) => video.setOverlays(overlays),
  announce: ({ audio }, { text, how }) => audio.announce(text, how),
  image: ({ video }, { name, data }) =>
    video.setImage(name, data === undefined ? undefined : Buffer.from(data, 'base64')),
  load: ({ video }, { floor }) => video.setLoadFloor(floor),
};

export function runRoomCommand(room: RoomMixer, command: RoomCommand): void {
  // The compiler cannot see that the entry and the command have the same type.
  const run = COMMANDS[command.type] as (room: RoomMixer, command: RoomCommand) => void;
  room.command(() => run(room, command));
}
