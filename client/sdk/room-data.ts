/** What goes over the data channel, or over the socket while there is none; and what was written. */
import type { ChatState } from '../../src/protocol/chat.js';
import type { DataMessage } from '../../src/protocol/data-messages.js';
import type { ServerMessage } from '../../src/protocol/server-messages.js';

export class RoomData {
  private channel: RTCDataChannel | undefined;
  private readonly chats = new Map<string, ChatState>();

  /**
   * @param onMessage is given what comes over the channel.
   * @param sendBySocket sends what cannot go over it.
   */
  constructor(
    private readonly onMessage: (message: ServerMessage) => void,
    private readonly sendBySocket: (message: DataMessage) => void,
  ) {}

  /** What was written, the oldest first. */
  get chat(): readonly ChatState[] {
    return [...this.chats.values()];
  }

  /** Opens the channel of a connection; before it is offered. */
  open(pc: RTCPeerConnection): void {
    this.channel = pc.createDataChannel('tessera', { negotiated: true, id: 0 });
    this.channel.onmessage = ({ data }) => this.onMessage(JSON.parse(data) as ServerMessage);
  }

  send(message: DataMessage): void {
    if (this.channel?.readyState === 'open') this.channel.send(JSON.stringify(message));
    else this.sendBySocket(message);
  }

  wrote(message: ChatState): void {
    this.chats.set(message.id, message);
  }

  /** Takes what was written before; newer ones may have come already. */
  merge(history: readonly ChatState[]): void {
    const newer = this.chat;
    this.chats.clear();
    for (const message of [...history, ...newer]) this.chats.set(message.id, message);
  }
}
