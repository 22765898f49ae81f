/** The loop: batches of inputs for one target after the other, and the checks after each. */
import { sleep } from '../../test/support/server.js';
import { InnocentCall } from './call.js';
import { Checks } from './checks.js';
import { type SavedFinding, saveFinding } from './findings.js';
import { Random } from './random.js';
import { FuzzServer } from './server.js';
import { Finding, type FuzzInput, type OpenTarget, type Target } from './target.js';

export interface FuzzOptions {
  readonly targets: readonly Target[];
  readonly seconds: number;
  readonly seed: number;
  /** Findings whose inputs are sent again, each once, in place of generated ones. */
  readonly replays?: readonly SavedFinding[];
  /** Called with a line of text on how it goes. */
  onProgress?(line: string): void;
}

export interface TargetResult {
  inputs: number;
  /** In these inputs' batches, checks included. */
  seconds: number;
  /** Paths of the files. */
  findings: string[];
}

export interface FuzzResult {
  readonly targets: Readonly<Record<string, TargetResult>>;
  /**
   * What happened to the call, but not because of inputs: gaps that did not come again with the same inputs, and
   * what happened while nothing was sent.
   */
  readonly disturbances: readonly string[];
}

/** A target with too many findings is left out for the rest of the run. */
const MAX_FINDINGS = 5;
/** How often inputs must make a gap before it is a finding. */
const CONFIRMATIONS = 3;
/** Between them nothing is sent for this long. */
const CONTROL_MS = 2000;
/** CPU time that an input of a module may take on average: more is a finding. */
const MAX_INPUT_MS = 20;

export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const run = new FuzzRun(options);
  try {
    return await run.run();
  } finally {
    await run.close();
  }
}

class FuzzRun {
  private server: FuzzServer | undefined;
  private call: InnocentCall | undefined;
  private checks: Checks | undefined;
  private readonly open = new Map<Target, OpenTarget>();
  private readonly results: Record<string, TargetResult> = {};
  private readonly disturbances: string[] = [];
  /** Rejections that nobody handled in this process: those of modules. */
  private readonly unhandled: unknown[] = [];
  private readonly onUnhandled = (error: unknown) => this.unhandled.push(error);

  constructor(private readonly options: FuzzOptions) {}

  async run(): Promise<FuzzResult> {
    const { targets, replays = [] } = this.options;
    process.on('unhandledRejection', this.onUnhandled);
    for (const { name } of targets) this.results[name] = { inputs: 0, seconds: 0, findings: [] };
    if (targets.some(({ from }) => from !== 'module')) await this.startCall();
    for (const { target, inputs } of replays) {
      const found = targets.find(({ name }) => name === target);
      if (found) await this.batch(found, () => inputs);
    }
    if (replays.length === 0) await this.rounds();
    return { targets: this.results, disturbances: this.disturbances };
  }

  private async rounds(): Promise<void> {
    const { targets, seconds, seed } = this.options;
    const until = performance.now() + seconds * 1000;
    for (let round = 0; round === 0 || performance.now() < until; round++) {
      for (const target of targets) {
        if (round > 0 && performance.now() > until) return;
        if (this.resultOf(target).findings.length >= MAX_FINDINGS) continue;
        const random = Random.of(seed, `${target.name} ${round}`);
        await this.batch(target, (opened) =>
          Array.from({ length: target.batch }, () => opened.next(random)),
        );
      }
      await this.checks?.warm();
    }
  }

  async close(): Promise<void> {
    process.off('unhandledRejection', this.onUnhandled);
    for (const target of this.open.values()) await target.close?.();
    this.call?.close();
    await this.server?.server.close();
  }

  private resultOf({ name }: Target): TargetResult {
    return this.results[name] as TargetResult;
  }

  private async startCall(): Promise<void> {
    this.server = await FuzzServer.start();
    this.call = await InnocentCall.start(this.server);
    this.checks = new Checks(this.server, this.call);
    await this.checks.forget();
    this.options.onProgress?.('three people see and hear one another');
  }

  private async batch(
    target: Target,
    make: (opened: OpenTarget) => readonly FuzzInput[],
  ): Promise<void> {
    const result = this.resultOf(target);
    const begun = performance.now();
    let inputs: readonly FuzzInput[] = [];
    try {
      const opened = await this.openTarget(target);
      inputs = make(opened);
      if (target.from !== 'module') await this.calm();
      await this.sendAll(target, opened, inputs);
      await this.check(target, opened, inputs);
      result.inputs += inputs.length;
    } catch (error) {
      await this.found(target, inputs, error);
    } finally {
      result.seconds += (performance.now() - begun) / 1000;
    }
  }

