/** Participants without media, for unit tests of rooms. */
import { vi } from 'vitest';
import { createLogger } from '../../src/logger.js';
import { type Grant, OPEN_GRANT } from '../../src/rooms/grant.js';
import type { Member, MembershipOptions } from '../../src/rooms/membership.js';
import { Membership } from '../../src/rooms/membership.js';
import type { Moderated } from '../../src/rooms/moderation.js';
import type { Update } from '../../src/rooms/room-update.js';
import { UpdateBus } from '../../src/rooms/update-bus.js';

export const silentLogger = createLogger('silent', false);

export interface TestMember extends Moderated {
  micOn: boolean;
  cameraOn: boolean;
  screenOn: boolean;
  closed: boolean;
}

let nextId = 1;

export function grantOf(role: Grant['role'], identity?: string): Grant {
  return { ...OPEN_GRANT, role, identity };
}

export function testMember(name: string, grant: Grant): TestMember {
  const id = `p${nextId++}`;
  const member: TestMember = {
    id,
    name,
    grant,
    identity: grant.identity ?? id,
    role: grant.role,
    resumeToken: `token of ${id}`,
    viewer: false,
    version: 1,
    gainDb: 0,
    micOn: true,
    cameraOn: true,
    screenOn: false,
    sharesScreen: false,
    mediaTrouble: undefined,
    captured: false,
    missing: [],
    connectionState: 'connected',
    closed: false,
    setMuted: ({ mic, camera, screen }) => {
      member.micOn = mic ?? member.micOn;
      member.cameraOn = camera ?? member.cameraOn;
      member.screenOn = screen ?? member.screenOn;
    },
    close: async () => {
      member.closed = true;
    },
  };
  return member;
}

/** A room's membership with a bus; what a participant or a follower receives is kept. */
export class TestMembership {
  readonly updates = new UpdateBus(silentLogger);
  readonly followed: Update[] = [];
  readonly settings = { locked: false, lobby: false, maxParticipants: 10 };
  readonly admit = vi.fn<MembershipOptions<Member>['admit']>();
  readonly membership: Membership<TestMember>;

  constructor(returning: readonly string[] = []) {
    this.updates.follow((update) => this.followed.push(update));
    this.membership = new Membership<TestMember>(
      {
        updates: this.updates,
        logger: silentLogger,
        settings: () => this.settings,
        admit: this.admit,
        create: ({ name, grant }) => testMember(name, grant),
        onJoined: () => {},
        onLeft: () => {},
      },
      returning,
    );
  }

  /** Types of the updates that everybody learnt of. */
  get types(): string[] {
    return this.followed.map(({ type }) => type);
  }

  enter(name: string, grant: Grant = grantOf('participant'), previous?: string) {
    const received: Update[] = [];
    const listener = (update: Update) => received.push(update);
    const entrance = this.membership.enter({ name, grant, viewer: false, previous, listener });
    const types = () => received.map(({ type }) => type);
    return { entrance, received, types };
  }

  /** Enters, and must come in. */
  join(name: string, grant?: Grant, previous?: string) {
    const { entrance, ...rest } = this.enter(name, grant, previous);
    if (entrance.state !== 'joined') throw new Error(`${name} has to wait`);
    return { participant: entrance.participant, ...rest };
  }

  /** Enters, and must wait in the lobby. */
  wait(name: string, grant?: Grant) {
    const { entrance, ...rest } = this.enter(name, grant);
    if (entrance.state !== 'waiting') throw new Error(`${name} came in`);
    return { waiting: entrance.waiting, ...rest };
  }
}
