import { implementWs, type Call } from '@clawmesh/chassis'
import { MeshError, ws } from '@clawmesh/contracts'
import { asPrecondition, type BrowserUseCases, type BrowserUser } from './use-cases.ts'

/** A user sees all of their own pages, whichever agent has opened them, and nobody else's. */
const browserUserOf = ({ caller: { tenantId, userId } }: Call): BrowserUser => ({
  owner: { tenantId, agentId: '', userId },
  isSeen: (owner) => owner.userId === userId,
})

/** @param missing what the installation lacks; undefined where it has a browser */
export const createBrowserWs = (browser: BrowserUseCases, missing: () => string | undefined) => {
  const asked = async <T>(work: () => Promise<T>): Promise<T> => {
    if (missing() !== undefined)
      throw new MeshError('FAILED_PRECONDITION', 'error.tool_needs', { tool: 'browser', needs: 'browser' })
    try {
      return await work()
    } catch (thrown) {
      throw asPrecondition(thrown)
    }
  }
  return implementWs(ws.browser)({
    'browser.act': ({ call, params: { targetId, request, timeoutMs } }) =>
      asked(async () => {
        const { result } = await browser.act(browserUserOf(call), targetId, request, { signal: call.signal, timeoutMs })
        return { ok: true as const, ...(result !== undefined && { result }) }
      }),
    'browser.snapshot': ({ call, params: { targetId, ...wanted } }) =>
      asked(() => browser.snapshot(browserUserOf(call), targetId, wanted, { signal: call.signal })),
    'browser.screenshot': ({ call, params: { targetId, fullPage } }) =>
      asked(async () => {
        const { png } = await browser.screenshot(browserUserOf(call), targetId, { fullPage }, { signal: call.signal })
        return { mimeType: 'image/png' as const, data: png.toString('base64') }
      }),
  })
}
