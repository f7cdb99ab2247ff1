/** What the browser that agents use answers while the installation has none. */
import { implementWs } from '@clawmesh/chassis'
import { MeshError, ws } from '@clawmesh/contracts'

const unavailable = async (): Promise<never> => {
  throw new MeshError('FAILED_PRECONDITION', 'error.tool_needs', { tool: 'browser', needs: 'browser' })
}

export const createBrowserWs = () =>
  implementWs(ws.browser)({
    'browser.act': unavailable,
    'browser.snapshot': unavailable,
    'browser.screenshot': unavailable,
  })
