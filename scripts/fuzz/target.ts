/** What a target of the fuzzer is: it makes inputs from a seed, and gives them to one kind of reader. */
import type { Random } from './random.js';
import type { FuzzServer } from './server.js';

/** One input. It can be written to a file and sent again. */
export interface FuzzInput {
  /** How the bytes are sent, in the target's own words. */
  readonly how: string;
  readonly bytes: Buffer;
}

/** Something that no input may cause. */
export class Finding extends Error {
  constructor(
    message: string,
    /** The input, where it is known which of them it was. */
    readonly input?: FuzzInput,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'Finding';
  }
}

/** A target in use. */
export interface OpenTarget {
  /** The next input. Depends on `random` alone, apart from ids and keys that the server gave. */
  next(random: Random): FuzzInput;
  /**
   * Gives the input to its reader.
   * @throws Finding if it is answered in a way that no input may be; other errors count as findings too.
   */
  send(input: FuzzInput): void | Promise<void>;
  /** Resolves when the inputs so far were handled. @throws Finding */
  settle?(): Promise<void>;
  close?(): Promise<void>;
}

export interface Target {
  readonly name: string;
  /**
   * Where inputs come from: `module` calls the real module in this process; `peer` is somebody who is in the
   * call or has a token; `outside` is anybody who can reach the server.
   */
  readonly from: 'module' | 'peer' | 'outside';
  /** Inputs between two checks. The checks of a module are in `send`: it has larger batches. */
  readonly batch: number;
  /** Inputs that may wait for their answers at the same time; one by default. */
  readonly parallel?: number;
  open(server: FuzzServer): OpenTarget | Promise<OpenTarget>;
}

/** A target without a server. @param send what the module does with the bytes; it checks the result. */
export function moduleTarget(
  name: string,
  next: (random: Random) => FuzzInput,
  send: (input: FuzzInput) => void | Promise<void>,
  batch = 20_000,
): Target {
  return { name, from: 'module', batch, open: () => ({ next, send }) };
}

/** Checks what came out of a reader. @throws Finding */
export function demand(holds: boolean, what: string, input: FuzzInput): asserts holds {
  if (!holds) throw new Finding(what, input);
}
