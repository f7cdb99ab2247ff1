/** The browser as the tool has it: for one agent and one user. */
import type { PortMakers } from '../tool/ports.ts'
import type { CallScope } from '../invoke/types.ts'
import type { BrowserPort, BrowserUseCases, BrowserUser } from './use-cases.ts'

/** @param isReady whether there is a browser at all */
export const createBrowserPort = (browser: BrowserUseCases, isReady: () => boolean) =>
  ({
    browser: ({ call: { caller }, userId, agent }) => {
      if (!isReady()) return undefined
      const owner = { tenantId: caller.tenantId, agentId: agent?.id ?? '', userId }
      const user: BrowserUser = { owner, isSeen: (other) => other.agentId === owner.agentId && other.userId === userId }
      return Object.fromEntries(
        Object.entries(browser).map(([name, work]) => [
          name,
          (...rest: unknown[]) => (work as (...args: unknown[]) => unknown)(user, ...rest),
        ]),
      ) as unknown as BrowserPort
    },
  }) satisfies PortMakers<CallScope>
