/** The browser that agents use: as a tool, and for people over WebSocket. */
import type { Feature, Mesh } from '@clawmesh/chassis'
import type { ToolsConfig } from '../config.ts'
import type { FoundSandbox } from '../exec/sandbox.ts'
import type { PortName } from '../tool/ports.ts'
import { domainPolicyOf } from '../web/web-access.ts'
import { createBrowsers } from './browsers.ts'
import { findBrowser, type FoundBrowser } from './find.ts'
import { createBrowserPort } from './port.ts'
import { createBrowserUseCases } from './use-cases.ts'
import { createBrowserWs } from './ws.ts'

interface Parts {
  mesh: Mesh
  config: ToolsConfig
  /** Private hosts and ranges that the operator opens. */
  allow: readonly string[]
  findSandbox: () => Promise<FoundSandbox>
  /** Holds the browser until one is found. */
  lacking: Set<PortName>
}

const MiB = 1024 * 1024

export const createBrowser = ({ mesh, config, allow, findSandbox, lacking }: Parts) => {
  const log = mesh.log.child({ service: 'tools', part: 'browser' })
  let found: FoundBrowser = { missing: 'it was not looked for yet' }
  const missing = (): string | undefined => (found.place ? undefined : found.missing)
  // What web_fetch may not reach, a page may not either.
  const rules = { policy: domainPolicyOf(config.webDomains), allow }
  const browsers = createBrowsers({
    place: () => {
      if (!found.place) throw new Error(found.missing)
      return found.place
    },
    rules,
    maxPages: config.browserMaxPages,
    idleMs: config.browserIdleMs,
    most: config.browserMost,
    memoryBytes: config.browserMemoryMb * MiB,
    log,
  })
  const useCases = createBrowserUseCases({ browsers, rules, actionMs: config.browserActionMs })
  lacking.add('browser')
  return {
    ws: createBrowserWs(useCases, missing),
    ports: createBrowserPort(useCases, () => missing() === undefined),
    /** Before the tools are listed, which depends on it. */
    part: {
      name: 'browser',
      start: async () => {
        found = await findBrowser(config, findSandbox)
        if (found.place) lacking.delete('browser')
        else log.info({ missing: found.missing }, 'agents have no browser')
      },
      stop: browsers.closeAll,
    },
  } satisfies Feature & Record<string, unknown>
}