  /** Notes what happened before the inputs of a batch: they have nothing to do with it. */
  private async calm(): Promise<void> {
    const { faults = [] } = (await this.checks?.run()) ?? {};
    this.disturbances.push(...faults.map((fault) => `while nothing was sent: ${fault}`));
  }

  private async openTarget(target: Target): Promise<OpenTarget> {
    const known = this.open.get(target);
    if (known) return known;
    const opened = await target.open(this.server as FuzzServer);
    this.open.set(target, opened);
    return opened;
  }

  private async sendAll(
    target: Target,
    opened: OpenTarget,
    inputs: readonly FuzzInput[],
  ): Promise<void> {
    const begun = process.cpuUsage();
    let at = 0;
    const worker = async () => {
      while (at < inputs.length) {
        const input = inputs[at++] as FuzzInput;
        try {
          // No await without a promise: modules take a million inputs a minute.
          const sent = opened.send(input);
          if (sent) await sent;
        } catch (error) {
          if (error instanceof Finding) throw error;
          throw new Finding(`${error instanceof Error ? error.stack : error}`, input, error);
        }
      }
    };
    await Promise.all(Array.from({ length: target.parallel ?? 1 }, worker));
    await opened.settle?.();
    const { user } = process.cpuUsage(begun);
    const perInput = user / 1000 / inputs.length;
    const isPure = target.from === 'module' && target.parallel === undefined;
    if (isPure && perInput > MAX_INPUT_MS) {
      throw new Finding(`an input takes ${perInput.toFixed(1)} ms of CPU`);
    }
  }

  private async check(
    target: Target,
    opened: OpenTarget,
    inputs: readonly FuzzInput[],
  ): Promise<void> {
    // A rejection is reported after the turn in which nobody handled it.
    await sleep(0);
    if (this.unhandled.length > 0) {
      const [error] = this.unhandled.splice(0);
      throw new Finding(`unhandled rejection: ${error instanceof Error ? error.stack : error}`);
    }
    if (target.from === 'module') return;
    const { faults = [], gaps = [] } = (await this.checks?.run()) ?? {};
    if (faults.length > 0) throw new Finding(faults.join('; '));
    if (gaps.length > 0) await this.confirm(target, opened, inputs, gaps);
  }

  /**
   * A busy machine makes gaps too. They count if the same inputs make them again and again, and there are none
   * while nothing is sent.
   */
  private async confirm(
    target: Target,
    opened: OpenTarget,
    inputs: readonly FuzzInput[],
    gaps: readonly string[],
  ): Promise<void> {
    let latest = gaps;
    for (let times = 0; times < CONFIRMATIONS; times++) {
      await this.checks?.run();
      await sleep(CONTROL_MS);
      const control = await this.checks?.run();
      const begun = control?.gaps.length ? undefined : await this.again(target, opened, inputs);
      if (!begun?.length) {
        this.disturbances.push(`${target.name}: ${gaps.join('; ')}`);
        return;
      }
      latest = begun;
    }
    throw new Finding(latest.join('; '));
  }

  private async again(
    target: Target,
    opened: OpenTarget,
    inputs: readonly FuzzInput[],
  ): Promise<readonly string[]> {
    await this.sendAll(target, opened, inputs);
    const { faults = [], gaps = [] } = (await this.checks?.run()) ?? {};
    if (faults.length > 0) throw new Finding(faults.join('; '));
    return gaps;
  }

  private async found(target: Target, inputs: readonly FuzzInput[], error: unknown): Promise<void> {
    const { seed, replays = [] } = this.options;
    const { input = undefined, message } =
      error instanceof Finding ? error : { message: `${error}` };
    const finding = {
      target: target.name,
      seed,
      what: message,
      inputs: input === undefined ? inputs : [input],
    };
    const path = replays.length > 0 ? 'a replayed file' : saveFinding(finding);
    this.resultOf(target).findings.push(path);
    this.options.onProgress?.(`FOUND by ${target.name}: ${message}\n  saved as ${path}`);
    // What it left behind is not the next batch's.
    await this.open
      .get(target)
      ?.close?.()
      .catch(() => {});
    this.open.delete(target);
    if (target.from !== 'module') await this.recover();
  }

  /** After a finding: the call goes on, or begins again on another server. */
  private async recover(): Promise<void> {
    await sleep(3000);
    const isOver = this.server?.server.exitCode !== undefined;
    if (!isOver) {
      await this.checks?.forget();
      return;
    }
    this.open.clear();
    this.call?.close();
    await this.startCall();
  }
}
