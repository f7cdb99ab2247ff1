import { flag, integer, list, type Setting } from '@clawmesh/chassis'
import { z } from 'zod'

/** Each is remembered for an hour. */
export const mostCallsPerHour = 100_000

export const invokeSettings = {
  toolTimeoutMs: {
    env: ['CLAWMESH_TOOL_TIMEOUT_MS'],
    schema: integer(120_000, 1),
    about: 'How long one tool call may take',
  },
  toolCallsPerHour: {
    env: ['CLAWMESH_TOOL_CALLS_PER_HOUR'],
    file: 'tools.rate_limit_per_hour',
    schema: integer(150, 0, mostCallsPerHour),
    about: 'How many tools one session may call in an hour, counted by each replica of tools; 0 is without limit',
  },
  scrubCredentials: {
    env: ['CLAWMESH_SCRUB_CREDENTIALS'],
    file: 'tools.scrub_credentials',
    schema: flag(true),
    about:
      'Take what looks like a credential out of what tools answer. Values that are stored as credentials go in any case',
  },
  serverAddresses: {
    env: ['CLAWMESH_SERVER_ADDRESSES'],
    schema: list.pipe(z.array(z.ipv4())),
    about:
      'IPv4 addresses between commas that are taken out of what tools answer, beside those of the network interfaces: those by which others reach this machine',
  },
} as const satisfies Record<string, Setting>
