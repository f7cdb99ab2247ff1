import { z } from 'zod'
import { flag, integer, text, type Setting } from '@clawmesh/chassis'

export const browserSettings = {
  browserEnabled: {
    env: ['CLAWMESH_BROWSER_ENABLED'],
    file: 'tools.browser.enabled',
    schema: flag(true),
    about: 'Offer the tool browser, where there is one: a Chromium on this machine, or one elsewhere',
  },
  browserPath: {
    env: ['CLAWMESH_BROWSER_PATH'],
    file: 'tools.browser.path',
    schema: text(''),
    about: 'Program of the browser; empty looks for chromium, chromium-browser and google-chrome in PATH',
  },
  browserOnHost: {
    env: ['CLAWMESH_BROWSER_ON_HOST'],
    schema: flag(false),
    about:
      'Let the browser run on the machine itself where bubblewrap is not there: as root, it then has no sandbox at all',
  },
  browserRemoteUrl: {
    env: ['CLAWMESH_BROWSER_REMOTE_URL', 'GOCLAW_BROWSER_REMOTE_URL'],
    file: 'tools.browser.remote_url',
    schema: z.union([z.literal(''), z.url({ protocol: /^(?:https?|wss?)$/ })]).default(''),
    about: 'Where a browser elsewhere is spoken to (Chrome DevTools Protocol), instead of one on this machine',
  },
  browserProxyAddress: {
    env: ['CLAWMESH_BROWSER_PROXY_ADDRESS'],
    schema: z
      .string()
      .regex(/^(?:[^\s:/]{1,253}:\d{1,5})?$/, 'must be host:port')
      .default(''),
    about:
      'host:port at which a browser elsewhere reaches this process: its requests come back to it, to be guarded. Needed unless the browser is on this machine',
  },
  browserActionMs: {
    env: ['CLAWMESH_BROWSER_ACTION_MS'],
    file: 'tools.browser.action_timeout_ms',
    schema: integer(30_000, 100, 120_000),
    about: 'How long an action of the browser may take where the call does not say',
  },
  browserIdleMs: {
    env: ['CLAWMESH_BROWSER_IDLE_MS'],
    file: 'tools.browser.idle_timeout_ms',
    schema: integer(600_000, -2_147_483_647),
    about: 'After how long without a call a browser is closed; negative is never',
  },
  browserMaxPages: {
    env: ['CLAWMESH_BROWSER_MAX_PAGES'],
    file: 'tools.browser.max_pages',
    schema: integer(5, 1, 100),
    about: 'Pages that a tenant has open at once; the oldest one is closed for another',
  },
  browserMost: {
    env: ['CLAWMESH_BROWSER_MOST'],
    schema: integer(4, 1, 100),
    about: 'Tenants that have a browser at once, in each process of tools',
  },
  browserMemoryMb: {
    env: ['CLAWMESH_BROWSER_MEMORY_MB'],
    schema: integer(4_096, 512, 65_536),
    about:
      'Memory of the browser of a tenant in MB, all its processes together, what they share counted for each; beyond it the browser is ended',
  },
} as const satisfies Record<string, Setting>
