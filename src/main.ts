#!/usr/bin/env node
/** The program: the only reader of the environment and caller of `process.exit`. */
import { CommanderError } from 'commander';
import { createProgram } from './cli/program.js';
import { TesseraError } from './errors.js';

const context = { environment: process.env, isTerminal: process.stdout.isTTY ?? false };
try {
  await createProgram(context).parseAsync();
} catch (error) {
  // commander has printed help, version or the wrong usage already.
  if (error instanceof CommanderError) process.exit(error.exitCode);
  const { code, message, next } = TesseraError.from(error);
  console.error(`tessera: ${message} [${code}]${next ? `\n  ${next}` : ''}`);
  process.exit(1);
}
