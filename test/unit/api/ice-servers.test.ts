import { expect, test } from 'vitest';
import { iceServersFor } from '../../../src/api/ice-servers.js';
import { loadConfig } from '../../../src/config/load.js';

const serversFor = (environment: Record<string, string>) =>
  iceServersFor(loadConfig({ environment }).config.iceServers, 'me', 1000);

test('there is no STUN server by default', () => {
  expect(serversFor({})).toEqual([]);
});

test('credentials are those of the settings', () => {
  const urls = { TESSERA_ICE_URLS: 'stun:s.example, turn:t.example' };
  expect(serversFor(urls)).toEqual([{ urls: ['stun:s.example', 'turn:t.example'] }]);
  const named = { ...urls, TESSERA_ICE_USERNAME: 'u', TESSERA_ICE_CREDENTIAL: 'p' };
  expect(serversFor(named)).toMatchObject([{ username: 'u', credential: 'p' }]);
});

test('with a shared secret they are time-limited, as coturn checks them', () => {
  const environment = { TESSERA_ICE_URLS: 'turn:t.example:3478', TESSERA_ICE_SECRET: 'north' };
  expect(serversFor(environment)).toEqual([
    {
      urls: ['turn:t.example:3478'],
      username: '87400:me',
      credential: 'cwrd3TEAeDagQVvX+NsSg804Fto=',
    },
  ]);
});
