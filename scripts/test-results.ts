/** Prints what `scripts/test` ran: minutes of each part, flaky and failed tests, and their count. */
import { closingLines, readResults } from '../test/support/run-results.js';

console.log(closingLines(readResults(process.argv[2] ?? '')).join('\n'));
