/** Findings as files: what was sent to which target, so that it can be sent again. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FuzzInput } from './target.js';

/** Where findings go, and stay as tests once they are mended. */
export const FINDINGS = fileURLToPath(new URL('../../test/captures/fuzz/', import.meta.url));

export interface SavedFinding {
  readonly target: string;
  /** Of the run that found it. */
  readonly seed: number;
  /** What was wrong. */
  readonly what: string;
  readonly inputs: readonly FuzzInput[];
}

/** Writes a finding. @returns its path. */
export function saveFinding(finding: SavedFinding, folder = FINDINGS): string {
  const inputs = finding.inputs.map(({ how, bytes }) => ({ how, bytes: bytes.toString('base64') }));
  const text = `${JSON.stringify({ ...finding, inputs }, undefined, 2)}\n`;
  const name = createHash('sha256').update(text).digest('hex').slice(0, 8);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${finding.target}-${name}.json`);
  writeFileSync(path, text);
  return path;
}

/** @throws Error if the file cannot be read. */
export function readFinding(path: string): SavedFinding {
  const { inputs, ...rest } = JSON.parse(readFileSync(path, 'utf8')) as SavedFinding & {
    readonly inputs: readonly { readonly how: string; readonly bytes: string }[];
  };
  return {
    ...rest,
    inputs: inputs.map(({ how, bytes }) => ({
      how,
      bytes: Buffer.from(bytes as unknown as string, 'base64'),
    })),
  };
}

/** Paths of all findings that are kept as tests. */
export function keptFindings(): string[] {
  return readdirSync(FINDINGS)
    .filter((name) => name.endsWith('.json'))
    .map((name) => join(FINDINGS, name));
}
