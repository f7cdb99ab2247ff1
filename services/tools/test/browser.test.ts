import { createWsMethods } from '@clawmesh/chassis'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import type { BrowserUseCases } from '../src/browser/use-cases.ts'
import { createBrowserWs } from '../src/browser/ws.ts'

const none = {} as BrowserUseCases
const methods = createWsMethods([createBrowserWs(none, () => 'there is none')], { checkResponses: true })
const expectWhatIsMissing = async (method: string, params: object = {}) => {
  const caller = testCaller({ role: 'operator', credential: 'gateway-token' })
  const call = { caller, requestId: 'r', signal: new AbortController().signal }
  await expect(methods(call, method, params)).rejects.toMatchObject({
    code: 'FAILED_PRECONDITION',
    params: { needs: 'browser' },
  })
}

rule('browser.act.saysWhatItNeeds', () => expectWhatIsMissing('browser.act', { request: { kind: 'wait' } }))
rule('browser.snapshot.saysWhatItNeeds', () => expectWhatIsMissing('browser.snapshot'))
rule('browser.screenshot.saysWhatItNeeds', () => expectWhatIsMissing('browser.screenshot'))
