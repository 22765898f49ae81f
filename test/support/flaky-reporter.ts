/**
 * Ends a run with the minutes of each lane, the tests that needed a second try, those that failed, and
 * a count. With TESSERA_TEST_RESULTS set, `scripts/test` prints these lines for all of its commands:
 * then the results only go into the file of that name.
 */
import type { SerializedError } from 'vitest';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { closingLines, type PartResult, saveResults, type Trouble } from './run-results.js';

interface Times {
  startedAt: number;
  endedAt: number;
}

const firstLine = (errors: readonly { readonly message: string }[] | undefined): string =>
  errors?.[0]?.message.split('\n')[0] ?? 'no message';

const troubleOf = (test: TestCase): Trouble => ({
  test: `${test.module.relativeModuleId} > ${test.fullName}`,
  error: firstLine(test.result().errors),
});

export class FlakyReporter implements Reporter {
  private readonly times = new Map<string, Times>();

  onTestModuleStart({ project }: TestModule): void {
    const now = Date.now();
    const { startedAt = now } = this.times.get(project.name) ?? {};
    this.times.set(project.name, { startedAt, endedAt: now });
  }

  onTestModuleEnd({ project }: TestModule): void {
    const times = this.times.get(project.name);
    if (times) times.endedAt = Date.now();
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const names = [...new Set(modules.map(({ project }) => project.name))];
    const parts = names.map((name) =>
      this.partOf(
        name,
        modules.filter(({ project }) => project.name === name),
      ),
    );
    if (unhandled.length > 0) {
      const failed = unhandled.map((error) => ({
        test: 'an error outside of the tests',
        error: firstLine([error]),
      }));
      parts.push({ part: 'outside of the tests', seconds: 0, passed: 0, failed, flaky: [] });
    }
    const path = process.env.TESSERA_TEST_RESULTS;
    if (path) saveResults(path, parts);
    else console.log(closingLines(parts).join('\n'));
  }

  private partOf(name: string, modules: readonly TestModule[]): PartResult {
    const { startedAt, endedAt } = this.times.get(name) ?? { startedAt: 0, endedAt: 0 };
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const passed = tests.filter((test) => test.result().state === 'passed');
    // A file that cannot be loaded, or whose hooks fail, is a failure too.
    const broken = modules
      .filter((module) => module.errors().length > 0)
      .map((module) => ({ test: module.relativeModuleId, error: firstLine(module.errors()) }));
    return {
      part: `${process.env.TESSERA_TEST_PART ?? ''}${name}`,
      seconds: (endedAt - startedAt) / 1000,
      passed: passed.length,
      failed: [
        ...broken,
        ...tests.filter((test) => test.result().state === 'failed').map(troubleOf),
      ],
      flaky: passed.filter((test) => test.diagnostic()?.flaky).map(troubleOf),
    };
  }
}
