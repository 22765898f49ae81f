/** The command line. */
import { Command } from 'commander';
import { addBot } from './bot.js';
import { addConfig } from './config-command.js';
import type { CliContext } from './context.js';
import { addDoctor } from './doctor.js';
import { addLoadTest } from './load-test.js';
import { addReplay } from './replay.js';
import { addRoom } from './room.js';
import { addServe } from './serve.js';
import { addKey, addToken } from './token.js';
import { VERSION } from './version.js';

export function createProgram(context: CliContext): Command {
  const program = new Command('tessera')
    .description('A self-hosted MCU (mixing server) for WebRTC.')
    .version(VERSION)
    .exitOverride()
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false });
  addServe(program, context);
  addConfig(program, context);
  addKey(program);
  addToken(program, context);
  addRoom(program, context);
  addDoctor(program, context);
  addBot(program, context);
  addLoadTest(program, context);
  addReplay(program);
  return program;
}
