import type { ImpairedPath } from './impaired-path.js';

/** Whether a datagram begins with a ClientHello, or a part of one. */
const isHello = (data: Buffer) => data[0] === 22 && data.readUInt16BE(3) === 0 && data[13] === 1;
/** Whether it is the first part. */
const isFirst = (data: Buffer) => data.readUIntBE(19, 3) === 0;

/** What happens to the datagrams of hellos on their way. */
export type HelloTreatment =
  | 'swap'
  | 'duplicate'
  | 'lose the first parts'
  | 'lose the second parts';

/** Treats the parts of hellos; everything else passes. */
export class HelloGate {
  /** Datagrams with a hello, or a part of one. */
  seen = 0;
  /** Those that did not pass as they came. */
  treated = 0;
  private held: (() => void) | undefined;

  /** @param times parts that are lost, of each kind. */
  constructor(
    path: ImpairedPath,
    private readonly treatment: HelloTreatment,
    private readonly times = 2,
  ) {
    path.gate = (data, pass) => {
      if (!isHello(data)) {
        pass();
        return;
      }
      this.seen++;
      this.treat(data, pass);
    };
  }

  private treat(data: Buffer, pass: () => void): void {
    switch (this.treatment) {
      case 'swap':
        this.swap(pass);
        return;
      case 'duplicate':
        this.treated++;
        pass();
        pass();
        return;
      default: {
        const isLost = isFirst(data) === (this.treatment === 'lose the first parts');
        if (isLost && this.treated < this.times) this.treated++;
        else pass();
      }
    }
  }

  /** Each second one overtakes the one before. */
  private swap(pass: () => void): void {
    const { held } = this;
    this.held = held ? undefined : pass;
    if (!held) return;
    this.treated++;
    pass();
    held();
  }
}
