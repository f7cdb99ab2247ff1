/** Configuration of work at set times. */
import { integer, text, type Setting } from '@clawmesh/chassis'

export const cronSettings = {
  cronDefaultTimezone: {
    env: ['CLAWMESH_CRON_DEFAULT_TIMEZONE'],
    file: 'cron.default_timezone',
    schema: text('UTC'),
    about: 'IANA zone of cron expressions that come without one',
    live: true,
  },
  cronMaxRetries: {
    env: ['CLAWMESH_CRON_MAX_RETRIES'],
    file: 'cron.max_retries',
    schema: integer(3, 0, 20),
    about: 'How often a run of a job that failed is tried again',
    live: true,
  },
  cronRetryMs: {
    env: ['CLAWMESH_CRON_RETRY_MS'],
    schema: integer(2_000, 1),
    about: 'Pause before a run of a job is tried again; doubled each time, at most 30 s',
  },
  cronTickMs: {
    env: ['CLAWMESH_CRON_TICK_MS'],
    schema: integer(1_000, 10),
    about: 'How often a replica looks for jobs whose time has come',
  },
  cronLeaseMs: {
    env: ['CLAWMESH_CRON_LEASE_MS'],
    schema: integer(15_000, 500),
    about: 'A job whose replica has been silent this long is interrupted',
  },
} as const satisfies Record<string, Setting>
