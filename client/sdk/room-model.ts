/**
 * What the client knows of the room: its state, participants, layout, chat. Server messages change it,
 * and each change emits an event. No socket, no media, no DOM. Only the model writes its fields.
 */

import type { ChatState } from '../../src/protocol/chat.js';
import type { MessageOf } from '../../src/protocol/handlers.js';
import type { LayoutDescription } from '../../src/protocol/layout.js';
import type { ParticipantState, WaitingState } from '../../src/protocol/participants.js';
import type { RoomStatus } from '../../src/protocol/room-status.js';
import type { ServerMessage } from '../../src/protocol/server-messages.js';
import type { EmitRoomEvent, RoomState } from './room-events.js';

export class RoomModel {
  state: RoomState = 'connecting';
  /** The client's own participant id. Empty before the first welcome. */
  ownId = '';
  status: RoomStatus = { locked: false, lobby: false, recording: 'off', live: false };
  layout: LayoutDescription = { mode: 'grid', width: 0, height: 0, pinned: [], regions: [] };
  /** What may be received, best first. */
  renditions: readonly string[] = [];
  /** What is received now. Undefined before the first frame. */
  rendition: string | undefined;
  lobby: readonly WaitingState[] = [];
  speaking: readonly string[] = [];
  private readonly people = new Map<string, ParticipantState>();
  private readonly messages = new Map<string, ChatState>();

  constructor(private readonly emit: EmitRoomEvent) {}

  /** In order of joining. */
  get participants(): readonly ParticipantState[] {
    return [...this.people.values()];
  }

  /** The client's own state. Undefined before the first welcome. */
  get self(): ParticipantState | undefined {
    return this.people.get(this.ownId);
  }

  /** Oldest first. */
  get chat(): readonly ChatState[] {
    return [...this.messages.values()];
  }

  /** Does nothing after `left` and `failed`. `connected` is announced each time media flows again. */
  setState(state: RoomState, reason?: string): void {
    if (this.state === state && state !== 'connected') return;
    if (this.state === 'left' || this.state === 'failed') return;
    this.state = state;
    this.emit('state', { state, reason });
  }

  /** Replaces what was known before, but not the chat. */
  welcome({ participant, room, renditions }: MessageOf<ServerMessage, 'welcome'>): void {
    this.ownId = participant;
    this.renditions = renditions;
    if (this.state === 'waiting') this.setState('connecting');
    this.setStatus(room);
    this.setLayout(room.layout);
    this.people.clear();
    for (const person of room.participants) this.people.set(person.id, person);
    this.emit('participants', this.participants);
  }

  setParticipant(participant: ParticipantState): void {
    this.people.set(participant.id, participant);
    this.emit('participants', this.participants);
  }

  removeParticipant(id: string): void {
    this.people.delete(id);
    this.emit('participants', this.participants);
  }

  setStatus({ locked, lobby, recording, live }: RoomStatus): void {
    this.status = { locked, lobby, recording, live };
    this.emit('settings', this.status);
  }

  setLayout(layout: LayoutDescription, timestamp?: number): void {
    this.layout = layout;
    this.emit('layout', { layout, timestamp });
  }

  setLobby(waiting: readonly WaitingState[]): void {
    this.lobby = waiting;
    this.emit('lobby', waiting);
  }

  setSpeaking(ids: readonly string[]): void {
    this.speaking = ids;
    this.emit('speaking', ids);
  }

  setRendition(rendition: string): void {
    this.rendition = rendition;
    this.emit('rendition', rendition);
  }

  addChat(message: ChatState): void {
    this.messages.set(message.id, message);
    this.emit('chat', message);
  }

  /** Puts older messages before those that have come already. */
  addHistory(history: readonly ChatState[]): void {
    const newer = this.chat;
    this.messages.clear();
    for (const message of [...history, ...newer]) this.messages.set(message.id, message);
    this.emit('history', this.chat);
  }
}
